"""From where on a station is asked for, in SeedLink 4."""

import pytest

from quake_stream.ingest.seedlink.request import RequestContext
from quake_stream.ingest.seedlink.stations import Station
from quake_stream.ingest.seedlink4.request import data_command, iso_time
from quake_stream.types import NS_PER_S

START_NS = 1_750_000_000 * NS_PER_S  # 2025-06-15T15:06:40


def command(sequence: int = -1, start_ns: int | None = None, **options: object) -> str:
    station = Station("XX", "AAA")
    station.seqnum, station.start_ns = sequence, start_ns
    facts = {"backfill_ns": None, "oldest_ns": None, "has_time": True} | options
    return data_command(station, RequestContext(**facts))


@pytest.mark.parametrize("sequence", [0, 0xFFFFFF, 2**64 - 2])
def test_the_next_number_is_decimal_and_has_64_bits(sequence: int) -> None:
    assert command(sequence, START_NS, compares_time=False) == f"DATA {sequence + 1}"


def test_a_server_that_compares_the_time_with_the_record_gets_it() -> None:
    assert command(7, START_NS + 999_999_999) == "DATA 8 2025-06-15T15:06:40Z"
    assert command(7, None) == "DATA 8"


def test_without_a_number_the_time_is_asked_for_with_a_minute_of_overlap() -> None:
    assert command(-1, START_NS) == "DATA ALL 2025-06-15T15:05:40Z"


def test_a_station_never_heard_starts_now_or_with_the_backfill() -> None:
    assert command() == "DATA"
    assert command(backfill_ns=START_NS) == "DATA ALL 2025-06-15T15:06:40Z"


def test_no_time_is_older_than_the_oldest_that_may_be_asked_for() -> None:
    assert command(-1, 0, oldest_ns=START_NS) == "DATA ALL 2025-06-15T15:06:40Z"
    assert command(7, 0, oldest_ns=START_NS) == "DATA 8 2025-06-15T15:06:40Z"


def test_a_server_without_times_is_asked_for_none() -> None:
    assert command(7, START_NS, has_time=False) == "DATA 8"
    assert command(-1, START_NS, has_time=False) == "DATA"


def test_a_time_does_not_depend_on_the_time_zone_of_the_host() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00Z"
