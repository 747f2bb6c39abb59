"""
Packets that wait, by station: each station in its turn, and the one with the most gives way.  Pure.

So a station that floods the service, or catches up on a day, neither delays the others nor costs them data.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Final

from quake_stream.types import Packet

SLOT_SAMPLES: Final = 1000
"""A packet takes one slot for each started thousand of samples: records hold 100 to 100,000."""


class Backlog:
    """
    Packets with a key (their station) that says whom they share a turn with.

    Packets of one key keep their order.  All operations take constant time.
    """

    def __init__(self) -> None:
        self.n_slots = 0
        """Slots taken by all that wait."""
        self._n_packets = 0
        self._waiting: OrderedDict[Hashable, deque[Packet]] = OrderedDict()
        self._slots: dict[Hashable, int] = {}
        self._by_slots: dict[
            int, dict[Hashable, None]
        ] = {}  # keys in the order in which they reached that many
        self._most = 0

    def __len__(self) -> int:
        """Count the packets."""
        return self._n_packets

    def put(self, key: Hashable, packet: Packet) -> None:
        """Append a packet to those of its key."""
        self._waiting.setdefault(key, deque()).append(packet)
        self._change(key, slots_of(packet))
        self._n_packets += 1

    def take(self) -> Packet:
        """Remove the oldest packet of the key whose turn it is; there must be one."""
        key = next(iter(self._waiting))
        self._waiting.move_to_end(key)
        return self._remove(key)

    def drop(self) -> Packet:
        """Remove the oldest packet of the key that takes the most slots; there must be one."""
        return self._remove(next(iter(self._by_slots[self._most])))

    def _remove(self, key: Hashable) -> Packet:
        packets = self._waiting[key]
        packet = packets.popleft()
        if not packets:
            del self._waiting[key]
        self._change(key, -slots_of(packet))
        self._n_packets -= 1
        return packet

    def _change(self, key: Hashable, n: int) -> None:
        before = self._slots.pop(key, 0)
        after = before + n
        self.n_slots += n
        if before:
            same = self._by_slots[before]
            del same[key]
            if not same:
                del self._by_slots[before]
        if after:
            self._slots[key] = after
            self._by_slots.setdefault(after, {})[key] = None
        # No key takes more than the one that took the most did, or than this one does now.
        self._most = max(self._most, after)
        while self._most and self._most not in self._by_slots:
            self._most -= 1


def slots_of(packet: Packet) -> int:
    """Count the slots that a packet takes: at least one."""
    return max(1, -(-packet.n_samples // SLOT_SAMPLES))
