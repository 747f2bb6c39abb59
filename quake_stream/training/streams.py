"""
Read folders of continuous recordings: ``mseed/`` and, where given, ``exclude.csv``.

Yields pieces of one instrument in which all its components are present without a gap and nothing is
excluded; no piece reaches over an excluded span, so neither does the background of any window in it.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import obspy
from numpy.typing import NDArray

from quake_stream.errors import SourceError
from quake_stream.source_id import InstrumentId, SourceId
from quake_stream.training.conditioning import N_SETTLE, at_model_rate, highpass
from quake_stream.training.examples import ACCEPTED_SETS, N_COMPONENTS, RATE_HZ
from quake_stream.types import NS_PER_S
from quake_stream.windowing.components import choose_set

SHORTEST_S: Final = 20.0  # less holds no window with its background and the filter's start

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A stretch of one instrument: float32 [3, n] at 100 Hz, high-passed, absent components 0."""

    instrument_id: InstrumentId
    components: tuple[str, ...]
    start_ns: int
    samples: NDArray[np.float32]
    native_rate_hz: float


def read_pieces(folder: Path) -> Iterator[Piece]:
    """
    Yield the usable pieces of a set of recordings, by instrument and time.

    Raises
    ------
    SourceError
        There are no recordings.
    """
    files = sorted(path for path in (folder / "mseed").glob("*") if path.is_file())
    if not files:
        raise SourceError(f"{folder / 'mseed'}: no recordings here")
    excluded = read_excluded(folder / "exclude.csv")
    by_instrument: dict[tuple[InstrumentId, float], list[Any]] = defaultdict(list)
    for file in files:
        for trace in obspy.read(str(file)):
            codes = trace.stats
            source_id = SourceId.from_codes(
                codes.network, codes.station, codes.location, codes.channel.replace("?", "X")
            )
            by_instrument[source_id.instrument, codes.sampling_rate].append(trace)
    for (instrument_id, _), traces in by_instrument.items():
        yield from _pieces(instrument_id, traces, excluded.get(instrument_id.nsl, []))


def read_excluded(file: Path) -> dict[str, list[Span]]:
    """Read spans (UTC ns, half-open) by ``NET.STA`` from ``net_sta,start,end,reason``; none if no file."""
    spans: dict[str, list[Span]] = defaultdict(list)
    if file.is_file():
        with file.open(newline="") as lines:
            for row in csv.DictReader(lines):
                start, end = obspy.UTCDateTime(row["start"]).ns, obspy.UTCDateTime(row["end"]).ns
                spans[row["net_sta"]].append((start, end))
    return dict(spans)


def subtract(span: Span, excluded: Sequence[Span]) -> list[Span]:
    """Cut excluded spans out of a span; what is left, in order."""
    left = [span]
    for bad_start, bad_stop in excluded:
        left = [
            part
            for start, stop in left
            for part in ((start, min(stop, bad_start)), (max(start, bad_stop), stop))
            if part[1] > part[0]
        ]
    return left


def common_spans(spans: Sequence[Sequence[Span]]) -> list[Span]:
    """Intersect several lists of spans, each sorted and without overlap."""
    common = list(spans[0])
    for others in spans[1:]:
        common = [(max(a, c), min(b, d)) for a, b in common for c, d in others if min(b, d) > max(a, c)]
    return common


def _pieces(instrument_id: InstrumentId, traces: Sequence[Any], excluded: Sequence[Span]) -> Iterator[Piece]:
    # Joins what follows without a gap and leaves gaps open: filling them would take years of memory.
    stream = obspy.Stream(list(traces)).merge(method=-1)
    by_component: dict[str, list[Any]] = defaultdict(list)
    for trace in stream:
        by_component[trace.stats.channel[-1]].append(trace)
    chosen = choose_set(by_component.keys(), ACCEPTED_SETS) or ()
    covered = [[_span(trace) for trace in by_component[code]] for code in chosen]
    for whole in common_spans(covered) if covered else []:
        for start, stop in subtract(whole, excluded):
            if stop - start < SHORTEST_S * NS_PER_S:
                continue
            piece = _cut(instrument_id, chosen, by_component, start, stop)
            if piece is not None:
                yield piece


def _span(trace: Any) -> Span:
    stats = trace.stats
    start = stats.starttime.ns
    return start, start + round(stats.npts * NS_PER_S / stats.sampling_rate)


def _cut(
    instrument_id: InstrumentId,
    components: tuple[str, ...],
    by_component: dict[str, list[Any]],
    start_ns: int,
    stop_ns: int,
) -> Piece | None:
    rows = []
    rate_hz, lost = RATE_HZ, 0
    for code in components:
        trace = next(t for t in by_component[code] if _span(t)[0] <= start_ns < _span(t)[1])
        rate_hz = trace.stats.sampling_rate
        first = round((start_ns - _span(trace)[0]) * rate_hz / NS_PER_S)
        n = int((stop_ns - start_ns) * rate_hz / NS_PER_S)
        row, lost = at_model_rate(trace.data[first : first + n], rate_hz)
        rows.append(row)
    n = min(len(row) for row in rows)
    samples = np.zeros((N_COMPONENTS, max(0, n - N_SETTLE)), dtype=np.float32)
    for channel, row in enumerate(rows):
        samples[channel] = highpass(row[:n])
    # A component that never moves is a dead one; a piece of nothing but these teaches nothing.
    if not samples.any() or not np.isfinite(samples).all():
        return None
    return Piece(
        instrument_id=instrument_id,
        components=components,
        start_ns=start_ns + round((lost + N_SETTLE) * NS_PER_S / RATE_HZ),
        samples=samples,
        native_rate_hz=rate_hz,
    )
