"""What a source delivers is counted on its way, and the source hears what has arrived."""

from dataclasses import replace

import numpy as np

from quake_stream.arrivals import Arrivals
from quake_stream.intake import Intake, Receipts
from quake_stream.source_id import SourceId
from quake_stream.types import Packet, Position

PACKET = Packet(
    source_id=SourceId.from_nslc("IU.ANMO.00.BHZ"),
    start_ns=0,
    sample_rate_hz=1.0,
    samples=np.zeros(1, np.int32),
    received_ns=0,
)


class FakeSource:
    def __init__(self, name):
        self.name = name
        self.acknowledged = []

    def run(self, deliver):
        deliver(PACKET)
        deliver(PACKET)

    def acknowledge(self, packet):
        self.acknowledged.append(packet)


def test_an_intake_hands_on_and_counts_what_its_source_delivers():
    taken = []
    intake = Intake(FakeSource("a:18000"), taken.append)
    assert intake.health(0.0).last_packet_age_s is None
    intake.run()
    health = intake.health(1e9)
    assert taken == [PACKET, PACKET]
    assert (health.name, health.n_packets) == ("a:18000", 2)
    assert health.last_packet_age_s > 0


def test_what_has_arrived_is_told_to_the_source_that_it_came_from():
    sources = [FakeSource("a:18000"), FakeSource("b:18000")]
    arrivals = Arrivals()
    receipts = Receipts(sources, arrivals)
    position = Position(server="b:18000", network="IU", station="ANMO", sequence=1, start_ns=0)
    packet = replace(PACKET, position=position)
    receipts.note(packet)
    receipts.note(PACKET)  # of a recording: there is nothing to remember
    assert [source.acknowledged for source in sources] == [[], [packet]]
    assert [str(instrument) for instrument in arrivals.latest()] == ["IU.ANMO.00.BH"]
