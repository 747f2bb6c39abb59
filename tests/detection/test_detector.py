import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quake_stream.counters import Key
from quake_stream.detection.trigger import TriggerSettings
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, DetectionState, Gap, Latency

NO_LATENCY = Latency(data_s=0, queue_s=0, inference_s=0)


def timeless(results):
    """Results by instrument without latencies: what must not depend on packets and batches."""
    found = {}
    for r in results:
        instrument = r.source_id.instrument if isinstance(r, Gap) else r.instrument_id
        found.setdefault(instrument, []).append(r if isinstance(r, Gap) else replace(r, latency=NO_LATENCY))
    return found


def test_an_earthquake_becomes_one_detection_and_noise_none(net):
    results = net.run(net.detector(), net.packets(net.recording(120, [(60, 10)])))
    assert results[0].state is DetectionState.NEW
    assert results[-1].state is DetectionState.END
    assert len({r.id for r in results}) == 1
    assert [r.revision for r in results] == list(range(len(results)))
    assert net.run(net.detector(), net.packets(net.recording(120, seed=1))) == []


P, S = (50, 10), (56, 100, 0.3)
P_THAT_GROWS = (56, 100)
WEAK_S, NEXT_P = (52, 15, 0.2), (56, 150)


@pytest.mark.parametrize(("quakes", "n"), [([P, S], 1), ([P, P_THAT_GROWS], 1), ([P, WEAK_S, NEXT_P], 2)])
def test_what_is_stronger_while_the_ground_still_shakes_is_the_same_detection_unless_it_is_upright_anew(
    net, quakes, n
):
    results = net.run(net.detector(), net.packets(net.recording(90, quakes)))
    assert len({r.id for r in results}) == n
    assert results[-1].off_ns > (net.START_S + 56) * NS_PER_S


def test_without_a_vertical_and_horizontals_what_is_stronger_is_the_same_detection(net):
    recording = net.recording(90, [P, WEAK_S, NEXT_P], n_components=1)
    results = net.run(net.detector(), net.packets(recording, codes="Z"))
    assert len({r.id for r in results}) == 1


@pytest.fixture(scope="module")
def story(net):
    """Make a gap, then a quake in the coda of another, and say what becomes of it in packets of one second."""
    recording = net.recording(90, [(25, 10), (55, 10), (63, 30)])
    return recording, timeless(net.run(net.detector(), packets_with_gap(net, recording, 100)))


def packets_with_gap(net, recording, cuts):
    before = net.packets(recording[:, :3000], cuts=cuts)
    return before + net.packets(recording[:, 3050:], cuts=cuts, offset=3050)


def test_the_story_has_a_detection_before_the_gap_and_two_after_it(net, story):
    _, expected = story
    ((_, results),) = expected.items()
    assert len({r.id for r in results if not isinstance(r, Gap)}) == 3
    assert sum(isinstance(r, Gap) for r in results) == 3
    assert {r.reason for r in results if not isinstance(r, Gap)} == {"", "gap", "retrigger", "off"}


LENGTHS = st.lists(st.integers(1, 800), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cuts=st.tuples(LENGTHS, LENGTHS, LENGTHS).filter(lambda cuts: all(c[-1] >= 20 for c in cuts)),
    max_batch_windows=st.sampled_from([1, 2, 7, 64]),
    max_wait_s=st.sampled_from([0.0, 0.3, 5.0, 15.0]),
)
def test_packet_cuts_and_batch_sizes_do_not_change_a_bit(net, story, cuts, max_batch_windows, max_wait_s):
    recording, expected = story
    detector = net.detector(max_batch_windows=max_batch_windows, max_wait_s=max_wait_s)
    results = timeless(net.run(detector, packets_with_gap(net, recording, cuts)))
    assert detections(results) == detections(expected)


def detections(by_instrument):
    return {k: [r for r in results if not isinstance(r, Gap)] for k, results in by_instrument.items()}


def test_a_restart_in_the_middle_finds_the_same_detections(net):
    recording = net.recording(120, [(80, 10)])
    whole = net.run(net.detector(), net.packets(recording))
    second = net.run(net.detector(), net.packets(recording[:, 3217:], offset=3217))
    assert timeless(whole) == timeless(second)


def test_features_are_the_same_in_any_company(net):
    """A window's features hold the same bytes in a batch of its own and among other instruments."""
    alone = features_by_window(net, net.packets(net.recording(40)), max_batch_windows=1)
    other = net.recording(40, [(20, 5)], seed=3)
    packets = net.packets(net.recording(40)) + net.packets(other, station="PB02")
    packets.sort(key=lambda packet: packet.received_ns)
    together = features_by_window(net, packets, max_batch_windows=32)
    assert len(alone) > 20
    assert alone.items() <= together.items()


