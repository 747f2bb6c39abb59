"""
Gather a training set: the labelled recordings and the continuous background beside them.

The continuous recordings that hold earthquakes (``continuous/``) are kept for evaluation: never read here.
"""

import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.training.examples import RATE_HZ, Example, Split
from quake_stream.training.held_out import held_out
from quake_stream.training.labelled import read_labelled
from quake_stream.training.streams import Piece, read_pieces
from quake_stream.types import NS_PER_S

_INSTRUMENTS: Final = {"H": "seismometer", "L": "seismometer", "N": "accelerometer", "P": "geophone"}
"""Kinds of instrument by the second letter of a channel code (SEED manual, appendix A)."""

CHUNK_S: Final = 150.0
"""Long recordings are cut into chunks, so that what is kept of a station spreads over all of its hours."""

STATION_LIMIT_S: Final = 2400.0
"""Most background kept of one station of a set: the fortieth minute teaches less than another site."""

VAL_SHARE: Final = 6  # every sixth station, by a hash of its name, is for validation
VAL_STATIONS: Final = frozenset(
    {"GS.GS030", "NX.USC6", "TR.EGG04", "TR.GOL05", "UT.STN18", "VI.S1", "XX.EB000", "XX.GIO06", "XX.TCBS4"}
)
"""Sites of human and impulsive noise that the hash alone would not give to validation."""


def gather(
    folder: Path, *, counters: Counters | None = None, report: Callable[[str], None] = lambda _: None
) -> list[Example]:
    """
    Read ``labelled/`` and every set under ``noise/`` of a folder.

    Parameters
    ----------
    folder
        Where the sets are.
    counters
        Count what is left out as ``examples.refused``, by reason and station.
    report
        Told what each set held.

    Raises
    ------
    SourceError
        There is nothing to learn from, or a part cannot be read.
    """
    counters = counters or Counters()
    examples: list[Example] = []
    if (folder / "labelled").is_dir():
        examples += read_labelled(folder / "labelled", counters=counters)
        report(f"labelled: {len(examples)} recordings")
    for noise_set in sorted(path for path in (folder / "noise").glob("*") if path.is_dir()):
        found = list(read_noise(noise_set, counters=counters))
        report(f"{noise_set.name}: {sum(e.n_noise for e in found) / RATE_HZ / 60:.0f} minutes")
        examples += found
    if not any(e.is_event for e in examples) or not any(e.n_noise for e in examples):
        raise SourceError(f"{folder}: needs earthquakes (labelled/) and background (labelled/ or noise/)")
    return examples


def read_noise(folder: Path, *, counters: Counters) -> Iterator[Example]:
    """Yield chunks of one set of continuous background, at most `STATION_LIMIT_S` of a station."""
    source = _source(folder / "SOURCE.txt")
    by_station: dict[str, list[Example]] = defaultdict(list)
    for piece in read_pieces(folder):
        station = piece.instrument_id.nsl
        stop_ns = piece.start_ns + round(piece.samples.shape[1] * NS_PER_S / RATE_HZ)
        if forbidden := held_out(station, _day(piece.start_ns), _day(stop_ns)):
            counters.add("examples.refused", reason=f"held out ({forbidden.reason})", station=station)
        else:
            by_station[station] += _chunks(piece, folder.name, source)
    for chunks in by_station.values():
        yield from thin(chunks, STATION_LIMIT_S)


def thin(chunks: list[Example], limit_s: float) -> list[Example]:
    """Keep evenly spread chunks until about ``limit_s`` seconds are reached."""
    total_s = sum(chunk.n_noise for chunk in chunks) / RATE_HZ
    n_kept = min(len(chunks), math.ceil(len(chunks) * limit_s / max(total_s, 1.0)))
    return [chunks[i * len(chunks) // n_kept] for i in range(n_kept)]


def split_of(station: str) -> Split:
    """Training or validation, by the station's name alone: the same in every set and on every machine."""
    return "val" if station in VAL_STATIONS or zlib.crc32(station.encode()) % VAL_SHARE == 0 else "train"


def describe(examples: Iterable[Example]) -> dict[str, dict[str, float]]:
    """Count earthquakes and minutes of background by source and split: for the card and the eye."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        row = table[example.dataset]
        row[f"{example.split}_earthquakes"] += example.is_earthquake
        row[f"{example.split}_noise_s"] += round(example.n_noise / RATE_HZ)
    return {dataset: dict(row) for dataset, row in sorted(table.items())}


def _chunks(piece: Piece, dataset: str, source: dict[str, str]) -> Iterator[Example]:
    n_chunks = max(1, round(piece.samples.shape[1] / RATE_HZ / CHUNK_S))
    length = piece.samples.shape[1] // n_chunks
    station = piece.instrument_id.nsl
    for i in range(n_chunks):
        yield Example(
            samples=piece.samples[:, i * length : (i + 1) * length],
            p_index=-1,
            s_index=-1,
            noise=(0, length),
            dataset=dataset,
            station=station,
            group=f"{dataset}_{station}",
            split=split_of(station),
            native_rate_hz=piece.native_rate_hz,
            instrument=_INSTRUMENTS.get(piece.instrument_id.source, ""),
            trace=f"{piece.instrument_id} {piece.start_ns} {i}/{n_chunks}",
            licence=source.get("Licence", ""),
            citation=source.get("Repository", ""),
        )


def _source(file: Path) -> dict[str, str]:
    """Read the lines ``Licence: …`` and ``Repository: …`` of the text beside a set; none without a file."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    parts = (line.partition(":") for line in lines)
    return {name: value.strip() for name, _, value in parts if name in ("Licence", "Repository")}


def _day(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns").astype("datetime64[D]"))
