"""Clocks: the host's, and that of a recording."""

import time

import numpy as np

from quake_stream.clock import DataClock, WallClock
from quake_stream.types import Packet, SourceId


def packet(received_ns: int) -> Packet:
    return Packet(
        source_id=SourceId.from_nslc("IU.ANMO.00.BHZ"),
        start_ns=0,
        sample_rate_hz=1.0,
        samples=np.zeros(1, np.int32),
        received_ns=received_ns,
    )


def test_the_wall_clock_ignores_data():
    clock = WallClock()
    clock.see(packet(10**30))
    assert abs(clock.now_ns() - time.time_ns()) < 60 * 10**9


def test_the_data_clock_is_as_late_as_the_latest_packet_and_never_goes_back():
    clock = DataClock()
    assert clock.now_ns() == 0
    clock.see(packet(20))
    clock.see(packet(10))
    assert clock.now_ns() == 20
