"""ObsPy's SeedLink packet for records of any length, decoded only when asked.  No I/O."""

from functools import cached_property

from obspy.clients.seedlink.slpacket import SLPacket

from quake_stream.ingest.seedlink_framing import Frame
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

    @cached_property
    def header(self) -> RecordHeader:
        """What the record says about itself, without its samples; raises RecordError."""
        return peek(self.msrecord)
