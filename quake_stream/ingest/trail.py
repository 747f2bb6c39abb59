"""
How far back a station must be asked for again after a restart, and the position that does so.  No I/O.

A position is safe to begin from when everything before it ends before the first sample that still matters.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, Position, RestPoint

NO_SEQUENCE = -1  # the server that gave the number was restarted; only the time holds
MAX_ABS_NS = 2**63 - 1
N_CHECKPOINTS = 32  # of a station within the usual rewind; the saved position is at most this much too old
MAX_MARKS = 4 * N_CHECKPOINTS  # while a detection is open they pile up; then every other one goes
MAX_REWIND_NS = 3600 * NS_PER_S  # public servers ask clients for no more
MAX_COMMON_NS = 900 * NS_PER_S  # by which a station may hold back all the others of its server
MAX_AHEAD_NS = 60 * NS_PER_S  # of the clock, or of the data before; beyond that a time stamp is wrong
MAX_INSTRUMENTS = 100  # of a station; a server that makes up codes has no right to more memory
SILENT_NS = 600 * NS_PER_S  # so far behind, an instrument holds back the others of its station no more


class Needs:
    """What the instruments of one station still need: the start of the oldest sample that matters."""

    def __init__(self) -> None:
        self.points: dict[InstrumentId, RestPoint] = {}
        self._seen_ns: dict[InstrumentId, int] = {}

    def note(self, instrument_id: InstrumentId, end_ns: int, point: RestPoint | None) -> None:
        """Note data up to a time (UTC ns), and where the instrument last stood at rest, if it ever did."""
        if instrument_id not in self._seen_ns and len(self._seen_ns) >= MAX_INSTRUMENTS:
            return
        self._seen_ns[instrument_id] = max(end_ns, self._seen_ns.get(instrument_id, end_ns))
        if point is not None:
            self.points[instrument_id] = point

    def horizon_ns(self, newest_ns: int, rewind_ns: int) -> int:
        """
        Time (UTC ns) from which on data must be had again.

        ``newest_ns`` is the end of the newest data, ``rewind_ns`` what to go back where nothing is known
        of an instrument.
        """
        needed = [
            self.points[instrument_id].needed_ns if instrument_id in self.points else seen_ns - rewind_ns
            for instrument_id, seen_ns in self._seen_ns.items()
            if seen_ns > newest_ns - SILENT_NS
        ]
        return max(min(needed, default=newest_ns - rewind_ns), newest_ns - MAX_REWIND_NS)


class Mark(NamedTuple):
    """A position, with the end of the newest data and the latest arrival (UTC ns) when it was reached."""

    newest_ns: int
    arrived_ns: int
    position: Position


@dataclass(slots=True)
class Trail:
    """Past positions of one station of a server, oldest first."""

    marks: deque[Mark] = field(default_factory=deque)
    last: Position | None = None
    newest_ns: int = -MAX_ABS_NS
    arrived_ns: int = -MAX_ABS_NS

    def see(self, time_ns: int, now_ns: int) -> None:
        """Note that there are data up to a time, and that they came now."""
        self.arrived_ns = max(self.arrived_ns, now_ns)
        # A record stamped in the future must not hold the saved position until that day comes.
        if time_ns <= max(now_ns, self.newest_ns) + MAX_AHEAD_NS:
            self.newest_ns = max(self.newest_ns, time_ns)

    def begin(self, position: Position) -> None:
        """Begin with the position that an earlier process saved."""
        self.last = position
        self.marks.append(Mark(position.start_ns, self.arrived_ns, position))

    def advance(self, position: Position, *, spacing_ns: int) -> None:
        """Move to a position, and mark it where the last mark is old enough."""
        marks = self.marks
        if self.last is None:
            # Of the first record the time alone is kept, so that it comes again itself.
            marks.append(Mark(-MAX_ABS_NS, self.arrived_ns, replace(position, sequence=NO_SEQUENCE)))
        self.last = position
        if self.newest_ns - marks[-1].newest_ns >= spacing_ns:
            marks.append(Mark(self.newest_ns, self.arrived_ns, position))
        if len(marks) > MAX_MARKS:
            self.marks = deque([marks[0], *list(marks)[2::2]])

    def safe(self, horizon_ns: int, arrived_by_ns: int = MAX_ABS_NS) -> Mark:
        """Find the newest mark after which all data from the horizon on come, and that was reached by then."""
        found = self.marks[0]
        for mark in self.marks:
            if mark.newest_ns > horizon_ns or mark.arrived_ns > arrived_by_ns:
                break
            found = mark
        return found

    def forget_before(self, mark: Mark) -> None:
        """Keep no marks before this one."""
        while self.marks[0] is not mark:
            self.marks.popleft()

    def void_sequences(self) -> None:
        """Keep the times only."""
        if self.last is not None:
            self.last = replace(self.last, sequence=NO_SEQUENCE)
        self.marks = deque(
            mark._replace(position=replace(mark.position, sequence=NO_SEQUENCE)) for mark in self.marks
        )


def common_arrival_ns(trails: Iterable[tuple[Trail, int]]) -> int:
    """
    Time of arrival (UTC ns) up to which the marks of all stations of one server are safe.

    For servers that begin with the newest of all positions that they are asked for, as ringserver does,
    since it keeps all stations in one ring.  Each trail comes with its horizon; stations that are silent,
    or need data that came too long ago, hold back nobody.
    """
    needed = [(trail.arrived_ns, trail.safe(horizon_ns).arrived_ns) for trail, horizon_ns in trails]
    latest_ns = max((arrived_ns for arrived_ns, _ in needed), default=0)
    return min(
        (
            safe_ns
            for arrived_ns, safe_ns in needed
            if arrived_ns > latest_ns - SILENT_NS and safe_ns > latest_ns - MAX_COMMON_NS
        ),
        default=MAX_ABS_NS,
    )
