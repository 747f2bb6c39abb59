"""Say from where on a station's data are wanted: the DATA or TIME command.  Pure."""

from dataclasses import dataclass

from obspy import UTCDateTime

from quake_stream.ingest.seedlink.stations import NO_SEQUENCE, SEQUENCE_MASK, Station
from quake_stream.types import NS_PER_S

TIME_OVERLAP_NS = 60 * NS_PER_S  # asked for again when only a time is known; repeats are dropped later


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """
    What a request depends on beside the station.

    ``backfill_ns`` is the time from which stations never heard are wanted (None: from now on);
    ``oldest_ns`` bounds every time; ``has_time`` is whether the server takes times at all, and
    ``compares_time`` whether one beside a sequence shows it that the sequence is another record's now.
    """

    backfill_ns: int | None
    oldest_ns: int | None
    has_time: bool
    compares_time: bool = True


def data_command(station: Station, context: RequestContext) -> str:
    """
    Write the command that starts a station.

    A sequence always goes with the time of its record: after a server has lost its ring, old numbers are
    valid again and mean other data; ringserver compares the second and falls back on the time.
    """
    if station.seqnum != NO_SEQUENCE:
        command = f"DATA {(station.seqnum + 1) & SEQUENCE_MASK:06X}"
        if station.start_ns is not None and context.has_time:
            command += f" {seedlink_time(bounded(station.start_ns, context))}"
        return command
    start_ns = start_without_sequence(station, context)
    return "DATA" if start_ns is None else f"TIME {seedlink_time(start_ns)}"


def start_without_sequence(station: Station, context: RequestContext) -> int | None:
    """Time (UTC ns) from which data are wanted where no sequence is known; None for the next data."""
    if station.start_ns is not None:
        start_ns: int | None = station.start_ns - TIME_OVERLAP_NS
    else:
        start_ns = context.backfill_ns if station.wants_backfill else None
    return None if start_ns is None or not context.has_time else bounded(start_ns, context)


def bounded(time_ns: int, context: RequestContext) -> int:
    """Cut a time to what may be asked for."""
    return time_ns if context.oldest_ns is None else max(time_ns, context.oldest_ns)


def seedlink_time(time_ns: int) -> str:
    """Write a time as SeedLink does, ``Y,M,D,h,m,s``, cut to the second as servers compare it."""
    text: str = UTCDateTime(ns=time_ns // NS_PER_S * NS_PER_S).format_seedlink()
    return text
