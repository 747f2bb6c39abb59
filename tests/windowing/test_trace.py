import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from quake_stream.counters import Counters
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Packet
from quake_stream.windowing.highpass import HighPass
from quake_stream.windowing.trace import Trace

T0 = 1_700_000_000 * NS_PER_S
N0 = 170_000_000_000  # index of T0 at 100 Hz
HHZ = SourceId.from_nslc("XX.A..HHZ")


class Feeder:
    """A trace, its counters, and packets whose sample values are their numbers since T0."""

    def __init__(self, *, rate=100.0, ring_s=60.0, highpass=False):
        self.rate = rate
        self.counters = Counters()
        self.trace = Trace(
            source_id=HHZ,
            sample_rate_hz=100.0,
            highpass=HighPass(1.0, 100.0) if highpass else None,
            ring_s=ring_s,
            counters=self.counters,
        )

    def feed(self, start, stop, *, late=0.0, values=None, rate=None, start_ns=None, decided=0):
        samples = np.arange(start, stop, dtype=np.float32) if values is None else np.asarray(values)
        if start_ns is None:
            start_ns = T0 + round((start + late) * NS_PER_S / self.rate)
        packet = Packet(
            source_id=HHZ,
            start_ns=start_ns,
            sample_rate_hz=rate or self.rate,
            samples=samples,
            received_ns=start_ns,
        )
        return self.trace.receive(packet, decided=decided)

    def read(self, start, stop, *, filtered=False):
        out = np.empty(stop - start, np.float32)
        return out if self.trace.read_into(out, N0 + start, filtered=filtered) else None

    def held(self):
        return [(a - N0, b - N0) for a, b in self.trace.raw.runs]

    def counts(self):
        return {".".join(filter(None, key[:2])): n for key, n in self.counters.snapshot().items()}


def _is_ramp(samples, start):
    return samples.tolist() == list(range(start, start + len(samples)))


def test_in_order_packets_are_joined():
    feeder = Feeder()
    assert feeder.feed(0, 100) == []
    assert feeder.feed(100, 250) == []
    assert _is_ramp(feeder.read(0, 250), 0)
    assert feeder.counts() == {}
    assert feeder.trace.end_ns == T0 + 2_500_000_000


@pytest.mark.parametrize("late", [0.3, -0.3, 0.49, -0.49])
def test_jitter_below_half_a_sample_is_contiguous_and_re_anchored(late):
    feeder = Feeder()
    feeder.feed(0, 100)
    assert feeder.feed(100, 200, late=late) == []
    assert _is_ramp(feeder.read(0, 200), 0)
    assert feeder.counts() == {"packets.jittered": 1}
    assert np.sign(feeder.trace.end_ns - (T0 + 2 * NS_PER_S)) == np.sign(late)
    assert feeder.feed(200, 300) == []
    assert _is_ramp(feeder.read(0, 300), 0)


@pytest.mark.fault(12)
def test_a_gap_is_reported_and_never_filled():
    feeder = Feeder()
    feeder.feed(0, 100)
    (gap,) = feeder.feed(150, 200)
    assert (gap.source_id, gap.start_ns, gap.end_ns) == (HHZ, T0 + NS_PER_S, T0 + 1_500_000_000)
    assert feeder.held() == [(0, 100), (150, 200)]
    assert feeder.read(99, 151) is None
    assert feeder.counts() == {"gaps": 1}


@pytest.mark.fault(12)
def test_a_gap_of_one_sample_is_a_gap():
    feeder = Feeder()
    feeder.feed(0, 100)
    assert len(feeder.feed(101, 200)) == 1
    assert feeder.held() == [(0, 100), (101, 200)]


@pytest.mark.fault(14)
def test_an_overlap_is_trimmed_to_what_is_new():
    feeder = Feeder()
    feeder.feed(0, 100)
    assert feeder.feed(60, 150) == []
    assert _is_ramp(feeder.read(0, 150), 0)
    assert feeder.counts() == {"packets.overlapping": 1}


@pytest.mark.fault(14)
def test_in_an_overlap_the_first_writer_wins_and_conflicts_are_counted():
    feeder = Feeder()
    feeder.feed(0, 100)
    feeder.feed(60, 150, values=np.full(90, -1, np.int32))
    assert _is_ramp(feeder.read(0, 100), 0)
    assert set(feeder.read(100, 150).tolist()) == {-1}
    assert feeder.counts() == {"packets.overlapping": 1, "samples.conflicting": 40}


@pytest.mark.fault(14)
def test_a_repeat_is_ignored():
    feeder = Feeder()
    feeder.feed(0, 100)
    feeder.feed(100, 200)
    assert feeder.feed(0, 100) == []
    assert feeder.feed(100, 200) == []
    assert feeder.counts() == {"packets.repeated": 2}
    assert feeder.held() == [(0, 200)]


