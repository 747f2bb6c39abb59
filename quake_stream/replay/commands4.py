"""
Obey the commands by which a SeedLink 4 client says what it wants.  Pure: no socket, clock or thread.

Specification: https://docs.fdsn.org/projects/seedlink, version 4.0.  Streams are sent as they are recorded: the
filter ``:3``, which converts to miniSEED 3, is not offered.
"""

from typing import ClassVar

from quake_stream.replay.commands import OK, Commands
from quake_stream.replay.requests4 import Selector4, parse_station, parse_time

_CODES = {
    "unknown": "UNSUPPORTED",
    "unencrypted": "UNEXPECTED",
    "not_admitted": "AUTH",
    "login": "AUTH",
    "no_station": "UNEXPECTED",
}


class Commands4(Commands):
    """
    What one client of version 4 has asked for so far.

    Where the server admits only some, nothing is sent to a client that has not said who it is; it may say so
    only where nobody else can read it.
    """

    WORDS: ClassVar[frozenset[str]] = frozenset(
        {"USERAGENT", "AUTH", "STATION", "SELECT", "DATA", "END", "ENDFETCH"}
    )

    _is_admitted = False

    def _useragent(self, _arguments: list[str]) -> None:
        self._reply(OK)

    def _auth(self, arguments: list[str]) -> None:
        if not self._is_encrypted:
            self._refuse("unencrypted")
        elif " ".join(arguments) not in self._facts.admitted:
            self._refuse("login")
        else:
            self._is_admitted = True
            self._reply(OK)

    def _station(self, arguments: list[str]) -> None:
        try:
            (station_id,) = arguments
            request = parse_station(station_id)
        except ValueError:
            self._refuse("station")
            return
        self._add_station(request)

    def _select(self, arguments: list[str]) -> None:
        if not self.requests:
            self._refuse("no_station")
            return
        try:
            (text,) = arguments
            selector = Selector4.parse(text)
        except ValueError:
            self._refuse("selector")
            return
        if self._has_room():
            self._current.selectors.append(selector)
            self._reply(OK)

    def _data(self, arguments: list[str], *, is_fetch: bool = False) -> None:  # noqa: ARG002  of version 3
        if not self.requests:
            self._refuse("no_station")
            return
        request = self._current
        try:
            number = None if not arguments or arguments[0] == "ALL" else _number(arguments[0])
            times = [parse_time(text) for text in arguments[1:3]]
        except ValueError:
            self._refuse("position")
            return
        if times:
            request.window(self._ring, times[0], times[1] if len(times) > 1 else None)
        if number is not None:
            request.start_at(self._ring, number)
        elif arguments and not times:
            request.start_serial = self._ring.oldest_serial
        self._positioned()

    def _end(self, arguments: list[str]) -> None:
        if self._facts.admitted and not self._is_admitted:
            self._refuse("not_admitted")
            self._hang_up("not_admitted")
        else:
            super()._end(arguments)

    def _endfetch(self, arguments: list[str]) -> None:
        self.is_fetch = True
        for request in self.requests:
            if request.start_serial is None:
                request.start_serial = self._ring.oldest_serial
        self._end(arguments)

    def _error(self, reason: str) -> bytes:
        return f"ERROR {_CODES.get(reason, 'ARGUMENTS')} {reason}\r\n".encode("ascii")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ValueError(f"{text!r} is no sequence number")
    return int(text)
