import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from quake_stream.counters import Counters
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Packet
from quake_stream.windowing.coverage import Lost, count_lost, next_start, undecided_start
from quake_stream.windowing.highpass import HighPass
from quake_stream.windowing.trace import Trace

N, HOP = 512, 50
HHZ = SourceId.from_nslc("XX.A..HHZ")


def _trace(*runs, highpass=False):
    trace = Trace(
        source_id=HHZ,
        sample_rate_hz=100.0,
        highpass=HighPass(1.0, 100.0) if highpass else None,
        ring_s=100.0,
        counters=Counters(),
    )
    for first, stop in runs:
        start_ns = first * NS_PER_S // 100
        trace.receive(
            Packet(
                source_id=HHZ,
                start_ns=start_ns,
                sample_rate_hz=100.0,
                samples=np.ones(stop - first, np.int32),
                received_ns=start_ns,
            )
        )
    return trace


@pytest.mark.parametrize(("index", "start"), [(0, 0), (1, 50), (50, 50), (-1, 0), (-50, -50)])
def test_starts_are_multiples_of_the_hop(index, start):
    assert next_start(index, HOP) == start


def test_a_window_is_undecided_while_data_may_still_come():
    assert undecided_start(512, N, HOP) == 50
    assert undecided_start(511, N, HOP) == 0
    assert undecided_start(562, N, HOP) == 100


@pytest.mark.parametrize("runs", [[], [(0, 511)], [(0, 512)], [(0, 2000)], [(100, 511)]])
def test_a_window_that_is_or_may_become_complete_is_not_lost(runs):
    assert count_lost(_trace(*runs), 0, N, HOP) == Lost(0, 0)


def test_windows_over_a_hole_are_lost_up_to_the_first_behind_it():
    assert count_lost(_trace((0, 700), (701, 3000)), 200, N, HOP) == Lost((750 - 200) // HOP, 0)


def test_windows_whose_end_has_not_come_are_not_lost_yet():
    # Windows that start at 200 to 450 end within the 1000 samples that came; the one at 500 may still be saved by late data.
    assert count_lost(_trace((0, 700), (900, 1000)), 200, N, HOP) == Lost(6, 0)


def test_windows_without_the_span_of_the_filter_are_warming_up():
    # Ready from 701 + 467 = 1168 on.
    assert count_lost(_trace((0, 700), (701, 5000), highpass=True), 200, N, HOP) == Lost(11, 9)


def test_windows_are_warming_up_while_nothing_of_a_run_is_ready():
    assert count_lost(_trace((0, 460), highpass=True), 0, 300, HOP) == Lost(0, 4)


def test_a_jump_of_years_costs_nothing():
    year = 365 * 86400 * 100
    lost = count_lost(_trace((0, 1000), (3 * year, 3 * year + 1000)), 500, N, HOP)
    assert lost == Lost(3 * year // HOP - 500 // HOP, 0)


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.tuples(st.integers(1, 900), st.integers(1, 300)), min_size=1, max_size=5),
    highpass=st.booleans(),
    start=st.integers(0, 20),
)
def test_the_count_equals_deciding_window_by_window(pieces, highpass, start):
    runs, at = [], 0
    for length, hole in pieces:
        runs.append((at, at + length))
        at += length + hole
    trace = _trace(*runs, highpass=highpass)

    def verdict(s):
        if trace.ready.is_complete(s, s + N) or s + N > trace.raw.head:
            return None
        return "warming_up" if trace.raw.is_complete(s, s + N) else "gap"

    verdicts = [verdict(s) for s in range(start * HOP, max(at, start * HOP) + HOP, HOP)]
    verdicts = verdicts[: verdicts.index(None)]
    n_gap = len(verdicts) if "warming_up" not in verdicts else verdicts.index("warming_up")
    assert count_lost(trace, start * HOP, N, HOP) == Lost(n_gap, len(verdicts) - n_gap)
