"""Tell loops that turn from loops that hang.  Pure: time is an argument, nothing is logged or ended here."""

from collections.abc import Mapping


class Watchdog:
    """
    Look at counts that grow as long as their loops turn.

    A loop is stuck when its count has not changed for longer than ``limit_s``.
    """

    def __init__(self, *, limit_s: float) -> None:
        self.limit_s = limit_s
        self.stuck: frozenset[str] = frozenset()
        self._turned: dict[str, tuple[int, float]] = {}

    def look(self, loops: Mapping[str, int], now_s: float) -> frozenset[str]:
        """Return the names of the loops that are stuck; ``loops`` maps each name to its count."""
        turned = {
            name: self._turned[name] if self._turned.get(name, (None,))[0] == count else (count, now_s)
            for name, count in loops.items()
        }
        self._turned = turned
        self.stuck = frozenset(
            name for name, (_, since_s) in turned.items() if now_s - since_s > self.limit_s
        )
        return self.stuck
