"""States of instruments: told on change, with reasons, and not too often."""

from itertools import pairwise

import numpy as np
import pytest

from quake_stream.detection.detector import InstrumentStatus
from quake_stream.source_id import InstrumentId, SourceId
from quake_stream.stations import StationWatch
from quake_stream.types import NS_PER_S, Gap, Packet

SOURCE = SourceId.from_nslc("CX.PB01..HHZ")
INSTRUMENT = SOURCE.instrument


def packet() -> Packet:
    return Packet(
        source_id=SOURCE, start_ns=0, sample_rate_hz=100.0, samples=np.zeros(1, np.int32), received_ns=0
    )


def status(state="ok", instrument: InstrumentId = INSTRUMENT, components=("Z", "N", "E")) -> InstrumentStatus:
    return InstrumentStatus(instrument_id=instrument, components=components, last_data_ns=0, state=state)


class Story:
    """A watch with packets at the times at which it is asked."""

    def __init__(self, **options) -> None:
        self.watch = StationWatch(**({"stale_after_s": 60.0, "min_interval_s": 0.0} | options))

    def tell(self, now_s, state, *, has_data=True):
        if has_data:
            self.watch.packet(packet(), now_s)
        changes = self.watch.changes([status(state)], now_s=now_s, now_ns=round(now_s * NS_PER_S))
        return [(change.state, change.reason) for change in changes]


def test_a_state_is_told_once_until_it_changes():
    story = Story()
    assert story.tell(1.0, "warming_up") == [("warming_up", "not enough data since the start")]
    assert story.tell(2.0, "warming_up") == []
    assert story.tell(3.0, "ok") == [("ok", "")]
    assert story.tell(4.0, "triggered") == []
    assert story.watch.states() == {"ok": 1}


def test_no_data_is_stale_and_data_end_it():
    story = Story()
    assert story.tell(0.0, "ok") == [("ok", "")]
    assert story.tell(60.0, "ok", has_data=False) == []
    assert story.tell(61.0, "ok", has_data=False) == [("stale", "no data for 61 s")]
    assert story.tell(62.0, "ok") == [("ok", "")]


def test_an_instrument_may_be_stale_before_that_is_told():
    story = Story(min_interval_s=100.0)
    story.tell(0.0, "ok")
    assert story.tell(61.0, "ok", has_data=False) == []
    assert story.watch.is_stale(INSTRUMENT, 61.0)
    assert not story.watch.is_stale(INSTRUMENT, 60.0)
    assert not StationWatch(stale_after_s=None).is_stale(INSTRUMENT, 1e9)


def test_recordings_are_never_stale():
    story = Story(stale_after_s=None)
    story.tell(0.0, "ok")
    assert story.tell(1e6, "ok", has_data=False) == []


def test_a_gap_explains_why_windows_are_missing_until_the_instrument_is_ok_again():
    story = Story()
    story.tell(0.0, "ok")
    story.watch.gap(Gap(source_id=SOURCE, start_ns=0, end_ns=2_500_000_000))
    assert story.tell(1.0, "warming_up") == [("gap", "2.50 s are missing in HHZ")]
    assert story.tell(2.0, "ok") == [("ok", "")]
    assert story.tell(3.0, "warming_up") == [("warming_up", "not enough data since the start")]


def test_refused_components_are_named():
    watch = StationWatch(stale_after_s=60.0)
    watch.packet(packet(), 1.0)
    (change,) = watch.changes([status("refused", components=("N",))], now_s=1.0, now_ns=0)
    assert (change.state, change.reason) == ("refused", "the model accepts no set of these components: N")
    assert change.instrument_id == INSTRUMENT


@pytest.mark.parametrize("interval_s", [10.0, 30.0])
def test_a_flapping_station_is_told_rarely_and_its_last_state_in_any_case(interval_s):
    story = Story(min_interval_s=interval_s)
    told = [t for t in range(60) for _ in story.tell(float(t), "ok" if t % 2 else "refused")]
    assert len(told) <= 60 / interval_s + 1
    assert all(b - a >= interval_s for a, b in pairwise(told))
    last = story.watch.states()
    assert story.tell(200.0, "warming_up") == [("warming_up", "not enough data since the start")]
    assert last != story.watch.states()


def test_instruments_are_counted_by_state():
    watch = StationWatch(stale_after_s=None)
    other = SourceId.from_nslc("CX.PB02..HHZ").instrument
    watch.changes([status("ok"), status("refused", other)], now_s=0.0, now_ns=0)
    assert watch.states() == {"ok": 1, "refused": 1}


def test_instruments_that_are_not_known_any_more_are_forgotten():
    watch = StationWatch(stale_after_s=60.0)
    other = SourceId.from_nslc("CX.PB02..HHZ").instrument
    watch.changes([status(), status(instrument=other)], now_s=0, now_ns=0)
    assert watch.states() == {"ok": 2}
    watch.changes([status()], now_s=1, now_ns=0)
    assert watch.states() == {"ok": 1}
