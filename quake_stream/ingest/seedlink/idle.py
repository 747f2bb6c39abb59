"""Decide when a quiet link gets a keepalive and when it counts as dead.  Pure: time is an argument."""

import enum


class Idle(enum.Enum):
    """What to do now."""

    WAIT = enum.auto()
    SEND_KEEPALIVE = enum.auto()
    ANSWER_OVERDUE = enum.auto()
    GIVE_UP = enum.auto()


class IdleClock:
    """
    Times of one connection, in seconds of a monotonic clock.

    A keepalive is due ``keepalive_s`` (infinite: never) after the last packet or keepalive.  The link is dead
    when no whole packet came for ``network_timeout_s``: bytes that trickle in do not keep it alive.
    """

    def __init__(
        self, now_s: float, *, keepalive_s: float, info_timeout_s: float, network_timeout_s: float
    ) -> None:
        self._keepalive_s = keepalive_s
        self._info_timeout_s = info_timeout_s
        self._network_timeout_s = network_timeout_s
        self._heard_s = now_s
        self._keepalive_from_s = now_s
        self._asked_s: float | None = None

    def heard(self, now_s: float) -> None:
        """Note that a whole packet came."""
        self._heard_s = self._keepalive_from_s = now_s

    def asked(self, now_s: float) -> None:
        """Note that a keepalive was sent."""
        self._asked_s = self._keepalive_from_s = now_s

    def answered(self) -> bool:
        """Say whether the INFO packet that came had been asked for."""
        was_asked, self._asked_s = self._asked_s is not None, None
        return was_asked

    def next_s(self) -> float:
        """Time at which `check` may say anything but WAIT."""
        times = [self._heard_s + self._network_timeout_s]
        if self._asked_s is None:
            times.append(self._keepalive_from_s + self._keepalive_s)
        else:
            times.append(self._asked_s + self._info_timeout_s)
        return min(times)

    def check(self, now_s: float) -> Idle:
        """Say what is due; an unanswered keepalive is forgotten, so that the next can be sent."""
        if now_s >= self._heard_s + self._network_timeout_s:
            return Idle.GIVE_UP
        if self._asked_s is not None:
            if now_s < self._asked_s + self._info_timeout_s:
                return Idle.WAIT
            self._asked_s = None
            return Idle.ANSWER_OVERDUE
        if now_s >= self._keepalive_from_s + self._keepalive_s:
            return Idle.SEND_KEEPALIVE
        return Idle.WAIT
