"""
Count what happens, so that nothing is lost without a trace.  Pure: no lock, clock or logging.

Every drop, gap, refusal and reconnect ends here.  One thread owns one `Counters`; any thread may take
a snapshot of it.  Memory is bounded, although station codes come from servers.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

MAX_KEYS: Final = 100_000
"""Ten counters for each of 10,000 stations: some 25 MB."""

OTHERS: Final = "others"
"""The station of what is counted for new stations once there are so many."""


class Key(NamedTuple):
    """
    Name of one counter.

    ``name`` is dotted and says what was counted, its last part in the plural (``packets.refused``);
    ``reason`` says why (``nan``); ``station`` is ``NET.STA``, or a server, or empty.
    """

    name: str
    reason: str = ""
    station: str = ""


class Counters:
    """Monotonic counts by `Key`; new stations beyond ``max_keys`` counters are counted together as `OTHERS`."""

    def __init__(self, *, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._counts: dict[Key, int] = {}

    def add(self, name: str, n: int = 1, *, reason: str = "", station: str = "") -> None:
        """Add ``n`` to one counter; it starts at zero."""
        key = Key(name, reason, station)
        if station and len(self._counts) >= self._max_keys and key not in self._counts:
            key = Key(name, reason, OTHERS)
        self._counts[key] = self._counts.get(key, 0) + n

    def total(self, name: str, *, reason: str | None = None, station: str | None = None) -> int:
        """Sum of all counters of this name, of one reason or station if these are given."""
        return sum(
            n
            for key, n in self.snapshot().items()
            if key.name == name
            and (reason is None or key.reason == reason)
            and (station is None or key.station == station)
        )

    def snapshot(self) -> dict[Key, int]:
        """Copy of all counts; safe from another thread, as ``dict.copy`` is atomic in CPython."""
        return self._counts.copy()


def merge(snapshots: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    """Sum several snapshots into one; fastest with the largest first."""
    total: dict[Key, int] = {}
    for snapshot in snapshots:
        if not total:
            total = dict(snapshot)
            continue
        for key, n in snapshot.items():
            total[key] = total.get(key, 0) + n
    return total


def by_reason(snapshot: Mapping[Key, int]) -> dict[str, int]:
    """Sum over stations: ``{"packets.refused.nan": 3, ...}``, sorted by name, for logs and reports."""
    flat: dict[str, int] = {}
    for key, n in snapshot.items():
        label = f"{key.name}.{key.reason}" if key.reason else key.name
        flat[label] = flat.get(label, 0) + n
    return dict(sorted(flat.items()))
