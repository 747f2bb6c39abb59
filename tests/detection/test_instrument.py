"""What one instrument does with its windows, seen through a detector that holds only this one."""

import numpy as np
import pytest

from quake_stream.types import DetectionState, Gap

QUAKE_S = 40
DELAY_S = 60


@pytest.fixture(scope="module")
def quake(net):
    return net.recording(70, [(QUAKE_S, 10)])


def states(results):
    return [r.state for r in results if not isinstance(r, Gap)]


def test_windows_without_enough_background_are_skipped_and_counted(net, quake):
    detector = net.detector()
    assert detector.instruments() == []
    packets = net.packets(quake)
    net.run(detector, packets[:30])
    assert detector.counters.total("windows.skipped", reason="warming_up", station="CX.PB01") > 0
    (status,) = detector.instruments()
    assert (status.state, status.components) == ("warming_up", ("Z", "N", "E"))
    net.run(detector, packets[30:90])
    (status,) = detector.instruments()
    assert status.state == "ok"
    assert status.last_data_ns == (net.START_S + 30) * 10**9


def test_a_transform_without_background_needs_no_frames(net, quake):
    detector = net.detector(net.spec(transform="zscore-rfft/1", highpass_hz=0.0))
    net.run(detector, net.packets(quake[:, :1000]))
    assert detector.counters.total("windows.skipped") == 0


def test_windows_carry_the_motion_of_the_ground_at_their_end(net):
    detector = net.detector()
    by_end_s = {}
    for packet in net.packets(net.recording(70, [(QUAKE_S, 10, 2)])):
        detector.receive(packet)
        while (batch := detector.next_batch(packet.received_ns, flush=True)) is not None:
            by_end_s |= {round(w.end_ns / 1e9 - net.START_S, 2): w for w in batch.windows}
    before, after = by_end_s[QUAKE_S - 0.38], by_end_s[QUAKE_S + 1.12]
    assert before.level_db == pytest.approx(40, abs=1)  # noise of 100 counts rms
    assert after.level_db == pytest.approx(
        62, abs=2
    )  # ten times as strong, the vertical twice that, decaying
    assert before.vertical_db == pytest.approx(0, abs=1)
    assert after.vertical_db == pytest.approx(6, abs=1)


def test_an_instrument_is_triggered_while_its_detection_is_on(net, quake):
    detector = net.detector()
    packets = net.packets(quake[:, :4400])
    for packet in packets:
        detector.receive(packet)
        net.score(detector, packet.received_ns)
    net.score(detector, packet.received_ns, flush=True)
    assert detector.instruments()[0].state == "triggered"


@pytest.mark.fault(13)
def test_a_gap_closes_a_detection_before_the_windows_after_it_come(net, quake):
    detector = net.detector()
    before = net.packets(quake[:, :4400])
    after = net.packets(quake[:, 4410:], offset=4410)
    assert DetectionState.NEW in states(feed(net, detector, before))
    results = feed(net, detector, after[:30])
    assert states(results) == [DetectionState.END]
    end = next(r for r in results if not isinstance(r, Gap))
    assert end.reason == "gap"
    assert end.off_ns <= (net.START_S + 44) * 10**9
    assert detector.counters.total("windows.skipped", reason="gap") > 0


def feed(net, detector, packets):
    results = []
    for packet in packets:
        results += detector.receive(packet)
        results += net.score(detector, packet.received_ns, flush=True)
    return results


def test_a_gap_waits_for_the_windows_before_it_to_be_scored(net, quake):
    """The same results, whether the model is asked at once or long after the gap."""
    packets = net.packets(quake[:, :4400]) + net.packets(quake[:, 4410:], offset=4410)
    at_once = feed(net, net.detector(), packets)
    detector = net.detector(max_batch_windows=1000, max_wait_s=25, max_latency_s=60)
    late = [
        r for packet in packets for r in detector.receive(packet) + net.score(detector, packet.received_ns)
    ]
    late += net.score(detector, packets[-1].received_ns, flush=True)
    assert [key(r) for r in late if not isinstance(r, Gap)] == [
        key(r) for r in at_once if not isinstance(r, Gap)
    ]