@pytest.mark.fault(15)
def test_a_late_packet_still_in_the_ring_is_written():
    feeder = Feeder()
    feeder.feed(0, 100)
    feeder.feed(200, 300)
    assert feeder.feed(100, 200) == []
    assert _is_ramp(feeder.read(0, 300), 0)
    assert feeder.counts() == {"gaps": 1, "packets.late": 1}


def test_a_late_packet_is_resampled_and_filtered_like_one_in_time():
    late, in_time = Feeder(rate=50.0, highpass=True), Feeder(rate=50.0, highpass=True)
    values = np.random.default_rng(0).integers(-1000, 1000, 1000)
    for a, b in [(0, 400), (600, 1000), (400, 600)]:
        late.feed(a, b, values=values[a:b])
    in_time.feed(0, 1000, values=values)
    assert late.held() == in_time.held()
    start, stop = in_time.held()[0]
    assert late.read(start, stop).tobytes() == in_time.read(start, stop).tobytes()
    start += in_time.trace.n_warm_up
    assert (
        late.read(start, stop, filtered=True).tobytes() == in_time.read(start, stop, filtered=True).tobytes()
    )


@pytest.mark.fault(15)
def test_a_packet_older_than_the_ring_is_ignored_and_counted():
    feeder = Feeder(ring_s=10)
    feeder.feed(0, 100)
    feeder.feed(5000, 5100)
    assert feeder.feed(100, 200) == []
    assert feeder.held() == [(5000, 5100)]
    assert feeder.counts() == {"gaps": 1, "packets.dropped.too_old": 1}


@pytest.mark.fault(13)
def test_a_jump_longer_than_the_ring_leaves_only_what_is_new():
    feeder = Feeder(ring_s=10, highpass=True)
    feeder.feed(0, 1000)
    year = 365 * 86400 * 100
    (gap,) = feeder.feed(year, year + 600)
    assert gap.end_ns == T0 + 365 * 86400 * NS_PER_S
    assert feeder.held() == [(year, year + 600)]
    assert feeder.read(year + 467, year + 600, filtered=True) is not None


@pytest.mark.parametrize("n_missing", [0, 300])
def test_after_its_samples_were_given_back_a_trace_knows_where_it_was(n_missing):
    feeder = Feeder(highpass=True)
    feeder.feed(0, 1000)
    feeder.trace.release()
    assert feeder.held() == []
    gaps = feeder.feed(1000 + n_missing, 2000)
    assert [gap.start_ns for gap in gaps] == ([T0 + 10 * NS_PER_S] if n_missing else [])
    assert _is_ramp(feeder.read(1000 + n_missing, 2000), 1000 + n_missing)


@pytest.mark.fault(18)
def test_a_leap_second_keeps_the_samples_of_the_second_that_came_first():
    feeder = Feeder()
    feeder.feed(0, 200)
    # The header of the next record says one second too early.
    assert feeder.feed(100, 400, values=np.arange(200, 500)) == []
    assert _is_ramp(feeder.read(0, 200), 0)
    assert feeder.read(200, 400).tolist() == list(range(300, 500))
    assert feeder.counts() == {"packets.overlapping": 1, "samples.conflicting": 100}


@pytest.mark.fault(20)
def test_a_rate_change_restarts_the_trace():
    feeder = Feeder()
    feeder.feed(0, 100)
    assert feeder.feed(0, 0, values=np.zeros(200), rate=200.0, start_ns=T0 + NS_PER_S) == []
    assert feeder.counts() == {"traces.restarted.rate_change": 1}
    first, second = feeder.held()
    assert first == (0, 100)
    assert second[0] > 100  # the resampler needs its span, and invents nothing before it
    assert feeder.trace.end_ns == T0 + 2 * NS_PER_S


@pytest.mark.fault(20)
def test_a_rate_change_after_missing_time_is_a_gap():
    feeder = Feeder(rate=200.0)
    feeder.feed(0, 400)
    (gap,) = feeder.feed(0, 0, values=np.zeros(200), rate=100.0, start_ns=T0 + 3 * NS_PER_S)
    assert (gap.start_ns, gap.end_ns) == (T0 + 2 * NS_PER_S, T0 + 3 * NS_PER_S)
    assert feeder.held()[-1] == (300, 500)


@pytest.mark.fault(20)
def test_a_late_packet_of_another_rate_is_dropped():
    feeder = Feeder()
    feeder.feed(0, 1000)
    assert feeder.feed(0, 0, values=np.zeros(200), rate=50.0, start_ns=T0 + NS_PER_S) == []
    assert feeder.counts() == {"packets.dropped.rate_change": 1}


