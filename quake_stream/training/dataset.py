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

from quake_stream.errors import SourceError
from quake_stream.training.examples import RATE_HZ, Example, Split
from quake_stream.training.labelled import DEMO_STATIONS, read_labelled
from quake_stream.training.streams import Piece, read_pieces

CHUNK_S: Final = 150.0
"""Long recordings are cut into chunks, so that what is kept of a station spreads over all of its hours."""

STATION_LIMIT_S: Final = 2400.0
"""Most background kept of one station of a set: the fortieth minute teaches less than another site."""

VAL_SHARE: Final = 6  # every sixth station, by a hash of its name, is for validation
VAL_STATIONS: Final = frozenset(
    {"GS.GS030", "NX.USC6", "TR.EGG04", "TR.GOL05", "UT.STN18", "VI.S1", "XX.EB000", "XX.GIO06", "XX.TCBS4"}
)
"""Sites of human and impulsive noise that the hash alone would not give to validation."""


def gather(folder: Path, *, report: Callable[[str], None] = lambda _: None) -> list[Example]:
    """
    Read ``labelled/`` and every set under ``noise/`` of a folder.

    Raises
    ------
    SourceError
        There is nothing to learn from, or a part cannot be read.
    """
    examples: list[Example] = []
    if (folder / "labelled").is_dir():
        examples += read_labelled(folder / "labelled")
        report(f"labelled: {len(examples)} recordings")
    for noise_set in sorted(path for path in (folder / "noise").glob("*") if path.is_dir()):
        found = list(read_noise(noise_set))
        report(f"{noise_set.name}: {sum(e.n_noise for e in found) / RATE_HZ / 60:.0f} minutes")
        examples += found
    if not any(e.is_earthquake for e in examples) or not any(e.n_noise for e in examples):
        raise SourceError(f"{folder}: needs earthquakes (labelled/) and background (labelled/ or noise/)")
    return examples


def read_noise(folder: Path) -> Iterator[Example]:
    """Yield chunks of one set of continuous background, at most `STATION_LIMIT_S` of a station."""
    licence = _licence(folder / "SOURCE.txt")
    by_station: dict[str, list[Example]] = defaultdict(list)
    for piece in read_pieces(folder):
        station = piece.instrument_id.nsl
        if not station.startswith(DEMO_STATIONS):
            by_station[station] += _chunks(piece, folder.name, licence)
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


def _chunks(piece: Piece, dataset: str, licence: str) -> Iterator[Example]:
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
            licence=licence,
        )


def _licence(file: Path) -> str:
    if file.is_file():
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("Licence:"):
                return line.removeprefix("Licence:").strip()
    return ""
