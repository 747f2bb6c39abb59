"""
Speak SeedLink with one client: bytes in, bytes out.  Pure: no socket, clock or thread.

A session begins in version 3 and changes over to version 4 when the client asks for it; `commands` and
`commands4` know what each allows.  Whatever a client sends is answered, ignored or ends the session.
"""

import contextlib
import enum
import re
from collections.abc import Callable, Iterable, Sequence

from quake_stream.counters import Counters
from quake_stream.mseed.header import peek
from quake_stream.mseed.record import RecordError
from quake_stream.replay.commands import OK, Commands
from quake_stream.replay.commands4 import Commands4
from quake_stream.replay.info import Peer, ServerFacts, info_packets, info_xml
from quake_stream.replay.info4 import info_json, info_packet, packet4
from quake_stream.replay.requests import StationRequest
from quake_stream.replay.ring import SEQUENCE_MASK, Entry, Ring
from quake_stream.source_id import SourceId

_LINE_END = re.compile(rb"[\r\n]+")
_MAX_LINE_BYTES = 4096  # the longest honest command has some 60
_HIGH_WATER_BYTES = 65_536  # a client that reads nothing holds no more than this, plus one answer


class State(enum.Enum):
    """Where a session stands."""

    HANDSHAKE = enum.auto()
    STREAMING = enum.auto()
    ENDED = enum.auto()  # all that was asked for has been sent
    CLOSED = enum.auto()  # say nothing more and hang up


