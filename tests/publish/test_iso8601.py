import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quake_stream.publish.iso8601 import format_utc, parse_utc

YEAR_1_NS = -62_135_596_800 * 10**9
YEAR_10000_NS = 253_402_300_800 * 10**9


@settings(deadline=None)
@given(st.integers(YEAR_1_NS, YEAR_10000_NS - 1))
def test_a_time_survives_the_way_to_text_and_back(time_ns: int) -> None:
    assert parse_utc(format_utc(time_ns)) == time_ns


@settings(deadline=None)
@given(*[st.integers(YEAR_1_NS, YEAR_10000_NS - 1)] * 2)
def test_texts_sort_like_their_times(a_ns: int, b_ns: int) -> None:
    assert (format_utc(a_ns) < format_utc(b_ns)) == (a_ns < b_ns)


def test_known_times_have_known_texts() -> None:
    assert format_utc(0) == "1970-01-01T00:00:00.000000000Z"
    assert format_utc(-1) == "1969-12-31T23:59:59.999999999Z"
    assert format_utc(1_274_977_473_315_000_000) == "2010-05-27T16:24:33.315000000Z"


def test_fewer_decimals_are_read() -> None:
    assert parse_utc("2010-05-27T16:24:33Z") == 1_274_977_473_000_000_000
    assert parse_utc("2010-05-27T16:24:33.5Z") == 1_274_977_473_500_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2010-05-27T16:24:33",
        "2010-05-27T16:24:33+00:00",
        "2010-05-27 16:24:33Z",
        "2010-02-30T00:00:00Z",
        "2016-12-31T23:59:60Z",
        "2010-05-27T16:24:33.0123456789Z",
        "2010-05-27T16:24:33Z\n",
        "２010-05-27T16:24:33Z",
    ],
)
def test_what_is_no_utc_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a UTC time|must be in|out of range"):
        parse_utc(text)


@pytest.mark.parametrize("time_ns", [YEAR_1_NS - 1, YEAR_10000_NS, 10**30])
def test_years_beyond_four_digits_are_refused(time_ns: int) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        format_utc(time_ns)
