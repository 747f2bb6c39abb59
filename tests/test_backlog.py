"""Stations in turn; the one that takes the most gives way."""

from collections import Counter, deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.backlog import SLOT_SAMPLES, Backlog, slots_of
from quake_stream.source_id import SourceId
from quake_stream.types import Packet


def packet(station: str, number: int, n_samples: int = 1) -> Packet:
    return Packet(
        source_id=SourceId.from_codes("XX", station, "", "HHZ"),
        start_ns=number,
        sample_rate_hz=100.0,
        samples=np.zeros(n_samples, np.int32),
        received_ns=number,
    )


def test_stations_take_turns_and_keep_their_own_order():
    backlog = Backlog()
    for number, station in enumerate("AAAABBC"):
        backlog.put(station, packet(station, number))
    assert [backlog.take().start_ns for _ in range(len(backlog))] == [0, 4, 6, 1, 5, 2, 3]
    assert (len(backlog), backlog.n_slots) == (0, 0)


def test_the_station_with_the_most_loses_its_oldest():
    backlog = Backlog()
    for number, station in enumerate("ABBBA"):
        backlog.put(station, packet(station, number))
    assert backlog.drop().start_ns == 1


def test_long_packets_count_for_as_many_as_they_fill():
    backlog = Backlog()
    for number in range(3):
        backlog.put("A", packet("A", number))
    backlog.put("B", packet("B", 9, 3 * SLOT_SAMPLES + 1))
    assert backlog.n_slots == 3 + 4
    assert backlog.drop().start_ns == 9


ACTIONS = st.one_of(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 5 * SLOT_SAMPLES)), st.sampled_from(["take", "drop"])
)


@given(st.lists(ACTIONS, max_size=60))
def test_it_behaves_like_plain_lists(actions):
    backlog = Backlog()
    waiting: dict[str, deque[Packet]] = {}
    for number, action in enumerate(actions):
        slots = Counter({key: sum(map(slots_of, packets)) for key, packets in waiting.items()})
        if isinstance(action, tuple):
            station, n_samples = action
            given_packet = packet(station, number, n_samples)
            backlog.put(station, given_packet)
            waiting.setdefault(station, deque()).append(given_packet)
            continue
        if not waiting:
            continue
        if action == "drop":
            dropped = backlog.drop()
            station = dropped.source_id.station
            assert slots[station] == max(slots.values())
        else:
            dropped = backlog.take()
            station = dropped.source_id.station
            assert station == next(iter(waiting))
            waiting[station] = waiting.pop(station)
        assert waiting[station].popleft() is dropped
        if not waiting[station]:
            del waiting[station]
    assert len(backlog) == sum(map(len, waiting.values()))
    assert backlog.n_slots == sum(slots_of(p) for packets in waiting.values() for p in packets)
