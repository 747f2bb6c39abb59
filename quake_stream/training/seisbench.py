"""
Read data sets in SeisBench's format (Woollam et al. 2022, doi:10.1785/0220210324) as they are.

A set of a million traces is never read whole: its table is, row by row, a number of traces is chosen from
it, and only these are read.  The part that a set keeps for testing is never touched.
"""

import hashlib
import heapq
import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.training.arrivals import is_sound
from quake_stream.training.conditioning import at_model_rate
from quake_stream.training.examples import EARTHQUAKE, RATE_HZ, Example, Split
from quake_stream.training.extract import Marks, extract
from quake_stream.training.held_out import day_span, held_out
from quake_stream.training.seisbench_table import TraceRow, read_rows
from quake_stream.training.seisbench_waveforms import Waveforms
from quake_stream.training.sources import INSTRUMENTS, read_source
from quake_stream.training.split import split_of

NOISE_BEFORE_P_S: Final = 1.0
"""Background ends this long before a P whose time may be a little late."""

_SPLITS: Final[dict[str, Split]] = {
    "train": "train",
    "training": "train",
    "dev": "val",
    "val": "val",
    "valid": "val",
    "validation": "val",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How many traces of a set to read, and the seed that decides which."""

    limit: int = 10_000
    seed: int = 0


def is_seisbench(folder: Path) -> bool:
    """Whether a folder looks like a set in SeisBench's format, whole or in chunks."""
    return any(folder.glob("metadata*.csv")) and any(folder.glob("waveforms*.hdf5"))


def read_seisbench(
    folder: Path, *, counters: Counters, choice: Choice, labels: Collection[str] = (EARTHQUAKE,)
) -> Iterator[Example]:
    """
    Yield examples of a set.

    Parameters
    ----------
    folder
        With ``metadata.csv`` and ``waveforms.hdf5``, or chunks of both.
    counters
        Count what is left out as ``examples.refused``, by reason and station.
    choice
        Traces to read.
    labels
        Kinds of event that are wanted; background always is.

    Raises
    ------
    SourceError
        A file is missing or damaged, a column is missing or holds no number.
    """
    rows = (row for chunk in _chunks(folder) for row in read_rows(folder / f"metadata{chunk}.csv", chunk))
    usable = (row for row in rows if _is_usable(row, labels, counters))
    chosen = sorted(choose(usable, choice), key=_place)
    source = read_source(folder)
    terms = {"dataset": folder.name, "licence": source.licence, "citation": source.citation}
    for chunk, of_chunk in itertools.groupby(chosen, key=lambda row: row.chunk):
        with Waveforms(folder / f"waveforms{chunk}.hdf5") as waveforms:
            for row in of_chunk:
                example = _example(row, waveforms, terms, counters)
                if example is not None:
                    yield example


def choose(rows: Iterator[TraceRow], choice: Choice) -> list[TraceRow]:
    """
    Choose traces in one pass, holding no more than the limit of each class.

    Which ones depends on the seed and on the names of the traces alone, so they are spread over the set.
    Classes share the limit evenly; what a small one leaves goes to the others.
    """
    kept: dict[str | None, list[tuple[int, int, TraceRow]]] = defaultdict(list)
    for number, row in enumerate(rows):
        heap = kept[row.label]
        digest = hashlib.blake2b(f"{choice.seed} {row.chunk} {row.name}".encode(), digest_size=8).digest()
        entry = (-int.from_bytes(digest, "big"), number, row)
        if len(heap) < choice.limit:
            heapq.heappush(heap, entry)
        else:
            heapq.heappushpop(heap, entry)
    left, chosen = choice.limit, []
    by_size = sorted(kept.values(), key=len)
    for position, heap in enumerate(by_size):
        n = min(len(heap), left // (len(by_size) - position))
        chosen += [row for _, _, row in sorted(heap, reverse=True)[:n]]
        left -= n
    return chosen


def _chunks(folder: Path) -> Sequence[str]:
    """Suffixes of the file names: those that the file ``chunks`` lists, else those found."""
    if (folder / "chunks").is_file():
        return (folder / "chunks").read_text(encoding="utf-8").split()
    return sorted(path.stem.removeprefix("metadata") for path in folder.glob("metadata*.csv"))


def _place(row: TraceRow) -> tuple[str, str, tuple[int, str]]:
    """Sort by place in the file, so that neighbours in a block are read one after the other."""
    block, _, address = row.name.partition("$")
    index = address.partition(",")[0]
    return row.chunk, block, (int(index) if index.isdigit() else 0, address)


def _is_usable(row: TraceRow, labels: Collection[str], counters: Counters) -> bool:
    if reason := _refusal(row, labels):
        counters.add("examples.refused", reason=reason, station=row.station)
    return not reason


def _refusal(row: TraceRow, labels: Collection[str]) -> str:
    if row.split == "test":
        return "kept for testing"
    if row.label is None or (row.label and row.p is None):
        return "no P marked"
    if row.label and row.label not in labels:
        return f"class {row.label} not wanted"
    forbidden = held_out(row.station, *day_span(row.time))
    return f"held out ({forbidden.reason})" if forbidden else ""


def _example(
    row: TraceRow, waveforms: Waveforms, terms: dict[str, Any], counters: Counters
) -> Example | None:
    rate_hz = row.rate_hz or waveforms.rate_hz
    if rate_hz is None:
        raise SourceError(
            f"{terms['dataset']}: no sampling rate: neither the column trace_sampling_rate_hz or trace_dt_s "
            f"of metadata{row.chunk}.csv nor data_format/sampling_rate of waveforms{row.chunk}.hdf5"
        )
    trace = waveforms.read(row.name, row.components)
    if trace is None or not np.isfinite(trace).all():
        reason = "no such trace or components" if trace is None else "nan"
        counters.add("examples.refused", reason=reason, station=row.station)
        return None
    resampled = [at_model_rate(component, rate_hz) for component in trace]
    samples, lost = np.stack([component for component, _ in resampled]), resampled[0][1]
    marks = _marks(row, samples.shape[1], _valid(trace), RATE_HZ / rate_hz, lost)
    example = extract(samples, marks, **terms, **_description(row, rate_hz))
    return example if is_sound(example, row.station, counters) else None


def _valid(trace: NDArray[np.float32]) -> tuple[int, int]:
    """Range without the constant padding at either end; a sample is lost where there is none."""
    steps = np.flatnonzero((np.diff(trace, axis=1) != 0).any(axis=0))
    return (int(steps[0]) + 1, int(steps[-1]) + 1) if len(steps) else (0, 0)


def _marks(row: TraceRow, n_samples: int, valid: tuple[int, int], factor: float, lost: int) -> Marks:
    def at(sample: float | None) -> int:
        return -1 if sample is None else round(sample * factor) - lost

    # The filter reaches over padding as far as over the ends of a trace.
    edge = lost + math.ceil(factor) if lost else 0
    start, stop = max(0, at(valid[0]) + edge), min(n_samples, at(valid[1]) - edge)
    is_event = bool(row.label)
    p = at(row.p) if is_event else -1
    noise_stop = p - round(NOISE_BEFORE_P_S * RATE_HZ) if is_event else stop
    return Marks(p=p, s=at(row.s), valid=(start, stop), noise=(start, max(start, noise_stop)))


def _description(row: TraceRow, rate_hz: float) -> dict[str, Any]:
    day, _ = day_span(row.time)
    group = row.event if row.label and row.event else f"{row.station}_{day}"
    return {
        "station": row.station,
        "group": group,
        "split": _SPLITS.get(row.split) or split_of(group),
        "native_rate_hz": rate_hz,
        "label": row.label or "",
        "p_source": row.p_source,
        "snr_db": row.snr_db,
        "magnitude": row.magnitude,
        "distance_km": row.distance_km,
        "instrument": INSTRUMENTS.get(row.channel[1:2], ""),
        "event": row.event,
        "trace": row.chunk + row.name,
    }
