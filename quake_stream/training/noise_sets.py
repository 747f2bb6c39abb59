"""
Read sets of continuous background: a folder with ``mseed/``, ``exclude.csv`` and ``SOURCE.txt``.

What is kept of a long recording is spread over all of its hours.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from quake_stream.counters import Counters
from quake_stream.training.examples import RATE_HZ, Example
from quake_stream.training.held_out import held_out
from quake_stream.training.sources import INSTRUMENTS, Source, read_source
from quake_stream.training.split import split_of
from quake_stream.training.streams import Piece, read_pieces
from quake_stream.types import NS_PER_S

CHUNK_S: Final = 150.0
"""Long recordings are cut into chunks, so that what is kept of a station spreads over all of its hours."""

STATION_LIMIT_S: Final = 2400.0
"""Most background kept of one station of a set: the fortieth minute teaches less than another site."""


def read_noise(folder: Path, *, counters: Counters) -> Iterator[Example]:
    """
    Yield chunks of one set of continuous background, at most `STATION_LIMIT_S` of a station.

    Pieces that are held out are counted as ``examples.refused``.

    Raises
    ------
    SourceError
        There are no recordings.
    """
    source = read_source(folder)
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


def _chunks(piece: Piece, dataset: str, source: Source) -> Iterator[Example]:
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
            instrument=INSTRUMENTS.get(piece.instrument_id.source, ""),
            trace=f"{piece.instrument_id} {piece.start_ns} {i}/{n_chunks}",
            licence=source.licence,
            citation=source.citation,
        )


def _day(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns").astype("datetime64[D]"))
