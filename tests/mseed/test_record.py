import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.mseed.record import RecordError, Refusal, checked_rate_hz, station_of, time_ns
from quake_stream.types import NS_PER_S

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@given(st.integers(-2_208_988_800, 4_133_980_799))  # all seconds of 1900 to 2100
def test_a_date_with_day_of_the_year_becomes_nanoseconds_since_1970(second):
    when = EPOCH + dt.timedelta(seconds=second)
    day = when.timetuple().tm_yday
    assert time_ns(when.year, day, when.hour, when.minute, when.second) == second * NS_PER_S


@pytest.mark.fault(18)
def test_a_leap_second_is_the_second_that_follows_it():
    assert time_ns(2016, 366, 23, 59, 60) == time_ns(2017, 1, 0, 0, 0)


@pytest.mark.parametrize(
    "date",
    [
        (1899, 1, 0, 0, 0),
        (2101, 1, 0, 0, 0),
        (2024, 0, 0, 0, 0),
        (2023, 366, 0, 0, 0),
        (1900, 366, 0, 0, 0),
        (2024, 1, 24, 0, 0),
        (2024, 1, 0, 60, 0),
        (2024, 1, 0, 0, 61),
    ],
)
def test_a_date_that_never_was_is_refused(date):
    with pytest.raises(RecordError) as refused:
        time_ns(*date)
    assert refused.value.reason is Refusal.BAD_TIME


@pytest.mark.parametrize("rate_hz", [-1.0, float("nan"), float("inf"), 1e7, 1e-12])
def test_a_rate_no_record_can_have_is_refused(rate_hz):
    with pytest.raises(RecordError) as refused:
        checked_rate_hz(rate_hz, 400)
    assert refused.value.reason is Refusal.BAD_RATE


@pytest.mark.parametrize("rate_hz", [0.0, 1 / 86_400, 31.25, 99.998, 500.0])
def test_rates_in_use_pass(rate_hz):
    assert checked_rate_hz(rate_hz, 400) == rate_hz


def test_the_station_is_read_from_codes_of_either_version_and_is_empty_where_illegible():
    assert station_of(2, b"ANMO 00BHZIU") == "IU.ANMO"
    assert station_of(2, b"RJOB\0  EHZBW") == "BW.RJOB"
    assert station_of(3, b"FDSN:IU_ANMO_00_B_H_Z") == "IU.ANMO"
    assert station_of(2, b"\xffNMO 00BHZIU") == ""
    assert station_of(3, b"XFDSN:what") == ""


def test_a_refusal_says_why_and_whose_record_it_was():
    error = RecordError(Refusal.BAD_PAYLOAD, "last sample is 1, stated is 2", station="IU.ANMO")
    assert str(error) == "bad_payload: last sample is 1, stated is 2"
    assert error.station == "IU.ANMO"
