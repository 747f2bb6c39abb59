"""
Where a SeedLink server is: ``seedlink://host[:port]``, ``host[:port]``, ``[::1]:18000``.  Pure.

``seedlinks://host[:port]`` is the same through TLS.
"""

from dataclasses import dataclass
from typing import Self

from quake_stream.errors import SourceError

SEEDLINK_PORT = 18_000
TLS_PORT = 18_500  # of SeedLink through TLS, as its version 4 says


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Host name or IP address (IPv6 without brackets), TCP port, and whether to go through TLS."""

    host: str
    port: int
    is_encrypted: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read an address; where no port is given it is 18000, through TLS 18500.

        Raises
        ------
        SourceError
            It is no address; the message says what would be.
        """
        given = text.strip()
        is_encrypted = given.startswith("seedlinks://")
        default = str(TLS_PORT if is_encrypted else SEEDLINK_PORT)
        rest = given.removeprefix("seedlinks://").removeprefix("seedlink://").rstrip("/")
        if rest.startswith("["):
            host, bracket, port = rest[1:].partition("]")
            valid = bracket == "]" and (not port or port.startswith(":"))
            port = port.removeprefix(":") if port else default
        elif rest.count(":") > 1:
            host, port, valid = rest, default, True  # a bare IPv6 address
        else:
            host, colon, port = rest.partition(":")
            valid, port = True, port if colon else default
        valid = valid and bool(host) and not set(host) & set("/@ []") and port.isascii() and port.isdigit()
        if not valid or not 0 < int(port) < 65_536:
            raise SourceError(f"{text!r} is no SeedLink server: write host:port or seedlink://host:port")
        return cls(host=host, port=int(port), is_encrypted=is_encrypted)

    def __str__(self) -> str:
        """``host:port``, with brackets around an IPv6 address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
