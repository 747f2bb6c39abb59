"""
Read what a table of a SeisBench set says of its traces, row by row, however many there are.

Columns are those of SeisBench's format; only ``trace_name`` and ``station_code`` are required.  A number
that is none is an error that names file, line and column.
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from quake_stream.errors import SourceError
from quake_stream.training.examples import BLAST, EARTHQUAKE

_REQUIRED: Final = ("trace_name", "station_code")
_FIRST_P: Final = frozenset({"p", "pg", "pn", "pb", "p1"})
_FIRST_S: Final = frozenset({"s", "sg", "sn", "sb", "s1"})
_ARRIVAL: Final = re.compile(r"trace_(\w+)_arrival_sample")
_STATUS: Final = ("trace_p_status", "trace_P_status", "trace_Pg_status", "trace_Pn_status")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_NOTHING: Final = frozenset({"", "nan", "none", "null"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    """
    One row: where the trace is, and what is known of it.

    ``p`` and ``s`` are in samples of the trace (the earliest of their kind); ``label`` is the class of the
    event, "" for background, None where the row says nothing of either.  "" or None where unknown.
    """

    chunk: str
    name: str
    station: str
    label: str | None
    p: float | None
    s: float | None
    rate_hz: float | None
    components: str
    time: str
    split: str
    event: str
    channel: str
    p_source: str
    snr_db: float | None
    magnitude: float | None
    distance_km: float | None


def read_rows(file: Path, chunk: str) -> Iterator[TraceRow]:
    """
    Yield the rows of one table.

    Raises
    ------
    SourceError
        The table is missing or lacks a column, or a field holds no number where one belongs.
    """
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines)
            columns = reader.fieldnames or ()
            for name in _REQUIRED:
                if name not in columns:
                    raise SourceError(f"{file}: no column {name}")
            arrivals = _arrivals(columns, _FIRST_P), _arrivals(columns, _FIRST_S)
            for row in reader:
                yield _trace_row(_Fields(file, reader.line_num, row), chunk, arrivals)
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise SourceError(f"{file}: {exc}") from exc


class _Fields:
    """The fields of one line, with what an error message needs."""

    def __init__(self, file: Path, line: int, row: Mapping[str, str | None]) -> None:
        self._file = file
        self._line = line
        self._row = row

    def name(self, column: str) -> str:
        """Field as it stands: a station may be called NAN."""
        return (self._row.get(column) or "").strip()

    def text(self, *columns: str) -> str:
        """First of the columns that holds something."""
        for column in columns:
            value = self.name(column)
            if value.lower() not in _NOTHING:
                return value
        return ""

    def number(self, *columns: str) -> float | None:
        """First of the columns that holds something, as a number."""
        for column in columns:
            if text := self.text(column):
                try:
                    value = float(text)
                except ValueError as exc:
                    problem = f"{self._file}, line {self._line}, column {column}: {text!r} is no number"
                    raise SourceError(problem) from exc
                return value if math.isfinite(value) else None
        return None

    def earliest(self, columns: Sequence[str]) -> float | None:
        """Least of the columns that hold a number."""
        return min((value for column in columns if (value := self.number(column)) is not None), default=None)

    def mean(self, column: str) -> float | None:
        """Mean of the numbers in a field: some sets write one a component, ``[56.8 55.4 47.4]``."""
        numbers = [float(text) for text in _NUMBER.findall(self.text(column))]
        return sum(numbers) / len(numbers) if numbers else None


def _trace_row(fields: _Fields, chunk: str, arrivals: tuple[list[str], list[str]]) -> TraceRow:
    p, s = fields.earliest(arrivals[0]), fields.earliest(arrivals[1])
    dt_s = fields.number("trace_dt_s")
    network, station = fields.name("station_network_code"), fields.name("station_code")
    event = fields.text("source_id")
    category = fields.text("trace_category", "source_type", "source_event_category")
    # A set of background alone has no column of arrivals, but may number its rows as sources.
    is_bare = p is None and s is None and (not event or not arrivals[0])
    return TraceRow(
        chunk=chunk,
        name=fields.name("trace_name"),
        station=f"{network}.{station}",
        label=label_of(category, is_bare=is_bare),
        p=p,
        s=s,
        rate_hz=fields.number("trace_sampling_rate_hz") or (1 / dt_s if dt_s else None),
        components=fields.text("trace_component_order"),
        time=fields.text("trace_start_time", "source_origin_time"),
        split=fields.text("split").lower(),
        event=event,
        channel=fields.text("trace_channel", "station_channels"),
        p_source=fields.text(*_STATUS).lower(),
        snr_db=fields.mean("trace_snr_db") if fields.text("trace_snr_db") else fields.mean("trace_Z_snr_db"),
        magnitude=fields.number("source_magnitude"),
        distance_km=fields.number("path_ep_distance_km", "source_distance_km", "path_hyp_distance_km"),
    )


def label_of(category: str, *, is_bare: bool) -> str | None:
    """
    Class of an event from the words of a set, "" for background.

    Parameters
    ----------
    category
        What the set says: ``earthquake_local``, ``noise``, ``mine blast``, ``explosion``; may be empty.
    is_bare
        Whether neither arrival nor source is given: without a category, that is background.

    Returns
    -------
    None where neither category nor marks tell.
    """
    words = category.lower().replace("_", " ")
    if "noise" in words or (not words and is_bare):
        return ""
    if any(word in words for word in ("blast", "explosion")):
        return BLAST
    if "earthquake" in words:
        return EARTHQUAKE
    if words:
        return words
    return None if is_bare else EARTHQUAKE


def _arrivals(columns: Sequence[str], phases: frozenset[str]) -> list[str]:
    found = []
    for column in columns:
        match = _ARRIVAL.fullmatch(column)
        if match and match[1].lower() in phases:
            found.append(column)
    return found
