"""
Obey the commands by which a SeedLink 3 client says what it wants.  Pure: no socket, clock or thread.

There is no formal specification of SeedLink 3; this follows what SeisComP's server and ringserver answer and
what libslink and ObsPy accept.  Data are `session`'s.
"""

from collections.abc import Callable
from typing import ClassVar

from quake_stream.counters import Counters
from quake_stream.replay.info import ServerFacts
from quake_stream.replay.requests import Selector, StationRequest, parse_sequence, parse_time
from quake_stream.replay.ring import Ring

OK, ERROR = b"OK\r\n", b"ERROR\r\n"

_MAX_REQUESTS = 50_000  # stations and selectors of one client; the largest networks list a few thousand


class Commands:
    """
    What one client has asked for so far: ``requests``, in their order.

    ``reply`` takes the bytes of each answer, ``hang_up`` the reason for the end of the session.  With
    ``is_ended`` the client waits for data; with ``is_fetch`` only for those that are there.
    """

    WORDS: ClassVar[frozenset[str]] = frozenset(
        {"CAT", "CAPABILITIES", "BATCH", "STATION", "SELECT", "DATA", "FETCH", "TIME", "END"}
    )

    def __init__(
        self,
        facts: ServerFacts,
        ring: Ring,
        counters: Counters,
        *,
        reply: Callable[[bytes], None],
        hang_up: Callable[[str], None],
        is_encrypted: bool = False,
    ) -> None:
        self.requests: list[StationRequest] = []
        self.is_fetch = False
        self.is_ended = False
        self._facts = facts
        self._ring = ring
        self._counters = counters
        self._send = reply
        self._hang_up = hang_up
        self._uni = StationRequest(network="*", station="*", has_wildcard=True)
        self._n_requested = 0
        self._is_batch = False
        self._is_encrypted = is_encrypted

    def obey(self, command: str, arguments: list[str]) -> None:
        """Obey one command, in capitals, and reply to it."""
        if command not in self.WORDS:
            self._counters.add("commands.refused", reason="unknown")
            self._send(self._error("unknown"))
        else:
            getattr(self, f"_{command.lower()}")(arguments)

    def _cat(self, _arguments: list[str]) -> None:
        self._send(b"CAT command not implemented\r\n")

    def _capabilities(self, _arguments: list[str]) -> None:
        self._reply(OK)

    def _batch(self, _arguments: list[str]) -> None:
        self._reply(OK)
        self._is_batch = True

    def _station(self, arguments: list[str]) -> None:
        try:
            request = StationRequest.parse(arguments)
        except ValueError:
            self._refuse("station")
            return
        if request.has_wildcard and not self._facts.has_wildcards and len(arguments) == 2:
            self._refuse("wildcard")
        else:
            self._add_station(request)

    def _add_station(self, request: StationRequest) -> None:
        if not self._is_known(request):
            self._refuse("unknown_station")
        elif self._has_room():
            self.requests.append(request)
            self._reply(OK)

    def _select(self, arguments: list[str]) -> None:
        selectors = self._current.selectors
        if not arguments:
            selectors.clear()
            self._reply(OK)
            return
        try:
            parsed = [Selector.parse(text) for text in arguments]
        except ValueError:
            self._refuse("selector")
            return
        if self._has_room(len(parsed)):
            selectors += parsed
            self._reply(OK)

    def _data(self, arguments: list[str], *, is_fetch: bool = False) -> None:
        try:
            sequence = parse_sequence(arguments[0]) if arguments else None
            time_ns = parse_time(arguments[1]) if len(arguments) > 1 else None
        except ValueError:
            self._refuse("position")
            return
        self.is_fetch = self.is_fetch or is_fetch
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
        if not self.requests:
            self.requests.append(self._uni)
        for request in self.requests:
            if request.start_serial is None:
                request.start_serial = self._ring.next_serial
        self.is_ended = True

    @property
    def _current(self) -> StationRequest:
        return self.requests[-1] if self.requests else self._uni

    def _positioned(self) -> None:
        """Answer a position: of a station by OK; in uni-station mode data follow at once."""
        if self.requests:
            self._reply(OK)
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
        self._reply(self._error(reason))

    def _error(self, reason: str) -> bytes:  # noqa: ARG002  version 4 tells it
        return ERROR

    def _reply(self, reply: bytes) -> None:
        if not self._is_batch:
            self._send(reply)