def features_by_window(net, packets, *, max_batch_windows):
    detector = net.detector(max_batch_windows=max_batch_windows, max_wait_s=5)
    found = {}
    for packet in packets:
        detector.receive(packet)
        is_last = packet is packets[-1]
        while (batch := detector.next_batch(packet.received_ns, flush=is_last)) is not None:
            assert batch.features.dtype == np.float32
            assert batch.features.shape == (len(batch.windows), 257, 3)
            for window, features in zip(batch.windows, batch.features, strict=True):
                found[window.instrument_id, window.start_index] = features.tobytes()
    return found


def test_one_late_station_delays_no_other(net):
    recording = net.recording(100, [(60, 10)])
    late = net.packets(recording, station="LATE", delay_s=120)
    prompt = net.packets(recording)
    both = sorted(late + prompt, key=lambda packet: packet.received_ns)
    results = timeless(net.run(net.detector(), both))
    assert set(results) == {late[0].source_id.instrument, prompt[0].source_id.instrument}
    first = net.run(net.detector(), prompt)[0]
    assert first.latency.data_s < 1
    assert first.latency.queue_s <= 1


def test_the_latency_says_where_the_time_went(net):
    detector = net.detector(max_wait_s=0)
    found = []
    for packet in net.packets(net.recording(70, [(40, 10)]), delay_s=3):
        assert detector.receive(packet) == []
        now_ns = packet.received_ns + 200_000_000
        while (batch := detector.next_batch(now_ns)) is not None:
            scores = net.predict(batch.features)
            found += detector.receive_scores(batch, scores, now_ns + 50_000_000)
    latency = found[0].latency
    assert 3 <= latency.data_s <= 4
    assert latency.queue_s == pytest.approx(0.2)
    assert latency.inference_s == pytest.approx(0.05)
    assert latency.total_s == pytest.approx(latency.data_s + 0.25)


def test_a_station_clock_that_is_ahead_gives_no_negative_latency(net):
    results = net.run(net.detector(), net.packets(net.recording(70, [(40, 10)]), delay_s=-20))
    assert results
    assert all(r.latency.data_s == 0 for r in results)


def test_the_deadline_says_when_the_next_batch_is_due(net):
    detector = net.detector(max_wait_s=0.5, max_batch_windows=1000)
    assert detector.deadline_ns() is None
    for packet in net.packets(net.recording(30)):
        detector.receive(packet)
        if (deadline_ns := detector.deadline_ns()) is not None:
            break
    assert deadline_ns == packet.received_ns + NS_PER_S // 2
    assert detector.next_batch(deadline_ns - 1) is None
    assert detector.next_batch(deadline_ns) is not None
    assert detector.deadline_ns() is None


def test_windows_that_waited_too_long_are_dropped_and_counted(net):
    detector = net.detector(max_wait_s=100, max_latency_s=5, max_batch_windows=1000)
    for packet in net.packets(net.recording(40)):
        detector.receive(packet)
    batch = detector.next_batch(packet.received_ns, flush=True)
    assert all(packet.received_ns - w.received_ns <= 5 * NS_PER_S for w in batch.windows)
    assert detector.counters.total("windows.dropped", reason="max_latency", station="CX.PB01") > 0


def test_windows_left_at_the_end_are_counted(net):
    detector = net.detector(max_wait_s=100, max_batch_windows=1000)
    for packet in net.packets(net.recording(30)):
        detector.receive(packet)
    assert detector.finish() == []
    assert detector.counters.total("windows.dropped", reason="shutdown") > 0
    assert detector.deadline_ns() is None


def test_other_thresholds_hold_from_the_next_window_on(net):
    packets = net.packets(net.recording(120, [(40, 10), (90, 10)]))
    detector = net.detector()
    first = [p for p in packets if p.end_ns <= (net.START_S + 70) * NS_PER_S]
    n_before = len({r.id for r in net.run(detector, first)})
    deaf = TriggerSettings(on=1.0, off=1.0, min_windows=100)
    detector.set_triggers(lambda instrument_id: deaf)
    assert n_before == 1
    assert net.run(detector, packets[len(first) :]) == []


def test_settings_are_asked_for_by_instrument(net):
    asked = []
    detector = net.detector()
    detector.set_triggers(
        lambda instrument_id: asked.append(instrument_id) or TriggerSettings(on=1, off=1, min_windows=1)
    )
    net.run(detector, net.packets(net.recording(10)))
    assert asked == [InstrumentId(network="CX", station="PB01", location="", band="H", source="H")]


def test_scores_of_another_shape_are_refused(net):
    detector = net.detector()
    for packet in net.packets(net.recording(30)):
        detector.receive(packet)
    batch = detector.next_batch(packet.received_ns, flush=True)
    with pytest.raises(ValueError, match="scores have shape"):
        detector.receive_scores(batch, np.zeros((len(batch.windows), 3), np.float32), 0)


