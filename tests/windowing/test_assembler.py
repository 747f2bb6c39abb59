from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from quake_stream.counters import Counters
from quake_stream.source_id import InstrumentId, SourceId
from quake_stream.types import NS_PER_S, ModelSpec, Packet
from quake_stream.windowing.assembler import Assembler
from quake_stream.windowing.highpass import HighPass

T0 = 1_700_000_000 * NS_PER_S
N0 = 170_000_000_000  # index of T0 at 100 Hz, a multiple of the hop
N, HOP = 512, 50
YEAR = 365 * 86400 * 100
EDGES = 22  # windows that may hold samples at the two edges of a long outage
SETS = ("ZNE", "Z12", "123", "ZXY", "Z")
INSTRUMENT = InstrumentId(network="XX", station="A", location="", band="H", source="H")


def _spec(*, highpass_hz=0.0, sets=SETS):
    return ModelSpec(
        name="test",
        version="1",
        sha256="",
        sample_rate_hz=100.0,
        n_samples=N,
        component_sets=sets,
        highpass_hz=highpass_hz,
        transform="test/1",
        classes=("noise", "earthquake"),
        trigger_classes=("earthquake",),
        on=0.9,
        off=0.8,
        min_windows=1,
        hop_s=0.5,
    )


class Feeder:
    """An assembler, its counters, and packets whose sample values are their numbers since T0."""

    def __init__(self, *, rate=100.0, highpass_hz=0.0, sets=SETS, **options):
        self.rate = rate
        self.counters = Counters()
        self.windows = []
        self.gaps = []
        self.assembler = Assembler(
            instrument_id=INSTRUMENT,
            spec=_spec(highpass_hz=highpass_hz, sets=sets),
            hop_samples=HOP,
            counters=self.counters,
            **options,
        )

    def feed(self, code, start, stop, *, values=None, start_ns=None, rate=None, received_ns=None):
        if start_ns is None:
            start_ns = T0 + round(start * NS_PER_S / self.rate)
        packet = Packet(
            source_id=SourceId.from_codes("XX", "A", "", f"HH{code}"),
            start_ns=start_ns,
            sample_rate_hz=rate or self.rate,
            samples=np.arange(start, stop, dtype=np.float32) if values is None else values[start:stop],
            received_ns=start_ns if received_ns is None else received_ns,
        )
        gaps, windows = self.assembler.receive(packet)
        self.gaps += gaps
        self.windows += windows
        return windows

    def starts(self, windows=None):
        return [w.start_index - N0 for w in (self.windows if windows is None else windows)]

    def read(self, window, *, filtered=True):
        return self.assembler.read(window.start_index, N, window.components, filtered=filtered)

    def skipped(self):
        return {k.reason: n for k, n in self.counters.snapshot().items() if k.name == "windows.skipped"}


def _range(start, stop):
    return list(range(start, stop, HOP))


def test_windows_start_at_multiples_of_the_hop_since_1970():
    feeder = Feeder(sets=("Z",))
    feeder.feed("Z", 13, 1100)
    assert feeder.starts() == _range(50, 1100 - N + 1)
    window = feeder.windows[0]
    assert (window.start_ns, window.end_ns) == (T0 + NS_PER_S // 2, T0 + 5_620_000_000)
    assert window.instrument_id == INSTRUMENT
    assert feeder.read(window)[:, 0].tolist() == list(range(50, 50 + N))


def test_a_window_bears_the_arrival_of_the_packet_that_completed_it():
    feeder = Feeder(sets=("ZNE",))
    for code in "ZNE":
        feeder.feed(code, 0, N, received_ns=T0 + ord(code))
    assert [w.received_ns for w in feeder.windows] == [T0 + ord("E")]


def test_channels_are_in_the_order_of_the_set():
    feeder = Feeder()
    for offset, code in enumerate("ENZ"):
        feeder.feed(code, 0, N, values=np.full(N, offset, np.int32))
    (window,) = feeder.windows
    assert window.components == ("Z", "N", "E")
    assert feeder.read(window)[0].tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("codes", "chosen"), [("ZNE", "ZNE"), ("12Z", "Z12"), ("123", "312"), ("XYZ", "ZXY")]
)
def test_three_components_are_used_as_soon_as_they_are_seen(codes, chosen):
    feeder = Feeder()
    for code in codes:
        assert feeder.windows == []
        feeder.feed(code, 0, 600)
    assert feeder.starts() == [0, 50]
    assert {w.components for w in feeder.windows} == {tuple(chosen)}