def key(detection):
    return (detection.id, detection.state, detection.revision, detection.off_ns, detection.onset_ns)


@pytest.mark.fault(11)
def test_a_dead_component_counts_as_missing(net, quake):
    dead = quake.copy()
    dead[1] = 7
    detector = net.detector()
    results = net.run(detector, net.packets(dead))
    assert states(results)[0] is DetectionState.NEW
    assert results[0].channels == ("HHZ",)
    assert detector.counters.total("components.flat", station="CX.PB01") == 1
    alone = net.run(net.detector(net.spec(component_sets=("Z",))), net.packets(quake[:1], codes="Z"))
    assert [key(r) for r in results] == [key(r) for r in alone]


@pytest.mark.fault(11)
def test_a_component_that_comes_back_to_life_is_used_when_its_background_is_alive(net):
    recording = net.recording(120)
    recording[1, :6000] = 7
    detector = net.detector()
    used = {}
    for packet in net.packets(recording):
        assert detector.receive(packet) == []
        while (batch := detector.next_batch(packet.received_ns, flush=True)) is not None:
            used |= {w.start_index - net.START_S * 100: w.components for w in batch.windows}
            detector.receive_scores(batch, net.predict(batch.features), packet.received_ns)
    assert {len(c) for start, c in used.items() if start < 6000 + 512} == {1}
    assert {len(c) for start, c in used.items() if start >= 6000 + 1280 + 512} == {3}


@pytest.mark.fault(11)
def test_an_instrument_without_any_live_component_gives_no_window(net):
    detector = net.detector()
    assert net.run(detector, net.packets(np.full((3, 4000), 5, np.int32))) == []
    assert detector.counters.total("windows.skipped", reason="flat", station="CX.PB01") > 0
    assert detector.instruments()[0].state == "warming_up"


@pytest.mark.fault(21)
def test_components_that_the_model_accepts_in_no_set_are_refused(net, quake):
    detector = net.detector()
    net.run(detector, net.packets(quake[:2], codes="NE"))
    (status,) = detector.instruments()
    assert (status.state, status.components) == ("refused", ("E", "N"))
    detector = net.detector()
    net.run(detector, net.packets(quake[:1], codes="W"))
    (status,) = detector.instruments()
    assert (status.state, status.components) == ("refused", ("W",))


def test_windows_that_were_overwritten_while_they_waited_are_counted(net, quake):
    detector = net.detector(ring_s=30, max_batch_windows=1000, max_latency_s=1000, max_wait_s=900)
    for packet in net.packets(quake):
        detector.receive(packet)
    net.score(detector, packet.received_ns, flush=True)
    assert detector.counters.total("windows.dropped", reason="overwritten", station="CX.PB01") > 0


def test_a_detection_says_what_was_measured(net, quake):
    new, *_ = net.run(net.detector(), net.packets(quake))
    assert abs(new.onset_ns - (net.START_S + QUAKE_S) * 10**9) <= 50_000_000
    assert new.onset_uncertainty_s == 0.01
    assert new.snr_db > 6
    assert 1000 < new.amplitude_counts < 6000
    assert new.channels == ("HHZ", "HHN", "HHE")
    assert dict(new.probabilities)[new.class_name] == new.peak_probability


def test_the_amplitude_grows_with_the_strongest_wave(net):
    quake = net.recording(70, [(QUAKE_S, 5), (QUAKE_S + 4, 50)])
    new, *rest = net.run(net.detector(), net.packets(quake))
    assert rest[-1].amplitude_counts > 5 * new.amplitude_counts
    assert rest[-1].onset_ns == new.onset_ns


def test_a_detection_that_is_on_at_shutdown_ends(net, quake):
    results = net.run(net.detector(), net.packets(quake[:, :4400]))
    assert states(results)[-1] is DetectionState.END
    assert results[-1].reason == "shutdown"


def test_silence_before_anything_was_scored_ends_nothing(net, quake):
    detector = net.detector()
    for packet in net.packets(quake[:, :200]):
        detector.receive(packet)
        assert detector.close_silent(packet.source_id.instrument) == []