def test_declared_rates_that_differ_by_rounding_are_one_rate():
    feeder = Feeder()
    feeder.feed(0, 100)
    assert feeder.feed(100, 200, rate=99.99800109863281) == []
    assert feeder.held() == [(0, 200)]
    assert feeder.counts() == {}


@pytest.mark.parametrize("true_hz", [99.998, 100.002])
def test_a_drifting_clock_is_never_a_gap(true_hz):
    feeder = Feeder(highpass=True)
    feeder.rate = true_hz
    for start in range(0, 200_000, 400):
        assert feeder.feed(start, start + 400, rate=100.0, values=np.arange(start, start + 400) % 8192) == []
    assert feeder.counts() == {}
    ((first, stop),) = feeder.held()
    assert stop - first == 6000
    assert stop == pytest.approx(200_000 * 100 / true_hz, abs=1.2)
    kept = feeder.read(first, stop)
    assert kept.tolist() == [i % 8192 for i in range(194_000, 200_000)]
    filtered = HighPass(1.0, 100.0).apply(kept)
    assert feeder.read(stop - len(filtered), stop, filtered=True).tobytes() == filtered.tobytes()


def test_windows_decided_before_the_labels_moved_read_the_same_samples_afterwards():
    feeder = Feeder()
    feeder.rate = 99.99
    read = {}
    for start in range(0, 20_000, 100):
        feeder.feed(start, start + 100, rate=100.0, decided=N0 + len(read) * 50)
        while (samples := feeder.read(len(read) * 50, len(read) * 50 + 512)) is not None:
            read[len(read) * 50] = samples
    assert feeder.trace.raw.head != N0 + 20_000  # labels have moved
    kept = [at for at in read if at + N0 > feeder.trace.raw.tail]
    assert len(kept) > 50
    for at in kept:
        assert feeder.read(at, at + 512).tobytes() == read[at].tobytes()


def test_more_room_keeps_what_is_held():
    feeder = Feeder(ring_s=5, rate=50.0, highpass=True)
    feeder.feed(0, 250)
    before = feeder.held()
    feeder.trace.reserve(20)
    assert feeder.held() == before
    feeder.feed(250, 900)
    ((start, stop),) = feeder.held()
    assert start == before[0][0]
    assert feeder.read(start + feeder.trace.n_warm_up, stop, filtered=True) is not None
    feeder.trace.reserve(1)
    assert feeder.held() == [(start, stop)]


_RATES = [20.0, 31.25, 40.0, 50.0, 99.998, 100.0, 200.0, 250.0, 500.0]


@pytest.mark.fault(14)
@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from(_RATES),
    phase=st.floats(0, 1),
    cuts=st.lists(st.integers(1, 700), min_size=1, max_size=8),
    repeats=st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 300)), max_size=4),
)
def test_the_same_samples_give_the_same_bits_in_any_packets(rate, phase, cuts, repeats):
    total = 1500
    values = np.random.default_rng(5).integers(-(2**23), 2**23, total).astype(np.int32)
    whole, cut = Feeder(rate=rate, highpass=True, ring_s=100), Feeder(rate=rate, highpass=True, ring_s=100)
    whole.feed(0, total, values=values, late=phase)
    at = 0
    for i, n in enumerate([*cuts, total]):
        stop = min(total, at + n)
        if at < stop:
            cut.feed(at, stop, values=values[at:stop], late=phase)
        at = stop
        if i < len(repeats):
            first = repeats[i][0] % at
            last = min(at, first + repeats[i][1])
            cut.feed(first, last, values=values[first:last], late=phase)
    assert cut.counters.total("samples.conflicting") == 0
    for ring in ("raw", "ready"):
        a, b = getattr(whole.trace, ring), getattr(cut.trace, ring)
        assert a.runs == b.runs
        assert all(a.read(*run).tobytes() == b.read(*run).tobytes() for run in a.runs)


@pytest.mark.fault(15)
@settings(max_examples=100, deadline=None)
@given(
    pieces=st.permutations(range(12)),
    lost=st.sets(st.integers(0, 11), max_size=5),
)
def test_whatever_the_order_all_that_came_is_held_and_nothing_else(pieces, lost):
    feeder = Feeder()
    for piece in pieces:
        if piece not in lost:
            feeder.feed(piece * 37, piece * 37 + 37)
    held = {i for first, last in feeder.held() for i in range(first, last)}
    assert held == {i for i in range(12 * 37) if i // 37 not in lost}
    for first, last in feeder.held():
        assert _is_ramp(feeder.read(first, last), first)