@pytest.mark.fault(21)
def test_a_lone_vertical_is_used_after_waiting_for_others():
    feeder = Feeder(component_wait_s=10)
    for start in range(0, 1100, 100):
        assert feeder.feed("Z", start, start + 100) == []
    assert feeder.starts(feeder.feed("Z", 1100, 1200)) == _range(0, 1200 - N + 1)
    assert feeder.assembler.components == ("Z",)


def test_a_lone_component_of_any_orientation_is_used_where_the_model_accepts_it():
    feeder = Feeder(sets=("ZNE", "Z", "1C"), component_wait_s=0)
    for start in range(0, 1200, 100):
        feeder.feed("H", start, start + 100)
    assert {w.components for w in feeder.windows} == {("H",)}


def test_without_an_accepted_set_windows_are_skipped_and_counted():
    feeder = Feeder(component_wait_s=1)
    for start in range(0, 2000, 100):
        feeder.feed("N", start, start + 100)
        feeder.feed("E", start, start + 100)
    assert feeder.windows == []
    assert feeder.skipped() == {"component_missing": len(_range(0, 2000 - N + 1))}
    assert feeder.assembler.components == ()


def test_a_component_that_no_set_holds_is_refused_and_counted():
    feeder = Feeder()
    feeder.feed("A", 0, 100)
    assert feeder.counters.total("packets.refused", reason="component", station="XX.A") == 1
    assert feeder.assembler.last_data_ns is None


@pytest.mark.fault(9)
@pytest.mark.fault(16)
def test_a_refused_packet_changes_only_a_counter():
    feeder = Feeder(sets=("Z",))
    feeder.feed("Z", 0, 600, rate=1e-6)
    feeder.feed("Z", 0, 600, values=np.full(600, np.nan))
    feeder.feed("Z", 0, 600, start_ns=T0 + 61 * NS_PER_S, received_ns=T0)
    feeder.feed("Z", 0, 600, start_ns=0)
    reasons = {key.reason for key in feeder.counters.snapshot() if key.name == "packets.refused"}
    assert reasons == {"sample_rate", "not_finite", "future", "absurd_time"}
    assert feeder.assembler.last_data_ns is None


def test_a_packet_without_samples_is_only_counted():
    feeder = Feeder()
    feeder.feed("Z", 0, 0, rate=0.001)
    assert feeder.counters.total("packets.empty") == 1


@pytest.mark.fault(12)
def test_a_window_over_a_hole_is_skipped_once_data_beyond_its_end_have_come():
    feeder = Feeder(sets=("Z",))
    feeder.feed("Z", 0, 700)
    feeder.feed("Z", 800, 1000)
    assert feeder.starts() == _range(0, 700 - N + 1)
    assert feeder.skipped() == {"gap": 6}  # 200 … 450 end by 1000
    feeder.feed("Z", 1000, 1312)
    assert feeder.starts()[-1] == 800
    assert feeder.skipped() == {"gap": 12}
    assert len(feeder.gaps) == 1


@pytest.mark.fault(15)
def test_a_hole_that_is_filled_before_the_window_is_decided_makes_it_complete():
    feeder = Feeder(sets=("Z",))
    feeder.feed("Z", 0, 300)
    feeder.feed("Z", 400, 500)
    assert feeder.feed("Z", 300, 400) == []
    feeder.feed("Z", 500, 700)
    assert feeder.starts() == _range(0, 700 - N + 1)
    assert feeder.skipped() == {}
    assert feeder.read(feeder.windows[0])[:, 0].tolist() == list(range(N))