def test_an_unknown_transform_is_refused(net):
    with pytest.raises(ValueError, match="unknown feature transform 'nonsense/1'"):
        net.detector(net.spec(transform="nonsense/1"))


def test_absent_components_are_zero_in_the_features(net):
    detector = net.detector()
    for packet in net.packets(net.recording(40, n_components=1), codes="Z"):
        detector.receive(packet)
    batch = detector.next_batch(packet.received_ns, flush=True)
    assert np.any(batch.features[:, :, 0])
    assert not np.any(batch.features[:, :, 1:])


@settings(max_examples=15, deadline=None)
@given(cut_s=st.integers(20, 55), n_missing_s=st.sampled_from([6, 30, 400]))
def test_a_silent_instrument_ends_as_the_gap_would_have_ended_it_and_once(net, cut_s, n_missing_s):
    recording = net.recording(90, [(25, 10), (40, 30), (75, 8)])
    before = net.packets(recording[:, : cut_s * 100])
    after = net.packets(recording[:, cut_s * 100 :], offset=(cut_s + n_missing_s) * 100)
    told, later = net.detector(), net.detector()

    def lives(results):
        return detections(timeless(results))

    expected = lives(feed(net, later, before) + feed(net, later, after) + later.finish())
    found = feed(net, told, before)
    found += told.close_silent(before[0].source_id.instrument)
    assert told.close_silent(before[0].source_id.instrument) == []
    assert told.instruments()[0].state != "triggered"
    assert lives(found + feed(net, told, after) + told.finish()) == expected


def feed(net, detector, packets):
    results = []
    for packet in packets:
        results += detector.receive(packet) + net.score(detector, packet.received_ns, flush=True)
    return results


def test_an_unknown_instrument_is_silent_without_consequence(net):
    instrument_id = net.packets(net.recording(1))[0].source_id.instrument
    assert net.detector().close_silent(instrument_id) == []


@pytest.mark.fault(25)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_window_without_finite_scores_is_a_missing_one_and_is_counted(net, value):
    """Here the one in the middle of an earthquake, as if its row had made the model fail."""
    packets = net.packets(net.recording(70, [(40, 10)]))
    expected = net.run(net.detector(), packets)
    in_the_coda = expected[0].on_ns + NS_PER_S
    detector, found = net.detector(), []
    for packet in packets:
        found += detector.receive(packet)
        while (batch := detector.next_batch(packet.received_ns, flush=True)) is not None:
            scores = net.predict(batch.features)
            scores[[w.end_ns == in_the_coda for w in batch.windows], 1] = value
            found += detector.receive_scores(batch, scores, packet.received_ns)
    assert detector.counters.snapshot()[Key("windows.dropped", "not_scored", "CX.PB01")] == 1
    assert [(d.id, d.state) for d in found if d.state in {"new", "end"}] == [
        (d.id, d.state) for d in expected if d.state in {"new", "end"}
    ]


@pytest.mark.fault(25)
def test_a_detection_whose_windows_have_no_scores_any_more_ends_as_by_a_gap(net):
    packets = net.packets(net.recording(70, [(40, 10)]))
    detector, found = net.detector(), []
    for packet in packets:
        found += detector.receive(packet)
        while (batch := detector.next_batch(packet.received_ns, flush=True)) is not None:
            scores = net.predict(batch.features)
            if any(r.state == "new" for r in found):
                scores[:] = np.nan
            found += detector.receive_scores(batch, scores, packet.received_ns)
    assert [(d.state, d.reason) for d in found] == [("new", ""), ("end", "gap")]


def test_packets_of_too_many_instruments_are_refused_and_counted_and_the_others_go_on(net):
    recording = net.recording(70, [(40, 10)])
    known, refused = net.packets(recording), net.packets(recording, station="PB02")
    detector = net.detector(max_instruments=1)
    results = net.run(detector, known[:1] + sorted(known[1:] + refused, key=lambda packet: packet.end_ns))
    assert timeless(results) == timeless(net.run(net.detector(), known))
    n_refused = detector.counters.total("packets.refused", reason="too_many_instruments", station="CX.PB02")
    assert n_refused == len(refused)


def test_stations_that_come_and_go_for_days_take_no_more_memory_than_those_of_a_day(net):
    detector = net.detector()
    packets = net.packets(net.recording(7))
    sizes = []
    tracemalloc.start()
    for day in range(4):
        for n in range(15):
            shift_ns = (day * 100_000 + n) * NS_PER_S
            for packet in packets:
                detector.receive(
                    replace(
                        packet,
                        source_id=replace(packet.source_id, station=f"{day}X{n}"),
                        start_ns=packet.start_ns + shift_ns,
                        received_ns=packet.received_ns + shift_ns,
                    )
                )
        while detector.next_batch(packet.received_ns + shift_ns, flush=True):
            pass
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert len(detector.instruments()) == 60  # what each was and when it was heard is known on
    assert sizes[3] < 1.4 * sizes[0]
