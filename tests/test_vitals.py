"""The health report: what each source delivers, what was dropped lately."""

import numpy as np
import pytest

from quake_stream.counters import Key
from quake_stream.intake import Intake
from quake_stream.models.stalta import StaLtaModel
from quake_stream.packet_queue import PacketQueue
from quake_stream.types import Packet, SourceId
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


def test_an_intake_hands_on_and_counts_what_its_source_delivers():
    taken = []
    intake = Intake(FakeSource(), taken.append)
    assert intake.health(0.0).last_packet_age_s is None
    intake.run()
    health = intake.health(1e9)
    assert taken == [PACKET, PACKET]
    assert (health.name, health.n_packets) == ("a:18000", 2)
    assert health.last_packet_age_s > 0


def test_the_report_says_what_runs_and_how_it_is(vitals):
    health = vitals.health(1030.04, dropped(0))
    assert (health.state, health.reasons, health.uptime_s) == ("ok", (), 30.0)
    assert (health.model, health.windows_per_s, health.n_detections) == ("stalta", 2.3, 5)
    assert health.stations == {"ok": 2}
    assert health.counts["gaps"] == 7


def test_a_source_that_never_sent_degrades_the_service_after_a_while(vitals):
    assert vitals.health(1121.0, {}).reasons == ("no data from a:18000 for 121 s",)


def test_what_is_dropped_degrades_the_service_for_a_minute(vitals):
    assert vitals.health(1001.0, dropped(1)).reasons == ("2 packets or windows dropped in the last minute",)
    assert vitals.n_dropped_lately == 2
    assert vitals.health(1030.0, dropped(3)).state == "degraded"
    assert vitals.n_dropped_lately == 6
    vitals.health(1001.0 + LATELY_S, dropped(3))
    assert vitals.n_dropped_lately == 4
    assert vitals.health(1030.0 + LATELY_S, dropped(3)).state == "ok"
    assert vitals.n_dropped_lately == 0
