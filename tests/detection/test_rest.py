"""Where an instrument last stood at rest, and how a new process goes on from there."""

import pytest

from quake_stream.detection.background import memory_samples
from quake_stream.detection.rest import RestKeeper, lookback_ns
from quake_stream.detection.trigger import Trigger, TriggerSettings
from quake_stream.models.stalta import StaLtaModel
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, RestPoint, Window

SPEC = StaLtaModel().spec
INSTRUMENT = InstrumentId(network="CX", station="PB01", location="", band="H", source="H")
HOP = 50
SETTINGS = TriggerSettings(on=0.9, off=0.5, min_windows=2, hold_s=1.0, max_duration_s=5.0, confirm_windows=1)
LOOKBACK_NS = 20 * NS_PER_S


def window(number: int) -> Window:
    start = 1000 + number * HOP
    return Window(
        instrument_id=INSTRUMENT,
        start_index=start,
        start_ns=start * 10_000_000,
        end_ns=(start + SPEC.n_samples) * 10_000_000,
        components=("Z",),
        received_ns=0,
        level_db=0.0,
    )


class Life:
    """A trigger with its keeper, and what it was told so far."""

    def __init__(self, resumed: RestPoint | None = None) -> None:
        self.trigger = Trigger(instrument_id=INSTRUMENT, spec=SPEC, hop_samples=HOP, settings=SETTINGS)
        self.keeper = RestKeeper(trigger=self.trigger, lookback_ns=LOOKBACK_NS, resumed=resumed)
        self.told: list[tuple[str, str]] = []

    def live(self, first: int, probabilities: list[float]) -> RestPoint | None:
        for number, p in enumerate(probabilities, first):
            if not self.keeper.was_decided(window(number)):
                self.keeper.await_window(window(number))
                changes = self.trigger.receive(window(number), [1 - p, p])
                self.told += [(change.state, change.id) for change in changes]
                point = self.keeper.point(window(number), None)
        return point


def test_before_anything_was_decided_there_is_no_rest() -> None:
    assert Life().keeper.point(None, None) is None


def test_at_rest_the_point_follows_each_window() -> None:
    assert Life().live(0, [0.0, 0.0, 0.6]) == RestPoint(
        decided_ns=window(2).end_ns, needed_ns=window(2).start_ns - LOOKBACK_NS, is_armed=True
    )


def test_after_windows_that_never_came_only_what_bears_on_the_next_one_is_needed() -> None:
    life = Life()
    life.live(0, [0.0, 0.0])
    point = life.keeper.point(window(1), window(90).start_ns)
    assert point
    assert point.decided_ns == window(1).end_ns
    assert point.needed_ns == window(90).start_ns - LOOKBACK_NS


def test_before_its_first_window_the_trigger_was_at_rest() -> None:
    point = Life().live(0, [0.95, 0.95, 0.95])
    assert point == RestPoint(
        decided_ns=window(0).end_ns - 1, needed_ns=window(0).start_ns - LOOKBACK_NS, is_armed=True
    )


@pytest.mark.parametrize("probabilities", [[0.95], [0.95, 0.95], [0.95, 0.95, 0.6, 0.95, 0.2]])
def test_what_rises_or_is_on_holds_the_point_before_it(probabilities: list[float]) -> None:
    point = Life().live(0, [0.0, 0.0, *probabilities])
    assert point
    assert window(1).end_ns <= point.decided_ns < window(2).end_ns


def test_a_detection_that_has_ended_is_behind_the_point() -> None:
    life = Life()
    point = life.live(0, [0.0, 0.95, 0.95, 0.0, 0.0, 0.0, 0.0])
    assert [state for state, _ in life.told] == ["new", "end"]
    assert point
    assert point.decided_ns > window(3).end_ns


def test_between_two_detections_that_must_keep_apart_there_is_no_rest() -> None:
    settings = TriggerSettings(on=0.9, off=0.5, min_windows=1, hold_s=0.5, refractory_s=10.0)
    trigger = Trigger(instrument_id=INSTRUMENT, spec=SPEC, hop_samples=HOP, settings=settings)
    at_rest = []
    for number, p in enumerate([0.0, 0.95, *[0.0] * 30]):
        trigger.receive(window(number), [1 - p, p])
        at_rest.append(trigger.is_at_rest)
    assert at_rest == [True, *[False] * 20, *[True] * 11]


PROBABILITIES = [
    0.0,
    0.0,
    0.95,
    0.95,
    0.7,
    0.0,
    0.0,
    0.0,
    0.0,
    *[0.99] * 14,
    0.1,
    0.1,
    0.99,
    0.99,
    *[0.0] * 9,
]


@pytest.mark.parametrize("cut", range(1, len(PROBABILITIES)))
@pytest.mark.parametrize("n_before", [1, 4, 100])
def test_a_restart_after_any_window_tells_what_would_have_been_told(cut: int, n_before: int) -> None:
    """Also in the middle of detections, and while one that lasted too long holds off the next."""
    whole, first = Life(), Life()
    whole.live(0, PROBABILITIES)
    point = first.live(0, PROBABILITIES[:cut])
    assert point
    n_decided = (point.decided_ns - window(0).end_ns) // (HOP * 10_000_000) + 1
    start = max(0, n_decided - n_before)
    second = Life(resumed=point)
    second.live(start, PROBABILITIES[start:])
    assert set(whole.told) == set(first.told) | set(second.told)


def test_an_instrument_that_comes_back_after_a_gap_is_armed_again() -> None:
    stuck = RestPoint(decided_ns=window(9).end_ns, needed_ns=0, is_armed=False)
    life = Life(resumed=stuck)
    life.live(500, [0.99, 0.99])
    assert [state for state, _ in life.told] == ["new"]


def test_the_lookback_holds_background_filter_and_the_ground_at_rest() -> None:
    short = lookback_ns(SPEC, n_filter=0, needs_background=False)
    assert short == 11 * NS_PER_S
    whole = lookback_ns(SPEC, n_filter=100, needs_background=True)
    assert whole - short == (memory_samples(SPEC.n_samples) + 100) * NS_PER_S / SPEC.sample_rate_hz
