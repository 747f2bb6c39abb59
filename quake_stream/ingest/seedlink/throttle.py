"""Let a message through once, then not again for a while, and say how many were held back.  Pure."""


class Throttle:
    """
    Decide whether a message that keeps coming may be logged now.

    Memory is bounded: keys are few and fixed (event and reason), never text that a server sent.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next_s: dict[str, float] = {}
        self._n_held: dict[str, int] = {}

    def admit(self, key: str, now_s: float) -> int | None:
        """Return how many messages of this key were held back since the last one; None to hold this one."""
        if now_s < self._next_s.get(key, now_s):
            self._n_held[key] = self._n_held.get(key, 0) + 1
            return None
        self._next_s[key] = now_s + self._interval_s
        return self._n_held.pop(key, 0)
