"""
Decide when each recorded record is sent and how far its time is moved.  Pure.

A digitiser sends a record when its last sample is in, so nothing is due before its (moved) end.
"""

import math
from dataclasses import dataclass
from typing import Self

from quake_stream.types import NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """
    Maps recorded times to the times of the replay.

    At ``started_ns`` (now) the recording stands at ``origin_ns``; from then on it runs ``speed`` times
    as fast as the clock, or all at once where ``speed`` is 0.  ``shift_ns`` is added to the times in the
    records; ``period_ns`` more for each pass of a loop.
    """

    started_ns: int
    origin_ns: int
    speed: float
    shift_ns: int
    period_ns: int

    @classmethod
    def plan(
        cls, *, now_ns: int, origin_ns: int, first_ns: int, last_ns: int, speed: float, restamp: bool
    ) -> Self:
        """
        Plan a replay that starts now.

        ``first_ns`` to ``last_ns`` is what the recording spans, ``origin_ns`` where to start in it.
        Re-stamped data never come from the future: in real time (or slower) the origin becomes now;
        faster, the data start in the past and catch up with the clock at their end.  The shift is a whole
        number of seconds, so samples keep their place on every grid of whole seconds or fractions of
        one; the start waits for it, a second at most.

        Raises
        ------
        ValueError
            The speed is negative or not finite.
        """
        if not (math.isfinite(speed) and speed >= 0):
            raise ValueError(f"speed {speed} is not 0 (as fast as possible) or a positive factor")
        period_ns = _whole_seconds_up(max(last_ns - first_ns, 1))
        if not restamp:
            shift_ns, wait_ns = 0, 0
        elif speed == 0:
            shift_ns, wait_ns = (now_ns - last_ns) // NS_PER_S * NS_PER_S, 0
        else:
            catch_up_ns = max(0, math.ceil((last_ns - origin_ns) * (1 - 1 / speed)))
            exact_ns = now_ns - origin_ns - catch_up_ns
            shift_ns = _whole_seconds_up(exact_ns) if speed <= 1 else exact_ns // NS_PER_S * NS_PER_S
            wait_ns = max(0, shift_ns - exact_ns)
        return cls(
            started_ns=now_ns + wait_ns,
            origin_ns=origin_ns,
            speed=speed,
            shift_ns=shift_ns,
            period_ns=period_ns,
        )

    def due_ns(self, end_ns: int, n_pass: int = 0) -> int:
        """When a record that was recorded until ``end_ns`` is sent, in pass 0, 1, ... of a loop."""
        if self.speed == 0:
            return self.started_ns
        ahead_ns = end_ns + n_pass * self.period_ns - self.origin_ns
        return self.started_ns + (ahead_ns if self.speed == 1 else math.ceil(ahead_ns / self.speed))

    def moved_ns(self, n_pass: int = 0) -> int:
        """How far the times in the records of this pass are moved."""
        return self.shift_ns + n_pass * self.period_ns


def _whole_seconds_up(time_ns: int) -> int:
    return -(-time_ns // NS_PER_S) * NS_PER_S
