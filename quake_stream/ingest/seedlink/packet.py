"""ObsPy's SeedLink packet for records of any length, decoded only when asked.  No I/O."""

from obspy.clients.seedlink.slpacket import SLPacket

from quake_stream.ingest.seedlink.framing import Frame
from quake_stream.mseed.header import peek
from quake_stream.mseed.record import RecordHeader


class RecordPacket(SLPacket):  # type: ignore[misc]  # ObsPy publishes no types
    """
    One data packet.

    ObsPy's own class takes 512 bytes whatever the record says; `get_trace` and the rest are inherited and
    work on version 2 records of any length.
    """

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self.slhead = frame.head
        self.msrecord = frame.record
        self.trace = None
        self._sequence = frame.sequence
        self._header: RecordHeader | None = None

    def get_sequence_number(self) -> int:
        """Sequence number, 24 bits; ObsPy's own parses the header anew each time."""
        return self._sequence

    @property
    def header(self) -> RecordHeader:
        """What the record says about itself, without its samples; raises RecordError."""
        if self._header is None:
            self._header = peek(self.msrecord)
        return self._header
