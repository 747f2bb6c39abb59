"""Detector and model together: nothing waits for ever, nothing is overwritten, batches change nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import START_NS, packets

from quake_stream import build
from quake_stream.clock import DataClock
from quake_stream.config import parse
from quake_stream.counters import Counters, by_reason
from quake_stream.errors import InferenceError
from quake_stream.models.stalta import StaLtaModel
from quake_stream.pipeline import Pipeline
from quake_stream.types import NS_PER_S, Detection, Gap, Latency


class HandClock:
    """Stands still unless it is set."""

    def __init__(self, now_ns: int) -> None:
        self.ns = now_ns

    def now_ns(self) -> int:
        return self.ns

    def see(self, packet) -> None:
        pass


def pipeline(clock, *, served=None, tell_failure=None, **sections) -> Pipeline:
    config = parse({"source": [{"url": "seedlink://a"}], **sections}, name="test")
    model = served or StaLtaModel()
    return Pipeline(
        detector=build.detector(config, model.spec, Counters()),
        model=model,
        clock=clock,
        tell_failure=tell_failure,
    )


def run(pipe, stream):
    """Life of all detections, without what depends on the time of day."""
    found = [r for packet in stream for r in pipe.receive(packet)]
    found += list(pipe.finish())
    same = Latency(data_s=0.0, queue_s=0.0, inference_s=0.0)
    return [replace(d, latency=same) for d in found if isinstance(d, Detection)]


def test_an_onset_becomes_one_detection_with_its_life():
    found = run(pipeline(DataClock()), packets(60, [40.0]))
    assert [d.state for d in found] == ["new", "end"]
    assert abs(found[0].onset_ns - (START_NS + 40 * NS_PER_S)) < 0.1 * NS_PER_S


def test_a_detection_still_open_at_the_end_is_closed():
    found = run(pipeline(DataClock()), packets(43, [40.0]))
    assert [(d.state, d.reason) for d in found] == [("new", ""), ("end", "shutdown")]


def test_a_gap_is_told_between_the_detections():
    stream = list(packets(80, [40.0]))
    pipe = pipeline(DataClock())
    results = [r for p in stream[:60] + stream[65:] for r in pipe.receive(p)]
    (gap,) = [r for r in results if isinstance(r, Gap)]
    assert (gap.end_ns - gap.start_ns) == 5 * NS_PER_S


@pytest.mark.parametrize("packet_s", [1.0, 7.0, 30.0])
@pytest.mark.parametrize("hop_s", [0.5, 5.0])
def test_a_backfill_is_scored_before_the_ring_overwrites_it(packet_s, hop_s):
    """Ten minutes at once, while the host's clock stands still, so that no batch ever becomes due."""
    onsets = [100.0, 300.0, 500.0]
    clock = HandClock(START_NS + 700 * NS_PER_S)
    pipe = pipeline(clock, windows={"hop_s": hop_s, "ring_s": 54.0}, model={"batch_windows": 4096})
    found = run(pipe, packets(600, onsets, packet_s=packet_s, received_ns=clock.ns))
    assert pipe.n_windows >= 580 / hop_s
    assert not [name for name in by_reason(pipe.detector.counters.snapshot()) if "dropped" in name]
    if hop_s == 0.5:
        assert [d.onset_ns for d in found if d.state == "new"] == [
            pytest.approx(START_NS + onset_s * NS_PER_S, abs=0.1 * NS_PER_S) for onset_s in onsets
        ]


def test_windows_wait_for_company_only_as_long_as_they_may():
    clock = HandClock(START_NS + 30 * NS_PER_S)
    pipe = pipeline(clock, model={"max_wait_s": 2.0})
    for packet in packets(30, received_ns=clock.ns, packet_s=0.5):
        list(pipe.receive(packet))
    n_before = pipe.n_windows
    (late,) = packets(1, start_ns=START_NS + 30 * NS_PER_S, received_ns=clock.ns)
    list(pipe.receive(late))
    assert pipe.wait_s(60.0) == pytest.approx(2.0)
    clock.ns += 2 * NS_PER_S
    assert pipe.wait_s(60.0) == 0.0
    list(pipe.score())
    assert pipe.n_windows > n_before
    assert pipe.wait_s(60.0) == 60.0


