"""
Streams → instruments, and what the service will do with each.  Pure.

It applies the service's own rules (component sets, sampling rates, clocks) to what is known of a stream
before a sample of it is used.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quake_stream.diagnosis.report import (
    Finding,
    InstrumentReport,
    State,
    duration,
    ok,
    problem,
    some,
    warning,
)
from quake_stream.source_id import InstrumentId, SourceId
from quake_stream.windowing.components import choose_set, is_useful
from quake_stream.windowing.resampler import MAX_RATE_HZ, MIN_RATE_HZ

LATE_S = 60.0
_CLOCK_AHEAD_S = 1.0

# FDSN band codes whose sampling rate lies outside what is resampled, and those for what is no series.
_USELESS_BANDS = frozenset("JFGMLVUWRPTQAOI")

_ADVICE: dict[State, str] = {
    "silent": "nothing is known of their data yet; listen longer (--seconds), or ask the network's operator",
    "late": "detections can be no faster",
    "clock_ahead": "their clocks are wrong, or this machine's is",
    "future": "the service refuses their records; their clocks are wrong, or this machine's is",
    "sample_rate": f"the service uses {MIN_RATE_HZ:g} to {MAX_RATE_HZ:g} Hz; narrow the streams to spare them",
    "components": "the model has no use for their components; narrow the streams to spare them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """
    What is known of one stream; None where it is not.

    ``latency_s`` is the age of the newest sample when it arrived (or when the server said so), ``ahead_s`` how
    far the start of the newest record lay in the future.
    """

    source_id: SourceId
    rate_hz: float | None = None
    record_s: float | None = None
    latency_s: float | None = None
    ahead_s: float | None = None


def judge(
    source: str,
    streams: Iterable[StreamFacts],
    *,
    component_sets: Sequence[str],
    max_future_s: float,
    is_live: bool = True,
) -> list[InstrumentReport]:
    """
    Judge every instrument, in the order of their names.

    Parameters
    ----------
    source
        Server or archive.
    streams
        All wanted streams of it.
    component_sets
        What the model accepts, best first.
    max_future_s
        By how much a record may start after its arrival.
    is_live
        False for recordings, whose age says nothing.
    """
    by_instrument: defaultdict[InstrumentId, list[StreamFacts]] = defaultdict(list)
    for stream in streams:
        by_instrument[stream.source_id.instrument].append(stream)
    return [
        _judge_one(source, name, own, component_sets, max_future_s, is_live=is_live)
        for name, own in sorted((str(name), own) for name, own in by_instrument.items())
    ]


def findings(about: str, reports: Sequence[InstrumentReport]) -> list[Finding]:
    """Sum up: how many instruments the model can use, and one warning for each kind of trouble."""
    if not reports:
        return []
    n_used = sum(bool(report.used) for report in reports)
    text = f"{n_used} of {len(reports)} instruments can be used"
    found = [ok(about, text) if n_used else problem(about, f"{text}: there is nothing to detect on")]
    for state, advice in _ADVICE.items():
        names = [f"{r.instrument} ({r.note})" for r in reports if r.state == state]
        if names:
            found.append(warning(about, f"{len(names)} × {_WORDS[state]}: {some(names)}; {advice}"))
    return found


_WORDS: dict[State, str] = {
    "silent": "silent",
    "late": f"more than {LATE_S:.0f} s late",
    "clock_ahead": "ahead of time",
    "future": "in the future",
    "sample_rate": "wrong sampling rate",
    "components": "no set of components",
}


def _judge_one(
    source: str,
    name: str,
    streams: Sequence[StreamFacts],
    component_sets: Sequence[str],
    max_future_s: float,
    *,
    is_live: bool,
) -> InstrumentReport:
    usable = [s for s in streams if _has_good_rate(s) and (s.ahead_s or 0.0) <= max_future_s]
    used = choose_set({s.source_id.subsource for s in usable}, component_sets) or ()
    wanted = [s for s in usable if s.source_id.subsource in used] or list(streams)
    state, note = _state(wanted, component_sets, max_future_s, is_used=bool(used), is_live=is_live)
    latencies = [s.latency_s for s in wanted if s.latency_s is not None]
    return InstrumentReport(
        source=source,
        instrument=name,
        components=tuple(sorted((s.source_id.subsource for s in streams), key=_vertical_first)),
        used=used,
        rates_hz=tuple(sorted({s.rate_hz for s in wanted if s.rate_hz is not None})),
        record_s=max((s.record_s for s in wanted if s.record_s is not None), default=None),
        latency_s=max(latencies, key=abs, default=None),
        state=state,
        note=note,
    )


def _vertical_first(component: str) -> tuple[int, str]:
    usual = "ZNE"
    return (usual.index(component) if component in usual else len(usual)), component


def _has_good_rate(stream: StreamFacts) -> bool:
    if stream.rate_hz is None:
        return stream.source_id.band not in _USELESS_BANDS
    return MIN_RATE_HZ <= stream.rate_hz <= MAX_RATE_HZ


def _state(
    streams: Sequence[StreamFacts],
    component_sets: Sequence[str],
    max_future_s: float,
    *,
    is_used: bool,
    is_live: bool,
) -> tuple[State, str]:
    """Worst state of an instrument's streams, and what to say of it."""
    if not is_used:
        return _why_unused(streams, component_sets, max_future_s)
    if not is_live:
        return "ok", ""
    latencies = [s.latency_s for s in streams if s.latency_s is not None]
    if not latencies:
        return "silent", "nothing arrived"
    if min(latencies) < -_CLOCK_AHEAD_S:
        return "clock_ahead", f"{duration(-min(latencies))} ahead"
    if max(latencies) > LATE_S:
        return "late", f"{duration(max(latencies))} late"
    return "ok", ""


def _why_unused(
    streams: Sequence[StreamFacts], component_sets: Sequence[str], max_future_s: float
) -> tuple[State, str]:
    ahead = [s.ahead_s for s in streams if s.ahead_s is not None and s.ahead_s > max_future_s]
    useful = [s for s in streams if is_useful(s.source_id.subsource, component_sets)]
    bad = [s for s in useful if not _has_good_rate(s)]
    if useful and len(bad) == len(useful):
        rates = sorted({s.rate_hz for s in bad if s.rate_hz is not None})
        text = ", ".join(f"{rate:g}" for rate in rates)
        return "sample_rate", f"{text} Hz" if rates else f"band code {bad[0].source_id.band}"
    if ahead:
        return "future", f"{duration(max(ahead))} ahead"
    return "components", f"only {', '.join(sorted({s.source_id.subsource for s in streams}))}"
