"""
The course of ground motion through one detection: still shaking, at rest again, or risen anew.  Pure.

It tells a new earthquake in the coda of the last one from the S waves of the same earthquake.  Between P
and S the ground does not come to rest, S is the stronger of the two and shakes it less upright; the coda
that follows only decays (Aki & Chouet 1975, Origin of coda waves).
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from quake_stream.detection.level import LEVEL_S
from quake_stream.types import NS_PER_S

REST_S = 10.0  # before a detection: what the ground did then is its rest
REST_SHARE = 0.25  # of these levels lie below the rest: neither a dropout nor the last knock decides
AT_REST = 1 / 3  # of the rise, in dB: below it the ground counts as at rest again
SWAY_DB = 3.0  # above its rest, the ground comes by itself: a weak detection must not last because of that
SWING_DB = 9.0  # fall and rise again that no coda makes by itself: eightfold in energy
# Of 216 earthquakes with analysts' P and S, 1-40 s apart, S exceeds what went before it by more in 1 %, and
# in 5 % the ground falls below half of the rise (in dB) before S while it falls and rises by a swing.
S_OVER_P_DB = 24.0
BEFORE_S = 1 / 2
# Vertical over horizontal motion: S lies further below P in 92 % of 323 earthquakes.
UPRIGHT_DB = 2.0


@dataclass(slots=True, kw_only=True)
class Shaking:
    """
    Levels (dB) of one detection so far; a level that is not known (NaN) changes nothing.

    ``begins_ns`` is the end of its first window (UTC ns), ``rest_db`` the level before it, ``highest_db``
    the highest one, the latest included.  A level is measured on `LEVEL_S`, so an arrival raises it over
    two windows or three.  ``peak_db`` is therefore the highest of those that ended at least so long before
    the latest: what rises is held against the ground before, not against its own beginning.  ``upright_db``
    is the highest ratio of vertical to horizontal motion of the windows that ended less than `LEVEL_S`
    before or after its first one, which is to be P; ``flattest_db`` is the lowest one of all from the first
    on.
    """

    begins_ns: int
    rest_db: float
    peak_db: float = -math.inf
    highest_db: float = -math.inf
    upright_db: float = math.nan
    flattest_db: float = math.inf
    _lowest_db: float = -math.inf  # since the peak, but for the levels too late to make a peak
    _recent: deque[tuple[int, float]] = field(default_factory=deque)  # and these

    @property
    def trough_db(self) -> float:
        """Lowest level since the peak."""
        return min([self._lowest_db, *(level_db for _, level_db in self._recent)])

    def follow(self, end_ns: int, level_db: float, vertical_db: float = math.nan) -> None:
        """Take the level of the next window, which ended then (UTC ns), and how upright it shook."""
        if end_ns - self.begins_ns < LEVEL_S * NS_PER_S:
            self.upright_db = highest_known([self.upright_db, vertical_db])
        if not math.isnan(vertical_db):
            self.flattest_db = min(self.flattest_db, vertical_db)
        if not math.isnan(level_db):
            self._recent.append((end_ns, level_db))
            self.highest_db = max(self.highest_db, level_db)
        while self._recent and end_ns - self._recent[0][0] >= LEVEL_S * NS_PER_S:
            _, settled_db = self._recent.popleft()
            if settled_db > self.peak_db:
                self.peak_db = self._lowest_db = settled_db
            else:
                self._lowest_db = min(self._lowest_db, settled_db)

    def goes_on(self, level_db: float) -> bool:
        """Whether the ground at this level has not come to rest; False where that cannot be known."""
        return self._keeps(AT_REST, level_db, self.highest_db) and level_db - self.rest_db > SWAY_DB

    def may_be_s(self, vertical_db: float) -> bool:
        """
        Whether what shakes the ground as upright as this may be S: also where that cannot be known.

        What is as upright as P is no S; before the ground has moved less upright it is still P, which grows.
        """
        return not vertical_db > self.upright_db - UPRIGHT_DB >= self.flattest_db

    def rises_anew(self, level_db: float, *, may_be_s: bool) -> bool:
        """
        Whether this level is that of another earthquake.

        It must lie `SWING_DB` above a trough that lies as far below the peak.  If it exceeds the peak and
        the ground never fell to `BEFORE_S` of its rise, it is S where it may be (``may_be_s``).  What exceeds
        the peak by more than `S_OVER_P_DB` is no S, and where S may not be, a swing above the peak is enough.
        """
        if (S_OVER_P_DB if may_be_s else SWING_DB) < level_db - self.peak_db < math.inf:
            return True
        has_fallen = self.peak_db - self.trough_db >= SWING_DB
        has_risen = level_db - self.trough_db >= SWING_DB
        is_s = may_be_s and level_db > self.peak_db and self._keeps(BEFORE_S, self.trough_db, self.peak_db)
        return has_fallen and has_risen and not is_s

    def _keeps(self, share: float, level_db: float, peak_db: float) -> bool:
        """Whether a level holds more than this share of the rise, in dB; False where that cannot be known."""
        return level_db - self.rest_db > share * (peak_db - self.rest_db)


class RecentMotion:
    """How the ground moved in the windows that ended within the last `REST_S`."""

    def __init__(self) -> None:
        self._levels: deque[tuple[int, float, float]] = deque()

    def add(self, end_ns: int, level_db: float, vertical_db: float = math.nan) -> None:
        """Append the window that ended then (UTC ns), if its level is known."""
        if not math.isnan(level_db):
            self._levels.append((end_ns, level_db, vertical_db))
        self._forget(end_ns)

    def rest_db(self, before_ns: int) -> float:
        """Level of the ground at rest before a time (UTC ns); NaN where nothing is known."""
        self._forget(before_ns)
        levels = sorted(level for _, level, _ in self._levels)
        return levels[int(REST_SHARE * len(levels))] if levels else math.nan

    def upright_db(self, before_ns: int) -> float:
        """Highest ratio of vertical to horizontal motion in the `LEVEL_S` before a time (UTC ns)."""
        first_ns = before_ns - LEVEL_S * NS_PER_S
        return highest_known(upright for end_ns, _, upright in self._levels if first_ns < end_ns < before_ns)

    def _forget(self, now_ns: int) -> None:
        while self._levels and now_ns - self._levels[0][0] > REST_S * NS_PER_S:
            self._levels.popleft()


def highest_known(values: Iterable[float]) -> float:
    """Highest of the values that are known; NaN where none is."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)
