import pytest

from quake_stream.training.held_out import ANY_TIME, HELD_OUT, day_span, held_out


@pytest.mark.parametrize(
    ("station", "day"),
    [
        ("BW.UH3", "2020-01-01"),
        ("BW.ALTM", "2010-05-27"),
        ("O2.WILZ", "2024-02-03"),
        ("CX.PB02", "2014-05-01"),
        ("CI.HEC", "2019-07-06"),
        ("OpenEEW.mx006", "2017-12-15"),
    ],
)
def test_what_is_reported_is_held_out(station, day):
    assert held_out(station, day, day) in HELD_OUT


def test_a_station_held_out_for_a_day_teaches_on_others():
    assert held_out("CX.PB01", "2014-03-01", "2014-04-30") is None
    assert held_out("CX.PB01", "2014-04-30", "2014-05-02").day == "2014-05-01"


def test_another_station_is_free():
    assert held_out("CI.HECX", *ANY_TIME) is None


@pytest.mark.parametrize(
    "time", ["2014-05-01T03:29:59.998393Z", "2014/05/01 03:29:59.9", "01/05/2014 03:29", "2014-05-01"]
)
def test_a_day_is_read_however_a_table_writes_it(time):
    assert day_span(time) == ("2014-05-01", "2014-05-01")


@pytest.mark.parametrize("time", ["", "121/2014"])
def test_a_recording_of_unknown_time_may_be_of_the_day_held_out(time):
    assert held_out("CX.PB01", *day_span(time)) is not None
