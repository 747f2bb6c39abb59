"""
Speak SeedLink 3 with one client: bytes in, bytes out.  Pure: no socket, clock or thread.

There is no formal specification of SeedLink 3; this follows what SeisComP's server and ringserver answer and
what libslink and ObsPy accept.  Whatever a client sends is answered, ignored or ends the session.
"""

import enum
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from quake_stream.counters import Counters
from quake_stream.replay.info import Peer, ServerFacts, info_packets, info_xml
from quake_stream.replay.requests import Selector, StationRequest, parse_sequence, parse_time
from quake_stream.replay.ring import Entry, Ring
from quake_stream.types import SourceId

_LINE_END = re.compile(rb"[\r\n]+")
_OK, _ERROR = b"OK\r\n", b"ERROR\r\n"
_MAX_LINE_BYTES = 4096  # the longest honest command has some 60
_MAX_REQUESTS = 50_000  # stations and selectors of one client; the largest networks list a few thousand
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
    what is there and removes it.  ``packets`` may replace each packet by others: the seam for faults.
    """

    def __init__(
        self,
        facts: ServerFacts,
        ring: Ring,
        counters: Counters,
        *,
        peers: Callable[[], Iterable[Peer]] = tuple,
        packets: Callable[[bytes], Sequence[bytes]] = lambda packet: (packet,),
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
        self._incoming = bytearray()
        self._requests: list[StationRequest] = []
        self._uni = StationRequest(network="*", station="*", has_wildcard=True)
        self._n_requested = 0
        self._is_batch = False
        self._stop_serial: int | None = None  # of FETCH: no record from here on
        self._is_fetch = False
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
                    self.outgoing += packet
                self.n_records += 1
                self._counters.add("records.sent")
        is_idle = self.next_serial >= stop
        has_window = any(request.end_ns is not None for request in self._requests)
        if (
            all(request.is_done for request in self._requests)
            or (is_idle and self._is_fetch)
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
            self._counters.add(
                "commands.ignored", reason="streaming"
            )  # a text answer would be taken for data
        else:
            handler = self._HANDLERS.get(command)
            if handler is None:
                self._counters.add("commands.refused", reason="unknown")
                self.outgoing += _ERROR
            else:
                handler(self, arguments)

    def _info(self, arguments: list[str]) -> None:
        level = arguments[0] if arguments else ""
        xml = info_xml(level, self._facts, self._ring, self._peers())
        if xml is None:
            self._counters.add("commands.refused", reason="info_level")
            self.outgoing += info_packets(f"INFO {level[:20]} is not supported", is_error=True)
        else:
            self.outgoing += info_packets(xml)

    def _hello(self, _arguments: list[str]) -> None:
        wildcards = " NSWILDCARD" if self._facts.has_wildcards else ""
        greeting = f"SeedLink v3.1 ({self._facts.software}) :: SLPROTO:3.1 CAP EXTREPLY{wildcards} BATCH\r\n"
        self.outgoing += f"{greeting}{self._facts.organization}\r\n".encode("ascii", "replace")

    def _cat(self, _arguments: list[str]) -> None:
        self.outgoing += b"CAT command not implemented\r\n"

    def _capabilities(self, _arguments: list[str]) -> None:
        self._reply(_OK)

    def _batch(self, _arguments: list[str]) -> None:
        self._reply(_OK)
        self._is_batch = True

    def _station(self, arguments: list[str]) -> None:
        try:
            request = StationRequest.parse(arguments)
        except ValueError:
            self._refuse("station")
            return
        if request.has_wildcard and not self._facts.has_wildcards and len(arguments) == 2:
            self._refuse("wildcard")
        elif not self._is_known(request):
            self._refuse("unknown_station")
        elif self._has_room():
            self._requests.append(request)
            self._reply(_OK)

    def _select(self, arguments: list[str]) -> None:
        selectors = self._current.selectors
        if not arguments:
            selectors.clear()
            self._reply(_OK)
            return
        try:
            parsed = [Selector.parse(text) for text in arguments]
        except ValueError:
            self._refuse("selector")
            return
        if self._has_room(len(parsed)):
            selectors += parsed
            self._reply(_OK)

    def _data(self, arguments: list[str], *, is_fetch: bool = False) -> None:
        try:
            sequence = parse_sequence(arguments[0]) if arguments else None
            time_ns = parse_time(arguments[1]) if len(arguments) > 1 else None
        except ValueError:
            self._refuse("position")
            return
        self._is_fetch = self._is_fetch or is_fetch
        if sequence is not None:
            self._current.resume(self._ring, sequence, time_ns)
        elif time_ns is not None:
            self._current.window(self._ring, time_ns, None)
        elif is_fetch:
            self._current.start_serial = self._ring.oldest_serial
        self._positioned()

    def _fetch(self, arguments: list[str]) -> None:
        self._data(arguments, is_fetch=True)

    def _time(self, arguments: list[str]) -> None:
        try:
            begin_ns, *end_ns = [parse_time(text) for text in arguments[:2]]
        except ValueError:
            self._refuse("time")
            return
        self._current.window(self._ring, begin_ns, end_ns[0] if end_ns else None)
        self._positioned()

    def _end(self, _arguments: list[str]) -> None:
        if not self._requests:
            self._requests.append(self._uni)
        if self._is_fetch:
            self._stop_serial = self._ring.next_serial
        for request in self._requests:
            if request.start_serial is None:
                request.start_serial = self._ring.next_serial
        self.next_serial = min(request.start_serial or 0 for request in self._requests)
        self.state = State.STREAMING

    @property
    def _current(self) -> StationRequest:
        return self._requests[-1] if self._requests else self._uni

    def _positioned(self) -> None:
        """Answer a position: of a station by OK; in uni-station mode data follow at once."""
        if self._requests:
            self._reply(_OK)
        else:
            self._end([])

    def _is_known(self, request: StationRequest) -> bool:
        if not request.has_wildcard:
            return (request.network, request.station) in self._facts.stations
        return any(request.matches_station(source_id) for source_id in self._facts.streams)

    def _has_room(self, n: int = 1) -> bool:
        self._n_requested += n
        if self._n_requested > _MAX_REQUESTS:
            self._hang_up("too_many_requests")
        return self._n_requested <= _MAX_REQUESTS

    def _refuse(self, reason: str) -> None:
        self._counters.add("commands.refused", reason=reason)
        self._reply(_ERROR)

    def _reply(self, reply: bytes) -> None:
        if not self._is_batch:
            self.outgoing += reply

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
            requests = tuple(r for r in self._requests if r.matches(entry.source_id))
            self._wanted[entry.source_id] = requests
        return requests

    _HANDLERS: ClassVar[Mapping[str, Callable[["Session", list[str]], None]]] = {
        "HELLO": _hello,
        "CAT": _cat,
        "CAPABILITIES": _capabilities,
        "BATCH": _batch,
        "STATION": _station,
        "SELECT": _select,
        "DATA": _data,
        "FETCH": _fetch,
        "TIME": _time,
        "END": _end,
    }