@settings(max_examples=20)
@given(
    packet_s=st.sampled_from([0.1, 0.73, 2.0, 20.0]),
    batch_windows=st.sampled_from([8, 64, 4096]),
    max_wait_s=st.sampled_from([0.0, 0.1, 5.0]),
    is_live=st.booleans(),
)
def test_neither_packets_nor_batches_change_a_detection(packet_s, batch_windows, max_wait_s, is_live):
    onsets = [40.0, 41.5, 70.0]
    expected = run(pipeline(DataClock()), packets(90, onsets))
    clock = HandClock(START_NS + 100 * NS_PER_S) if is_live else DataClock()
    pipe = pipeline(clock, model={"batch_windows": batch_windows, "max_wait_s": max_wait_s})
    stream = packets(90, onsets, packet_s=packet_s, received_ns=clock.ns if is_live else None)
    assert run(pipe, stream) == expected


DAY_NS = 86_400 * NS_PER_S


def day_by_day(n_days: int, *, packet_s: float):
    """Two instruments, a minute a day, their packets in turn, as a scan reads an archive with holes."""
    streams = [
        packets(60, onsets, nslc=nslc, start_ns=START_NS + day * DAY_NS, packet_s=packet_s)
        for day in range(n_days)
        for nslc, onsets in (("CX.PB01..HHZ", [40.0, 58.0]), ("CX.PB02..HHZ", [30.0, 57.0]))
    ]
    return sorted((packet for stream in streams for packet in stream), key=lambda packet: packet.end_ns)


@pytest.mark.parametrize("packet_s", [0.5, 3.0])
@pytest.mark.parametrize("batch_windows", [8, 4096])
def test_no_window_is_lost_when_the_clock_of_a_recording_jumps(packet_s, batch_windows):
    model = {"max_wait_s": 5.0, "batch_windows": batch_windows}
    stream = day_by_day(3, packet_s=packet_s)
    together = pipeline(DataClock(), model=model)
    found = run(together, stream)
    apart = []
    for nslc in ("CX.PB01", "CX.PB02"):
        alone = pipeline(DataClock(), model=model)
        apart += run(alone, [p for p in stream if p.source_id.instrument.nsl == nslc])
    assert not [name for name in by_reason(together.detector.counters.snapshot()) if "dropped" in name]
    assert len({d.id for d in found}) == 12
    assert lives(found) == lives(apart)


def lives(detections):
    """Group detections by instrument, in their order."""
    return {i: [d for d in detections if d.instrument_id == i] for i in {d.instrument_id for d in detections}}


def test_what_was_due_before_a_jump_was_scored_when_it_was_due():
    pipe = pipeline(DataClock(), model={"max_wait_s": 5.0, "batch_windows": 4096})
    found = [r for p in day_by_day(2, packet_s=1.0) for r in pipe.receive(p)]
    delays_s = [r.latency.queue_s for r in found if isinstance(r, Detection)]
    assert delays_s
    assert max(delays_s) <= 5.0


def test_a_clock_that_was_set_back_holds_nothing_up():
    clock = HandClock(START_NS - 100 * NS_PER_S)
    pipe = pipeline(clock, windows={"max_future_s": 600.0})
    assert {d.state for d in run(pipe, packets(60, [40.0]))} == {"new", "end"}


def test_a_silent_instrument_is_closed_with_what_still_waits():
    clock = HandClock(START_NS + 50 * NS_PER_S)
    pipe = pipeline(clock, model={"max_wait_s": 5.0})
    stream = list(packets(43, [40.0], received_ns=clock.ns))
    found = [r for packet in stream for r in pipe.receive(packet)]
    found += list(pipe.close_silent(stream[0].source_id.instrument))
    assert pipe.detector.deadline_ns() is None
    assert [(d.state, d.reason) for d in found] == [("new", ""), ("end", "gap")]
    assert list(pipe.close_silent(stream[0].source_id.instrument)) == []


class Allergic(StaLtaModel):
    """Fails on any batch that holds a window with a second component."""

    def __init__(self) -> None:
        super().__init__()
        self.n_failures = 0

    def predict(self, features):
        if features[:, :, 1].any():
            self.n_failures += 1
            raise RuntimeError("bad window")
        return super().predict(features)


@pytest.mark.fault(25)
def test_a_station_that_makes_the_model_fail_costs_the_others_nothing():
    """The model fails on windows with horizontal components; only PB02 has them."""
    good = list(packets(60, [40.0]))
    bad = [p for code in "ZNE" for p in packets(60, [40.0], nslc=f"CX.PB02..HH{code}")]
    stream = sorted(good + bad, key=lambda packet: packet.end_ns)
    expected = run(pipeline(DataClock()), good)
    model, told = Allergic(), []
    pipe = pipeline(
        DataClock(),
        served=model,
        tell_failure=lambda instruments, error: told.extend((str(i), error) for i in instruments),
        model={"max_wait_s": 1.0},
    )
    assert run(pipe, stream) == expected
    assert model.n_failures
    assert set(told) == {("CX.PB02.--.HH", "RuntimeError: bad window")}
    counters = pipe.detector.counters
    assert counters.total("windows.dropped", reason="not_scored", station="CX.PB02") == len(told)
    assert counters.total("windows.dropped", station="CX.PB01") == 0
    assert counters.total("batches.failed")