def test_a_hole_in_one_component_is_a_hole_in_the_window():
    feeder = Feeder()
    feeder.feed("Z", 0, 2000)
    feeder.feed("N", 0, 1000)
    feeder.feed("N", 1001, 2000)
    feeder.feed("E", 0, 2000)
    assert feeder.starts() == _range(0, 1000 - N + 1) + _range(1050, 2000 - N + 1)
    assert feeder.skipped() == {"gap": 11}


def test_without_the_span_of_the_filter_a_window_is_warming_up():
    feeder = Feeder(sets=("Z",), highpass_hz=1.0)
    feeder.feed("Z", 0, 600)
    assert feeder.assembler.is_warming_up
    feeder.feed("Z", 600, 1100)
    assert feeder.starts() == _range(500, 1100 - N + 1)
    assert feeder.skipped() == {"warming_up": 10}
    assert not feeder.assembler.is_warming_up
    samples = np.arange(1100, dtype=np.float32)
    highpass = HighPass(1.0, 100.0)
    expected = highpass.apply(samples)[500 - highpass.n_taps + 1 :][:N]
    assert feeder.read(feeder.windows[0])[:, 0].tobytes() == expected.tobytes()
    assert feeder.read(feeder.windows[0], filtered=False)[:, 0].tolist() == list(range(500, 500 + N))


@pytest.mark.fault(21)
def test_a_silent_component_is_left_out_and_taken_back_when_it_serves_again():
    feeder = Feeder(component_wait_s=10, ring_s=100)
    for start in range(0, 6000, 100):
        for code in "ZNE":
            if code != "E" or start < 1000 or start >= 4000:
                feeder.feed(code, start, start + 100)
    assert feeder.starts() == _range(0, 6000 - N + 1)
    by_components = {w.start_index - N0: w.components for w in feeder.windows}
    last_with_e = 1000 - N - (1000 - N) % HOP
    assert by_components[last_with_e] == ("Z", "N", "E")
    assert {by_components[s] for s in _range(last_with_e + HOP, 4000)} == {("Z",)}
    assert {by_components[s] for s in _range(4000, 6000 - N + 1)} == {("Z", "N", "E")}
    assert feeder.counters.total("components.silent") == 1
    assert feeder.assembler.silent_components == ()


def test_an_outage_of_all_components_makes_none_of_them_silent():
    feeder = Feeder(component_wait_s=10)
    # The last records before the outage are short, those after it longer than the wait.
    for start, stop in [(0, 1990), (1990, 2000), (400_000, 402_000), (402_000, 404_000)]:
        for code in "ZNE":
            feeder.feed(code, start, stop)
    assert feeder.starts() == _range(0, 2000 - N + 1) + _range(400_000, 404_000 - N + 1)
    assert {w.components for w in feeder.windows} == {("Z", "N", "E")}
    assert feeder.counters.total("components.silent") == 0
    assert feeder.skipped() == {"gap": EDGES}


def test_a_component_that_does_not_come_back_after_an_outage_is_left_out():
    feeder = Feeder(component_wait_s=10)
    for start in [*range(0, 2000, 100), *range(400_000, 404_000, 100)]:
        for code in "ZNE" if start < 2000 else "ZN":
            feeder.feed(code, start, start + 100)
    assert {w.components for w in feeder.windows if w.start_index > N0 + 2000} == {("Z",)}
    assert feeder.starts()[-1] == 404_000 - N - (404_000 - N) % HOP


def test_windows_wait_for_a_component_that_is_merely_late():
    feeder = Feeder(component_wait_s=10)
    for start in range(0, 3000, 100):
        for code in "ZN":
            feeder.feed(code, start, start + 100)
        if start >= 900:
            feeder.feed("E", start - 900, start - 800)
    assert {w.components for w in feeder.windows} == {("Z", "N", "E")}
    assert feeder.starts() == _range(0, 2100 - N + 1)