class Session:
    """
    One client's conversation.

    ``receive`` takes what came in, ``pull`` moves records from the ring to ``outgoing``; the caller sends
    what is there and removes it.  ``packets`` may replace each packet by others: the seam for faults, which see
    all packets in the form of version 3.  ``is_encrypted`` is whether nobody else can read along.
    """

    def __init__(
        self,
        facts: ServerFacts,
        ring: Ring,
        counters: Counters,
        *,
        peers: Callable[[], Iterable[Peer]] = tuple,
        packets: Callable[[bytes], Sequence[bytes]] = lambda packet: (packet,),
        is_encrypted: bool = False,
    ) -> None:
        self.outgoing = bytearray()
        self.state = State.HANDSHAKE
        self.n_records = 0
        self.next_serial = 0  # of the next record to look at, once streaming
        self._facts = facts
        self._ring = ring
        self._counters = counters
        self._peers = peers
        self._packets = packets
        self._is_encrypted = is_encrypted
        self._incoming = bytearray()
        self._commands = self._listen_in(Commands)
        self._stop_serial: int | None = None  # of FETCH: no record from here on
        self._wanted: dict[SourceId, tuple[StationRequest, ...]] = {}

    @property
    def is_full(self) -> bool:
        """Whether the client should first read what is waiting for it."""
        return len(self.outgoing) >= _HIGH_WATER_BYTES

    def receive(self, data: bytes) -> None:
        """Take bytes from the client and answer the commands that are complete."""
        self._incoming += data
        self._obey_lines()

    def pull(self, *, is_finished: bool) -> None:
        """Move wanted records to ``outgoing`` until that is full or nothing more is there."""
        self._obey_lines()
        if self.state is not State.STREAMING or (self.outgoing and not self.n_records):
            return  # answers first, so that faults can tell them from data
        self._skip_lost()
        stop = self._ring.next_serial if self._stop_serial is None else self._stop_serial
        while self.next_serial < stop and not self.is_full:
            entry = self._ring[self.next_serial]
            self.next_serial += 1
            if any([request.wants(entry) for request in self._requests_for(entry)]):  # noqa: C419  each notes its end
                for packet in self._packets(entry.packet):
                    self.outgoing += _as_4(entry, packet) if self._is_4 else packet
                self.n_records += 1
                self._counters.add("records.sent")
        is_idle = self.next_serial >= stop
        requests = self._commands.requests
        has_window = any(request.end_ns is not None for request in requests)
        if (
            all(request.is_done for request in requests)
            or (is_idle and self._commands.is_fetch)
            or (is_idle and has_window and is_finished)
        ):
            self.outgoing += b"END"
            self.state = State.ENDED

    def is_drained(self) -> bool:
        """Whether nothing of what was asked for and offered so far remains to be sent."""
        return not self.outgoing and not (
            self.state is State.STREAMING and self.next_serial < self._ring.next_serial
        )

    def _obey_lines(self) -> None:
        """Obey what has come in, as long as the client reads the answers."""
        while self.state is not State.CLOSED and not self.is_full:
            end = _LINE_END.search(self._incoming)
            if (end.start() if end else len(self._incoming)) > _MAX_LINE_BYTES:
                self._hang_up("line_too_long")
                return
            if end is None:
                return
            words = self._incoming[: end.start()].decode("ascii", "replace").split()
            del self._incoming[: end.end()]
            if words:
                self._obey(words[0].upper(), words[1:])

    def _obey(self, command: str, arguments: list[str]) -> None:
        if command == "BYE":
            self.state = State.CLOSED
        elif command == "INFO":
            self._info(arguments)
        elif self.state is not State.HANDSHAKE:
            # A text answer would be taken for data.
            self._counters.add("commands.ignored", reason="streaming")
        elif command == "HELLO":
            self._hello()
        elif command == "SLPROTO" and self._facts.has_wildcards and arguments == ["4.0"]:
            self._commands = self._listen_in(Commands4)
            self.outgoing += OK
        else:
            self._commands.obey(command, arguments)
            if self._commands.is_ended:
                self._begin()

    @property
    def _is_4(self) -> bool:
        return isinstance(self._commands, Commands4)

    def _listen_in(self, language: type[Commands]) -> Commands:
        return language(
            self._facts,
            self._ring,
            self._counters,
            reply=self.outgoing.extend,
            hang_up=self._hang_up,
            is_encrypted=self._is_encrypted,
        )

    def _begin(self) -> None:
        if self._commands.is_fetch:
            self._stop_serial = self._ring.next_serial
        self.next_serial = min(request.start_serial or 0 for request in self._commands.requests)
        self.state = State.STREAMING

    def _info(self, arguments: list[str]) -> None:
        level = arguments[0] if arguments else ""
        write, pack = (info_json, info_packet) if self._is_4 else (info_xml, info_packets)
        text = write(level, self._facts, self._ring, self._peers())
        if text is None:
            self._counters.add("commands.refused", reason="info_level")
            self.outgoing += pack(f"INFO {level[:20]} is not supported", is_error=True)
        else:
            self.outgoing += pack(text)

    def _hello(self) -> None:
        """Greet; a server without wildcards is an old one, and knows nothing of version 4."""
        versions = "SLPROTO:4.0 SLPROTO:3.1" if self._facts.has_wildcards else "SLPROTO:3.1"
        wildcards = " NSWILDCARD" if self._facts.has_wildcards else ""
        greeting = (
            f"SeedLink v{versions[8:11]} ({self._facts.software}) :: {versions} CAP EXTREPLY{wildcards} BATCH"
        )
        self.outgoing += f"{greeting}\r\n{self._facts.organization}\r\n".encode("ascii", "replace")

    def _hang_up(self, reason: str) -> None:
        self._counters.add("clients.closed", reason=reason)
        self.state = State.CLOSED

    def _skip_lost(self) -> None:
        """Move a reader on that the ring has overtaken, silently, as real servers do."""
        lost = self._ring.oldest_serial - self.next_serial
        if lost > 0:
            self._counters.add("records.lapped", lost)
            self.next_serial = self._ring.oldest_serial

    def _requests_for(self, entry: Entry) -> tuple[StationRequest, ...]:
        requests = self._wanted.get(entry.source_id)
        if requests is None:
            requests = tuple(r for r in self._commands.requests if r.matches(entry.source_id))
            self._wanted[entry.source_id] = requests
        return requests


def _as_4(entry: Entry, packet: bytes) -> bytes:
    """Write a packet of version 3 in the form of version 4; a fault may have changed it, or held it back."""
    number, source_id, record = entry.number, entry.source_id, packet[8:]
    if packet != entry.packet:
        number = number & ~SEQUENCE_MASK | int(packet[2:8], base=16)
        with contextlib.suppress(RecordError):
            source_id = peek(record).source_id
    return packet4(number, f"{source_id.network}_{source_id.station}", record)
