"""
Put live and replayed messages into one order, each once, and say what the journal is to be asked for.

Pure: it is told what arrived and when.  While something is missing, live messages are held back, so that
the order holds; what the journal does not have becomes a `Missed`.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from quake_stream.counters import Counters
from quake_stream.publish.frames import (
    Header,
    Message,
    VersionError,
    WireError,
    decode,
    decode_envelope,
)
from quake_stream.publish.requests import Request
from quake_stream.publish.sequence import Missed, SequenceTracker


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    topic: str
    header: Header
    frames: Sequence[bytes]
    received_ns: int
    replayed: bool


class Inbox:
    """
    Messages of one feed, in order.

    Parameters
    ----------
    topics
        Prefixes of the topics wanted.
    fills
        Whether there is a journal to ask; otherwise gaps are only reported.
    after
        Header of the last message that the program has handled; what came after it is asked for.
    since_ns
        Time (UTC) since when messages are wanted, or where to begin when ``after`` is in no journal.
    """

    def __init__(
        self,
        *,
        topics: tuple[str, ...] = ("",),
        fills: bool = True,
        after: Header | None = None,
        since_ns: int | None = None,
    ) -> None:
        self.counters = Counters()
        self.session: UUID | None = None  # of the latest live message
        self.is_filling = fills and (after is not None or since_ns is not None)
        self._topics = topics
        self._fills = fills
        self._tracker = SequenceTracker(after)
        self._since_ns = since_ns
        self._asked_after = after
        self._held: deque[_Arrival] = deque()
        self._ready: deque[_Arrival | Missed] = deque()

    @property
    def n_held(self) -> int:
        """Number of live messages that wait for what comes before them."""
        return len(self._held)

    def request(self) -> Request:
        """Give what to ask the journal for while `is_filling`, and note that it is asked for now."""
        last = self._tracker.last
        self._asked_after = last
        if last is None:
            return Request(since_ns=self._since_ns)
        if self._held and self._held[0].header.session == last.session:
            return Request(
                session=last.session, first=last.sequence + 1, last=self._held[0].header.sequence - 1
            )
        return Request(session=last.session, first=last.sequence + 1, since_ns=self._since_ns)

    def take_live(self, frames: Sequence[bytes], received_ns: int) -> None:
        """Take what the feed sent."""
        arrival = self._read(frames, received_ns, replayed=False)
        if arrival is None:
            return
        self.session = arrival.header.session
        if self.is_filling:
            self._held.append(arrival)
        else:
            self._look(arrival)

    def take_replayed(self, frames: Sequence[bytes], received_ns: int) -> None:
        """Take what the journal sent."""
        arrival = self._read(frames, received_ns, replayed=True)
        if arrival is None or not self.is_filling:
            return
        head = self._held[0].header if self._held else None
        header = arrival.header
        if self._tracker.is_known(header):
            self.counters.add("messages.repeated")
        elif head is not None and header.session == head.session and header.sequence >= head.sequence:
            self._resume(is_filled=True)
        else:
            self._accept(arrival, is_filled=True)

    def end_replay(self, *, is_found: bool) -> None:
        """
        Note that the journal has sent all that it has of the `request`; also when it does not answer.

        ``is_found`` is false where it does not have the session, or gave no answer.
        """
        if not self.is_filling:
            return
        is_ahead = self._held and self._tracker.is_gap(self._held[0].header)
        # What was sent while it answered may be missing again, so it is asked as long as that helps.
        if is_found and is_ahead and self._tracker.last != self._asked_after:
            return
        self._resume(is_filled=is_found)

    def pop(self) -> Message | Missed | None:
        """
        Give the next message or notice; None when there is none yet.

        Raises
        ------
        VersionError
            A message wanted here is of a newer major version; calling again goes on after it.
        """
        if not self._ready:
            return None
        item = self._ready.popleft()
        if isinstance(item, Missed):
            return item
        try:
            message = decode(item.frames, received_ns=item.received_ns, replayed=item.replayed)
        except VersionError:
            self.counters.add("messages.refused", reason="version")
            raise
        except WireError:
            self.counters.add("messages.malformed", reason="body")
            header = item.header
            n = header.sequence
            missed = Missed(session=header.session, first=n, last=n, reason="malformed")
            self.counters.add("messages.missed", reason=missed.reason)
            return missed
        self.counters.add("messages.received", reason="replayed" if item.replayed else "")
        return message

    def _read(self, frames: Sequence[bytes], received_ns: int, *, replayed: bool) -> _Arrival | None:
        try:
            topic, header = decode_envelope(frames)
        except WireError:
            self.counters.add("messages.malformed", reason="envelope")
            return None
        return _Arrival(topic=topic, header=header, frames=frames, received_ns=received_ns, replayed=replayed)

    def _look(self, arrival: _Arrival) -> None:
        """Hand a live message over, or hold it back while the journal is asked for what comes before."""
        if self._tracker.is_known(arrival.header):
            self.counters.add("messages.repeated")
        elif self._fills and self._tracker.is_gap(arrival.header):
            self._held.appendleft(arrival)
            self.is_filling = True
        else:
            self._accept(arrival, is_filled=False)

    def _resume(self, *, is_filled: bool) -> None:
        """Hand over what was held back, up to the next gap; the first of it whatever is missing before."""
        self.is_filling = False
        if self._held:
            head = self._held.popleft()
            if self._tracker.is_known(head.header):
                self.counters.add("messages.repeated")
            else:
                self._accept(head, is_filled=is_filled)
        while self._held and not self.is_filling:
            self._look(self._held.popleft())

    def _accept(self, arrival: _Arrival, *, is_filled: bool) -> None:
        missed = self._tracker.accept(arrival.header)
        # A restart is reported for the unknown end of the old session, which the journal has shown.
        if missed is not None and (missed.count or not is_filled):
            self.counters.add("messages.missed", missed.count, reason=missed.reason)
            self._ready.append(missed)
        self._since_ns = arrival.received_ns
        if arrival.topic.startswith(self._topics):
            self._ready.append(arrival)
        else:
            self.counters.add("messages.unwanted")
