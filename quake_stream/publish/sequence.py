"""Notice lost messages by their sequence numbers.  Pure: it counts and reports, it fetches nothing."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from quake_stream.publish.frames import Header

MissedReason = Literal["joined", "gap", "restarted", "malformed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """
    Messages of one session that did not come, nor from the journal: ``first`` to ``last``, both included.

    ``reason`` is ``joined`` (sent before this subscriber was there), ``gap`` (lost under way, as a slow
    subscriber loses them), ``restarted`` (sent between the start of a new session and now; how many the
    old session sent last is unknown, so this is reported even when ``count`` is 0) or ``malformed``
    (came, but could not be read).
    """

    session: UUID
    first: int
    last: int
    reason: MissedReason

    @property
    def count(self) -> int:
        """Number of messages."""
        return self.last - self.first + 1


class SequenceTracker:
    """Follow the headers of one feed; the heartbeat is one of its messages, so silence hides no loss."""

    def __init__(self, last: Header | None = None) -> None:
        self.last = last  # header of the latest message accepted
        self._ended: set[UUID] = set()

    def is_known(self, header: Header) -> bool:
        """Tell whether this message, or a later one of its session, was accepted before."""
        last = self.last
        if last is not None and header.session == last.session:
            return header.sequence <= last.sequence
        return header.session in self._ended

    def is_gap(self, header: Header) -> bool:
        """Tell whether messages may be missing between the latest accepted and this one."""
        last = self.last
        return last is not None and (last.session, last.sequence + 1) != (header.session, header.sequence)

    def accept(self, header: Header) -> Missed | None:
        """Note a message that is not known yet; returns what is missing before it."""
        last, self.last = self.last, header
        reason: MissedReason = "gap"
        first = 1
        if last is None:
            reason = "joined"
        elif last.session != header.session:
            reason = "restarted"
            self._ended.add(last.session)
        else:
            first = last.sequence + 1
        if header.sequence == first and reason != "restarted":
            return None
        return Missed(session=header.session, first=first, last=header.sequence - 1, reason=reason)
