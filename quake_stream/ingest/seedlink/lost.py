"""Why a SeedLink connection ended; nothing else."""

import enum


class Lost(enum.StrEnum):
    """Reason of ``connections.lost``."""

    DNS = "dns"  # the name does not resolve
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"  # the other end does not talk TLS
    CERTIFICATE = "certificate"  # it is not proven to be the server that was meant
    AUTH = "auth"  # user, password or token refused, or not readable
    PROTOCOL = "protocol"  # it does not talk the version of SeedLink that is asked for
    HANDSHAKE = "handshake"  # the other end does not talk SeedLink
    COMMAND_TIMEOUT = "command_timeout"
    NO_STATIONS = "no_stations"  # the server accepts none of the streams
    TOO_MANY_STATIONS = "too_many_stations"  # a wildcard stands for more than the limit
    RENEGOTIATE = "renegotiate"  # again at once, without what the server refused
    EOF = "eof"
    RESET = "reset"
    HALF_OPEN = "half_open"  # TCP's own time-out: the other end vanished
    SILENT = "silent"  # no packet within the network time-out
    DESYNC = "desync"  # no record where one should start
    ERROR = "error"  # the server said ERROR
    END = "end"  # the server said END


class LinkLostError(Exception):
    """The connection cannot be used any more; a new one may."""

    def __init__(self, reason: Lost, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