@pytest.mark.fault(21)
def test_if_the_vertical_is_silent_windows_are_skipped_and_counted():
    feeder = Feeder(component_wait_s=10)
    for start in range(0, 4000, 100):
        for code in "ZNE":
            if code != "Z" or start < 1000:
                feeder.feed(code, start, start + 100)
    assert feeder.starts()[-1] <= 1000 - N
    assert feeder.skipped()["component_missing"] > 40
    assert feeder.assembler.silent_components == ("Z",)
    assert feeder.assembler.is_warming_up


def test_a_component_that_appears_later_joins_without_losing_a_window():
    feeder = Feeder(component_wait_s=5)
    for start in range(0, 3000, 100):
        feeder.feed("Z", start, start + 100)
        if start >= 1000:
            feeder.feed("N", start, start + 100)
            feeder.feed("E", start, start + 100)
    assert feeder.starts() == _range(0, 3000 - N + 1)
    assert {w.components for w in feeder.windows if w.start_index < N0 + 1000} == {("Z",)}
    assert {w.components for w in feeder.windows if w.start_index >= N0 + 1000} == {("Z", "N", "E")}


def test_records_longer_than_the_ring_lose_no_window():
    feeder = Feeder(ring_s=60, highpass_hz=1.0)
    total, n, n_before = 90_000, 9000, 1792
    values = np.arange(total) % 4096
    for start in range(0, total, n):
        for code in "ZNE":
            for window in feeder.feed(code, start, start + n, values=values):
                assert feeder.read(window) is not None
                before = feeder.assembler.read(window.start_index - n_before, n_before, "ZNE", filtered=False)
                assert (before is None) == (window.start_index - N0 < n_before)
    assert feeder.starts() == _range(500, total - N + 1)
    assert feeder.counters.total("components.silent") == 0


@pytest.mark.fault(13)
def test_a_jump_of_years_is_skipped_by_arithmetic():
    feeder = Feeder(sets=("Z",))
    feeder.feed("Z", 0, 1000)
    feeder.feed("Z", 5 * YEAR, 5 * YEAR + 1000)
    assert feeder.starts()[-1] == 5 * YEAR + 450
    assert feeder.skipped() == {"gap": EDGES}


def test_samples_that_are_no_longer_held_are_not_read():
    feeder = Feeder(sets=("Z",), ring_s=40)
    feeder.feed("Z", 0, 600)
    (window, *_) = feeder.windows
    for start in range(600, 6000, 100):
        feeder.feed("Z", start, start + 100)
    assert feeder.read(window) is None
    assert feeder.assembler.read(N0 + 5000, 100, ("Z", "N"), filtered=False) is None


def test_after_its_samples_were_given_back_windows_come_again_and_none_twice():
    feeder = Feeder(sets=("ZNE",))
    for code in "ZNE":
        feeder.feed(code, 0, 1000)
    feeder.assembler.release()
    assert feeder.read(feeder.windows[-1]) is None
    for start in (200, 1000):
        for code in "ZNE":
            feeder.feed(code, start, start + 1000)
    assert feeder.starts() == _range(0, 1000 - N + 1) + _range(500, 2000 - N + 1)


def test_health_tells_the_end_of_the_newest_data():
    feeder = Feeder()
    feeder.feed("Z", 0, 300)
    feeder.feed("N", 0, 200)
    assert feeder.assembler.last_data_ns == T0 + 3 * NS_PER_S


def _cut(total, sizes):
    cuts = [0]
    while cuts[-1] < total:
        cuts.append(min(total, cuts[-1] + sizes[len(cuts) % len(sizes)]))
    return list(pairwise(cuts))


