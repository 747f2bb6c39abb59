"""The health report: what each source delivers, what was dropped lately."""

import time

import numpy as np
import pytest

from quake_stream.counters import Key
from quake_stream.intake import Intake
from quake_stream.models.stalta import StaLtaModel
from quake_stream.packet_queue import PacketQueue
from quake_stream.source_id import SourceId
from quake_stream.types import Packet
from quake_stream.vitals import LATELY_S, Vitals

PACKET = Packet(
    source_id=SourceId.from_nslc("IU.ANMO.00.BHZ"),
    start_ns=0,
    sample_rate_hz=1.0,
    samples=np.zeros(1, np.int32),
    received_ns=0,
)


class FakeSource:
    name = "a:18000"

    def run(self, deliver):
        deliver(PACKET)
        deliver(PACKET)


class FakeWorker:
    windows_per_s = 2.34
    feed_problem = ""
    n_detections = 5

    def stations(self):
        return {"ok": 2}


@pytest.fixture
def intake():
    return Intake(FakeSource(), lambda _: None)


@pytest.fixture
def vitals(intake):
    return Vitals(
        worker=FakeWorker(),
        intakes=[intake],
        queue=PacketQueue(max_packets=10),
        spec=StaLtaModel().spec,
        stale_after_s=120.0,
        started_s=1000.0,
    )


def dropped(n):
    return {
        Key("packets.dropped", "queue_full", "A.B"): n,
        Key("windows.dropped", "max_latency", "A.B"): n,
        Key("gaps"): 7,
    }


def test_the_report_says_what_runs_and_how_it_is(vitals):
    health = vitals.health(1030.04, dropped(0))
    assert (health.state, health.reasons, health.uptime_s) == ("ok", (), 30.0)
    assert (health.model, health.windows_per_s, health.n_detections) == ("stalta", 2.3, 5)
    assert health.stations == {"ok": 2}
    assert health.counts["gaps"] == 7


def test_a_source_that_never_sent_degrades_the_service_after_a_while(vitals):
    assert vitals.health(1121.0, {}).reasons == ("no data from a:18000 for 121 s",)


def test_what_is_dropped_degrades_the_service_for_a_minute(vitals):
    words = "{} packets, windows or messages dropped in the last minute"
    assert vitals.health(1001.0, dropped(1)).reasons == (words.format(2),)
    assert vitals.health(1030.0, dropped(3)).reasons == (words.format(6),)
    assert vitals.health(1001.0 + LATELY_S, dropped(3)).reasons == (words.format(4),)
    assert vitals.health(1030.0 + LATELY_S, dropped(3)).state == "ok"


def test_what_a_second_server_sends_too_late_is_no_trouble(vitals):
    assert vitals.health(1001.0, {Key("packets.dropped", "too_old", "A.B"): 9}).state == "ok"


def test_ready_is_who_has_data_and_live_is_who_makes_progress(vitals, intake):
    started = vitals.health(1001.0, {})
    assert (started.state, started.live, started.ready) == ("ok", True, False)
    intake.run()
    now_s = time.monotonic()
    fed = vitals.health(now_s, {})
    assert (fed.live, fed.ready) == (True, True)
    hung = vitals.health(now_s, {}, {"worker"})
    assert (hung.state, hung.live, hung.ready) == ("down", False, True)
    assert hung.reasons == ("worker makes no progress",)


def test_who_looks_from_another_thread_sees_when_the_reports_themselves_have_stopped(vitals):
    assert not vitals.is_live(1000.0)
    vitals.health(1001.0, {})
    assert vitals.is_live(1002.0)
    assert not vitals.is_live(1020.0)
    vitals.health(1021.0, {}, {"worker"})
    assert not vitals.is_live(1021.0)


@pytest.mark.fault(32)
def test_what_the_counters_say_is_among_the_reasons(vitals):
    unsaved = {Key("positions.unsaved", "ENOSPC"): 1}
    assert vitals.health(1001.0, unsaved).reasons == ("positions cannot be saved (ENOSPC)",)
    assert [problem.kind for problem in vitals.problems] == ["positions.unsaved"]
    vitals.health(1002.0, unsaved | {Key("positions.saved"): 1})
    assert vitals.problems == ()


def test_a_server_that_cannot_be_reached_is_told_with_the_reason(vitals):
    lost = {Key("connections.lost", "refused", "a:18000"): 9}
    (reason,) = vitals.health(1121.0, lost).reasons
    assert reason == "no data from a:18000 for 121 s (no connection: refused)"
