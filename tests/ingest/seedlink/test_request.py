"""From where on a station is asked for."""

import pytest

from quake_stream.ingest.seedlink.request import RequestContext, data_command, seedlink_time
from quake_stream.ingest.seedlink.stations import Station
from quake_stream.types import NS_PER_S

START_NS = 1_750_000_000 * NS_PER_S  # 2025-06-15T15:06:40


def command(
    sequence: int = -1,
    start_ns: int | None = None,
    *,
    wants_backfill: bool = True,
    backfill_ns: int | None = None,
    oldest_ns: int | None = None,
    has_time: bool = True,
) -> str:
    station = Station("XX", "AAA")
    station.seqnum, station.start_ns, station.wants_backfill = sequence, start_ns, wants_backfill
    context = RequestContext(backfill_ns=backfill_ns, oldest_ns=oldest_ns, has_time=has_time)
    return data_command(station, context)


@pytest.mark.parametrize(
    ("sequence", "digits"), [(0, "000001"), (0x31A, "00031B"), (0xABCDE, "0ABCDF"), (0xFFFFFF, "000000")]
)
def test_d27_the_next_number_has_six_upper_case_digits_and_wraps(sequence: int, digits: str) -> None:
    assert command(sequence, START_NS) == f"DATA {digits} 2025,6,15,15,6,40"


def test_the_time_is_cut_and_not_rounded_to_the_second() -> None:
    assert command(1, START_NS + 999_999_999) == "DATA 000002 2025,6,15,15,6,40"
    assert seedlink_time(START_NS + 999_999_999) == seedlink_time(START_NS)


def test_without_a_number_the_time_is_asked_for_with_a_minute_of_overlap() -> None:
    assert command(-1, START_NS) == "TIME 2025,6,15,15,5,40"


def test_the_first_start_asks_for_the_backfill_or_for_what_comes() -> None:
    assert command(backfill_ns=START_NS) == "TIME 2025,6,15,15,6,40"
    assert command(backfill_ns=START_NS, wants_backfill=False) == "DATA"
    assert command() == "DATA"


def test_a_station_far_behind_does_not_pull_the_ring_back() -> None:
    assert command(5, 0, oldest_ns=START_NS) == "DATA 000006 2025,6,15,15,6,40"
    assert command(-1, 0, oldest_ns=START_NS) == "TIME 2025,6,15,15,6,40"


def test_a_server_too_old_for_times_gets_none() -> None:
    assert command(5, START_NS, has_time=False) == "DATA 000006"
    assert command(-1, START_NS, has_time=False) == "DATA"


def test_a_skipped_record_is_passed_by_number_alone() -> None:
    assert command(5, None) == "DATA 000006"