@pytest.mark.fault(14)
@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from([20.0, 31.25, 40.0, 50.0, 99.998, 100.0, 200.0, 250.0, 500.0]),
    tenths=st.lists(st.lists(st.integers(4, 80), min_size=1, max_size=4), min_size=3, max_size=3),
    repeat_every=st.integers(2, 9),
    overlap=st.integers(0, 30),
)
def test_the_same_samples_give_the_same_windows_and_bytes_in_any_packets(rate, tenths, repeat_every, overlap):
    total = round(25 * rate)
    values = np.random.default_rng(7).integers(-(2**23), 2**23, (3, total)).astype(np.int32)

    def run(packets):
        feeder, got = Feeder(rate=rate, highpass_hz=1.0), []
        for code, start, stop in packets:
            windows = feeder.feed(code, start, stop, values=values["ZNE".index(code)])
            got += [(w.start_index, w.components, feeder.read(w).tobytes()) for w in windows]
        return got, feeder

    cut = sorted(
        (stop, code, start)
        for code, lengths in zip("ZNE", tenths, strict=True)
        for start, stop in _cut(total, [round(n * rate / 10) for n in lengths])
    )
    packets = []
    for i, (stop, code, start) in enumerate(cut):
        packets.append((code, max(0, start - overlap), stop))
        if i % repeat_every == 0:
            packets.append(packets[i // 2])
    whole, _ = run([(code, 0, total) for code in "ZNE"])
    pieces, feeder = run(packets)
    assert len(whole) >= 25
    assert pieces == whole
    assert feeder.counters.total("samples.conflicting") == 0


@pytest.mark.parametrize("rate", [20.0, 31.25, 50.0, 99.998, 100.0, 200.0])
def test_after_a_restart_windows_have_the_same_bytes_once_the_filter_is_warm(rate):
    total = round(40 * rate)
    values = np.random.default_rng(8).integers(-(2**23), 2**23, total).astype(np.int32)

    def run(first):
        feeder = Feeder(rate=rate, highpass_hz=1.0, sets=("Z",))
        feeder.feed("Z", first, total, values=values)
        return {w.start_index: feeder.read(w).tobytes() for w in feeder.windows}

    whole, restarted = run(0), run(round(15.37 * rate))
    assert len(restarted) > 20
    assert restarted.items() <= whole.items()


@pytest.mark.fault(12)
@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(
        st.tuples(st.sampled_from("ZNE"), st.integers(0, 29), st.integers(1, 200)), min_size=0, max_size=6
    ),
    order=st.randoms(use_true_random=False),
    highpass=st.booleans(),
)
def test_no_window_holds_a_sample_that_was_not_sent_and_every_other_is_emitted(pieces, order, highpass):
    # 30 s of three components, cut at 1 s, with pieces lost and up to three packets out of order.
    total = 3000
    lost = {code: np.zeros(total, bool) for code in "ZNE"}
    for code, second, n in pieces:
        lost[code][second * 100 : second * 100 + n] = True
    packets = [(code, s) for s in range(0, total, 100) for code in "ZNE"]
    for i in range(0, len(packets) - 3, 3):
        group = packets[i : i + 3]
        order.shuffle(group)
        packets[i : i + 3] = group
    feeder = Feeder(highpass_hz=1.0 if highpass else 0.0, component_wait_s=30, sets=("ZNE",))
    for code, start in packets:
        kept = np.flatnonzero(~lost[code][start : start + 100]) + start
        for run in np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1):
            if len(run):
                for window in feeder.feed(code, int(run[0]), int(run[-1]) + 1):
                    s = window.start_index - N0
                    raw = feeder.read(window, filtered=False)
                    assert all(raw[:, c].tolist() == list(range(s, s + N)) for c in range(3))
                    assert not any(lost[code][s : s + N].any() for code in "ZNE")
    span = HighPass(1.0, 100.0).n_taps - 1 if highpass else 0
    held = {code: ~lost[code] for code in "ZNE"}
    possible = [
        s
        for s in range(0, total - N + 1, HOP)
        if s >= span and all(held[code][s - span : s + N].all() for code in "ZNE")
    ]
    assert feeder.starts() == possible
