"""Say from where on a station's data are wanted, in SeedLink 4.  Pure."""

from datetime import UTC, datetime

from quake_stream.ingest.seedlink.request import RequestContext, bounded, start_without_sequence
from quake_stream.ingest.seedlink.stations import NO_SEQUENCE, Station
from quake_stream.types import NS_PER_S


def data_command(station: Station, context: RequestContext) -> str:
    """
    Write the command that starts a station.

    Beside a sequence, the specification makes a time a filter, which would drop what came late: it is left
    out.  ringserver does not filter but compares it with the record, and without it sends nothing of its
    ring when the sequence has left it.
    """
    if station.seqnum != NO_SEQUENCE:
        command = f"DATA {station.seqnum + 1}"
        if station.start_ns is not None and context.has_time and context.compares_time:
            command += f" {iso_time(bounded(station.start_ns, context))}"
        return command
    start_ns = start_without_sequence(station, context)
    return "DATA" if start_ns is None else f"DATA ALL {iso_time(start_ns)}"


def iso_time(time_ns: int) -> str:
    """Write a time as ``2026-11-22T10:00:00Z``, cut to the second as servers compare it."""
    return f"{datetime.fromtimestamp(time_ns // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%SZ}"
