"""Where a SeedLink server is: ``seedlink://host[:port]``, ``host[:port]``, ``[::1]:18000``.  Pure."""

from dataclasses import dataclass
from typing import Self

from quake_stream.errors import SourceError

SEEDLINK_PORT = 18_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Host name or IP address (IPv6 without brackets) and TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read an address; the port is 18000 where none is given.

        Raises
        ------
        SourceError
            It is no address; the message says what would be.
        """
        rest = text.strip().removeprefix("seedlink://").rstrip("/")
        if rest.startswith("["):
            host, bracket, port = rest[1:].partition("]")
            valid = bracket == "]" and (not port or port.startswith(":"))
            port = port.removeprefix(":") if port else str(SEEDLINK_PORT)
        elif rest.count(":") > 1:
            host, port, valid = rest, str(SEEDLINK_PORT), True  # a bare IPv6 address
        else:
            host, colon, port = rest.partition(":")
            valid, port = True, port if colon else str(SEEDLINK_PORT)
        valid = valid and bool(host) and not set(host) & set("/@ []") and port.isascii() and port.isdigit()
        if not valid or not 0 < int(port) < 65_536:
            raise SourceError(f"{text!r} is no SeedLink server: write host:port or seedlink://host:port")
        return cls(host=host, port=int(port))

    def __str__(self) -> str:
        """``host:port``, with brackets around an IPv6 address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
