"""The queue: bounded, freshest data win, recordings wait."""

import threading

import numpy as np

from quake_stream.counters import by_reason
from quake_stream.packet_queue import PacketQueue
from quake_stream.types import Packet, SourceId


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


def test_packets_come_out_in_order_of_arrival():
    queue = PacketQueue(max_packets=10)
    for n in range(5):
        queue.put(packet(n))
    assert starts(queue.get(0, max_packets=3)) == [0, 1, 2]
    assert starts(queue.get(0)) == [3, 4]
    assert queue.get(0) == []


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
