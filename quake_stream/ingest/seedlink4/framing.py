"""
Cut the bytes of a SeedLink 4 server into packets.  Pure.

A packet says how long it is, so that a record that cannot be read costs no connection.  Never guesses where
the next packet starts.
"""

from seedlink_client.protocol import (
    FORMAT_JSON,
    FORMAT_XML,
    HEADSIZE_V4,
    SUBFORMAT_JSON_ERROR,
    HeaderV4,
    SeedLinkError,
    parse_header_v4,
)

from quake_stream.ingest.seedlink.framing import DesyncError, Frame, Inbox, Kind

_SEQUENCE = slice(8, 16)


class Frame4(Frame):
    """One packet: its header with the station, and its payload."""

    __slots__ = ()

    @property
    def sequence(self) -> int:
        """Sequence number of a data packet, 64 bits."""
        return int.from_bytes(self.head[_SEQUENCE], "little")

    @property
    def is_last(self) -> bool:
        """Whether this ends an answer to INFO: each is one packet."""
        return True


class Inbox4(Inbox):
    """Bytes received and not used yet, of SeedLink 4; a packet has at most 16 MiB."""

    def frame(self) -> Frame | None:
        """
        Take one packet; None while it is not complete.

        Raises
        ------
        DesyncError
            The bytes are no packet.
        """
        buffer = self._buffer
        if buffer[:2] != b"SE":
            return self._short_frame(b"SE")
        if len(buffer) < HEADSIZE_V4:
            return None
        header = _header(bytes(buffer[:HEADSIZE_V4]))
        start = HEADSIZE_V4 + header.station_id_length
        end = start + header.payload_length
        if len(buffer) < end:
            return None
        with memoryview(buffer) as view:
            frame = Frame4(_kind(header), bytes(view[:start]), bytes(view[start:end]))
        del buffer[:end]
        return frame


def _header(head: bytes) -> HeaderV4:
    try:
        return parse_header_v4(head)
    except (SeedLinkError, UnicodeDecodeError) as exc:
        raise DesyncError(str(exc), int.from_bytes(head[_SEQUENCE], "little")) from exc


def _kind(header: HeaderV4) -> Kind:
    if header.payload_format == FORMAT_JSON and header.payload_subformat == SUBFORMAT_JSON_ERROR:
        return Kind.ERROR
    return Kind.INFO if header.payload_format in {FORMAT_JSON, FORMAT_XML} else Kind.DATA
