"""The queue: bounded, freshest data win, recordings wait."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from quake_stream.counters import Key, by_reason
from quake_stream.packet_queue import PacketQueue
from quake_stream.source_id import SourceId
from quake_stream.types import Packet


def packet(n: int) -> Packet:
    return Packet(
        source_id=SourceId.from_nslc("IU.ANMO.00.BHZ"),
        start_ns=n,
        sample_rate_hz=1.0,
        samples=np.zeros(1, np.int32),
        received_ns=n,
    )


def starts(packets: list[Packet]) -> list[int]:
    return [p.start_ns for p in packets]


def test_packets_of_a_station_come_out_in_order_of_arrival():
    queue = PacketQueue(max_packets=10)
    for n in range(5):
        queue.put(packet(n))
    assert starts(queue.get(0, max_packets=3)) == [0, 1, 2]
    assert starts(queue.get(0)) == [3, 4]
    assert queue.get(0) == []


@pytest.mark.fault(23)
def test_a_full_queue_drops_its_oldest_packet_and_counts_it():
    queue = PacketQueue(max_packets=3)
    for n in range(5):
        queue.put(packet(n))
    assert starts(queue.get(0)) == [2, 3, 4]
    assert by_reason(queue.counts()) == {"packets.dropped.queue_full": 2}


def test_recordings_wait_for_room_and_lose_nothing():
    queue = PacketQueue(max_packets=2)
    writer = threading.Thread(target=lambda: [queue.put_waiting(packet(n)) for n in range(50)])
    writer.start()
    taken: list[int] = []
    while len(taken) < 50:
        taken += starts(queue.get(10))
    writer.join(10)
    assert not writer.is_alive()
    assert taken == list(range(50))
    assert queue.counts() == {}


def test_closing_wakes_a_waiting_reader():
    queue = PacketQueue(max_packets=2)
    result: list[list[Packet]] = []
    reader = threading.Thread(target=lambda: result.append(queue.get(60)))
    reader.start()
    queue.close()
    reader.join(10)
    assert not reader.is_alive()
    assert result == [[]]


def test_closing_wakes_a_waiting_writer_and_counts_what_it_held():
    queue = PacketQueue(max_packets=1)
    queue.put(packet(0))
    writer = threading.Thread(target=lambda: queue.put_waiting(packet(1)))
    writer.start()
    queue.close()
    writer.join(10)
    assert not writer.is_alive()
    assert by_reason(queue.counts()) == {"packets.dropped.closed": 1}


def test_a_closed_queue_is_drained_only_when_it_is_empty():
    queue = PacketQueue(max_packets=2)
    queue.put(packet(0))
    queue.close()
    assert not queue.drained
    assert starts(queue.get(0)) == [0]
    assert queue.drained
    queue.put(packet(1))
    assert queue.drained
    assert by_reason(queue.counts()) == {"packets.dropped.closed": 1}


def test_what_is_discarded_is_counted_and_leaves_the_queue_drained():
    queue = PacketQueue(max_packets=5)
    for n in range(3):
        queue.put(packet(n))
    queue.close()
    queue.discard()
    assert queue.drained
    assert by_reason(queue.counts()) == {"packets.dropped.shutdown": 3}


def of(station: str, n: int, n_samples: int = 1) -> Packet:
    source_id = SourceId.from_codes("XX", station, "", "HHZ")
    return replace(packet(n), source_id=source_id, samples=np.zeros(n_samples, np.int32))


@pytest.mark.fault(23)
def test_a_station_that_floods_the_queue_costs_and_delays_no_other():
    queue = PacketQueue(max_packets=1000)
    for n in range(20):
        queue.put(of(f"S{n}", n))
    for n in range(10_000):
        queue.put(of("FLOOD", n))
    assert len(queue) == 1000
    taken = queue.get(0, max_packets=21)
    assert {p.source_id.station for p in taken} == {f"S{n}" for n in range(20)} | {"FLOOD"}
    assert queue.counts() == {Key("packets.dropped", "queue_full", "XX.FLOOD"): 10_020 - 1000}


@pytest.mark.fault(23)
def test_packets_as_large_as_they_come_do_not_take_more_memory():
    queue = PacketQueue(max_packets=1000)
    for n in range(100):
        queue.put(of("A", n, n_samples=100_000))
    assert starts(queue.get(0)) == list(range(90, 100))


def test_a_packet_larger_than_the_queue_goes_through_alone():
    queue = PacketQueue(max_packets=2)
    for n in range(2):
        queue.put(of("A", n, n_samples=100_000))
    assert starts(queue.get(0)) == [1]
    queue.put_waiting(of("A", 2, n_samples=100_000))
    assert starts(queue.get(0)) == [2]


def test_recordings_come_out_as_they_went_in_whatever_their_stations():
    queue = PacketQueue(max_packets=10)
    for n, station in enumerate("AAABBC"):
        queue.put_waiting(of(station, n))
    assert starts(queue.get(0)) == [0, 1, 2, 3, 4, 5]
