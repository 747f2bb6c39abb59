"""
How far back a station must be asked for again after a restart, and the position that does so.  No I/O.

A position is safe to begin from when everything before it ends before the first sample that still matters.
"""

from collections import deque
from dataclasses import dataclass, field, replace

from quake_stream.types import NS_PER_S, InstrumentId, Position, RestPoint

NO_SEQUENCE = -1  # the server that gave the number was restarted; only the time holds
MAX_ABS_NS = 2**63 - 1
N_CHECKPOINTS = 32  # of a station within the usual rewind; the saved position is at most this much too old
MAX_MARKS = 4 * N_CHECKPOINTS  # while a detection is open they pile up; then every other one goes
MAX_REWIND_NS = 3600 * NS_PER_S  # public servers ask clients for no more
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


@dataclass(slots=True)
class Trail:
    """Past positions of one station of a server, oldest first, each with the newest data time known then."""

    marks: deque[tuple[int, Position]] = field(default_factory=deque)
    last: Position | None = None
    newest_ns: int = -MAX_ABS_NS

    def see(self, time_ns: int, now_ns: int) -> None:
        """Note that there are data up to a time."""
        # A record stamped in the future must not hold the saved position until that day comes.
        if time_ns <= max(now_ns, self.newest_ns) + MAX_AHEAD_NS:
            self.newest_ns = max(self.newest_ns, time_ns)

    def advance(self, position: Position, *, horizon_ns: int, spacing_ns: int) -> None:
        """Move to a position; the first mark then is the newest that is safe for data from the horizon on."""
        marks = self.marks
        if self.last is None:
            # Of the first record the time alone is kept, so that it comes again itself.
            marks.append((-MAX_ABS_NS, replace(position, sequence=NO_SEQUENCE)))
        self.last = position
        if self.newest_ns - marks[-1][0] >= spacing_ns:
            marks.append((self.newest_ns, position))
        while len(marks) > 1 and marks[1][0] <= horizon_ns:
            marks.popleft()
        if len(marks) > MAX_MARKS:
            self.marks = deque([marks[0], *list(marks)[2::2]])

    def begin(self, position: Position) -> None:
        """Begin with the position that an earlier process saved."""
        self.last = position
        self.marks.append((position.start_ns, position))

    def void_sequences(self) -> None:
        """Keep the times only."""
        if self.last is not None:
            self.last = replace(self.last, sequence=NO_SEQUENCE)
        self.marks = deque((ns, replace(position, sequence=NO_SEQUENCE)) for ns, position in self.marks)
