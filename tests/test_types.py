"""What values of the borders derive from themselves."""

import numpy as np

from quake_stream.source_id import SourceId
from quake_stream.types import Latency, Packet


def test_a_packet_ends_where_the_next_one_would_start():
    packet = Packet(
        source_id=SourceId.from_nslc("IU.ANMO.00.BHZ"),
        start_ns=10**18,
        sample_rate_hz=40.0,
        samples=np.zeros(100, np.int32),
        received_ns=0,
    )
    assert packet.end_ns - packet.start_ns == 2_500_000_000


def test_latency_adds_up():
    assert Latency(data_s=1.0, queue_s=0.5, inference_s=0.25).total_s == 1.75