@pytest.mark.fault(26)
def test_a_model_that_fails_on_everything_is_an_error_with_its_reason():
    class Lost(StaLtaModel):
        def predict(self, features):
            raise RuntimeError("CUDA error: device-side assert triggered")

    pipe = pipeline(DataClock(), served=Lost())
    with pytest.raises(InferenceError, match="fails on any input: RuntimeError: CUDA error"):
        run(pipe, packets(60))


def with_a_sample(packet, value):
    values = packet.samples.astype(np.float32)
    values[50] = value
    return replace(packet, samples=values)


BAD = {
    "nan": lambda p: with_a_sample(p, np.nan),
    "inf": lambda p: with_a_sample(p, -np.inf),
    "huge": lambda p: with_a_sample(p, 1e38),
    "future": lambda p: replace(p, start_ns=p.start_ns + DAY_NS),
    "1970": lambda p: replace(p, start_ns=0),
    "rate": lambda p: replace(p, sample_rate_hz=50.0, samples=p.samples[::2]),
}


@pytest.mark.parametrize(
    ("fault", "count"),
    [
        pytest.param("nan", "packets.refused.not_finite", marks=pytest.mark.fault(9)),
        pytest.param("inf", "packets.refused.not_finite", marks=pytest.mark.fault(10)),
        pytest.param("huge", "packets.refused.not_finite", marks=pytest.mark.fault(10)),
        pytest.param("future", "packets.refused.future", marks=pytest.mark.fault(16)),
        pytest.param("1970", "packets.refused.absurd_time", marks=pytest.mark.fault(16)),
        pytest.param("rate", "traces.restarted.rate_change", marks=pytest.mark.fault(20)),
    ],
)
def test_a_bad_packet_costs_no_detection_but_over_itself(fault, count):
    """Between two earthquakes, at one of two stations that are scored together."""
    streams = [list(packets(90, [40.0, 75.0], nslc=f"CX.PB0{n}..HHZ")) for n in (1, 2)]
    both = [packet for pair in zip(*streams, strict=True) for packet in pair]
    expected = run(pipeline(DataClock()), both)
    at = 2 * 50 + 1
    pipe = pipeline(DataClock())
    found = run(pipe, [*both[:at], BAD[fault](both[at]), *both[at + 1 :]])
    good = streams[0][0].source_id.instrument
    assert lives(found)[good] == lives(expected)[good]
    assert [(d.id, d.state) for d in found] == [(d.id, d.state) for d in expected]
    snapshot = pipe.detector.counters.snapshot()
    assert by_reason(snapshot)[count] in {1, 2}  # the rate changes, and back again
    assert {key.station for key in snapshot if key.name in count} == {"CX.PB02"}


@pytest.mark.fault(11)
def test_an_earthquake_that_clips_is_still_a_detection():
    clipped = [replace(p, samples=np.clip(p.samples, -500, 500)) for p in packets(60, [40.0])]
    assert [d.state for d in run(pipeline(DataClock()), clipped)] == ["new", "end"]


@pytest.mark.fault(14)
@settings(max_examples=8)
@given(data=st.data(), packet_s=st.sampled_from([0.5, 2.0]))
def test_repeats_and_overlaps_give_the_same_detections_and_none_twice(data, packet_s):
    """As after a reconnection: what came last comes again, in other pieces, before or after the next data."""
    (whole,) = packets(50, [25.0, 38.0], packet_s=50.0)
    stream = list(packets(50, [25.0, 38.0], packet_s=packet_s))
    expected = run(pipeline(DataClock()), stream)
    again = []
    for packet in stream:
        n_back = data.draw(st.sampled_from([0, 0, 0, 130, 700]))
        stop = (packet.start_ns - START_NS) * 100 // NS_PER_S
        start = max(0, stop - n_back)
        at_ns = START_NS + start * NS_PER_S // 100
        repeat = replace(packet, start_ns=at_ns, samples=whole.samples[start : stop + 10])
        again += data.draw(st.permutations([packet, repeat])) if start < stop else [packet]
    assert len({d.id for d in expected}) == 2
    assert run(pipeline(DataClock()), again) == expected
