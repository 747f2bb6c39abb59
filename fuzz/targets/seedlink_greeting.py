"""What a SeedLink server answers before data flow: to HELLO, SLPROTO, INFO, STATION, SELECT and DATA."""

import socket
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from quake_stream.ingest.seedlink import dialogue
from quake_stream.ingest.seedlink.address import Address
from quake_stream.ingest.seedlink.lost import LinkLostError
from quake_stream.ingest.seedlink.negotiation import Negotiation
from quake_stream.ingest.seedlink.pulse import Pulse
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.ingest.seedlink.stations import Station
from quake_stream.replay.info import info_packets
from quake_stream.replay.info4 import info_packet

MAX_BYTES = 8192  # the socket between the two sides takes it at once

_HELLO_4 = b"SeedLink v4.0 (RingServer/4.0.1) :: SLPROTO:4.0 SLPROTO:3.1 CAP EXTREPLY NSWILDCARD\r\nXX\r\n"
_HELLO = b"SeedLink v3.1 (2020.075) :: SLPROTO:3.1 CAP EXTREPLY NSWILDCARD BATCH\r\nGEOFON\r\n"


def seeds() -> Iterator[bytes]:
    """Give whole conversations, as their server's side."""
    info = info_packets(
        '<seedlink started="2026/01/01 00:00:00.0"><station name="A" network="X"/></seedlink>'
    )
    yield _HELLO + info + info + b"OK\r\n" * 3
    yield _HELLO + info_packets("no", is_error=True) + b"ERROR\r\n" + b"ERROR\r\n"
    yield _HELLO_4 + b"OK\r\nOK\r\n" + info_packet('{"server_start": "2026"}') * 2 + b"OK\r\n" * 3
    yield _HELLO_4 + b"OK\r\nERROR UNAUTHORIZED go away\r\n"
    yield b"SeedLink v2.5\r\nold\r\nOK\r\nOK\r\nERROR\r\n"


def check(data: bytes, _folder: Path) -> None:
    """Raise nothing but LinkLostError, and leave when the server has nothing more to say."""
    ours, theirs = socket.socketpair()
    with ours, theirs, Pulse() as pulse, mock.patch.object(dialogue, "open_socket", return_value=ours):
        ours.setblocking(False)
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        talk = dialogue.Dialogue(
            Address(host="localhost", port=18000), pulse=pulse, settings=SeedLinkSettings(protocol="auto")
        )
        try:
            talk.connect()
            talk.ask_info("STATIONS")
            talk.converse(Negotiation([Station("XX", "AAA", ("00HHZ",))], lambda _: "DATA"))
        except LinkLostError as lost:
            assert str(lost.reason)  # noqa: PT017  every loss has a reason for its counter
