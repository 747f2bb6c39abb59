import pytest

from quake_stream.training.matching import Arrival, Found, quantile, read_arrivals, tally, to_ns
from quake_stream.types import NS_PER_S


def arrival(p_s, s_s=None, quality="A", station="XX.A"):
    s_ns = None if s_s is None else s_s * NS_PER_S
    return Arrival(station=station, p_ns=p_s * NS_PER_S, s_ns=s_ns, quality=quality)


def found(onset_s, announced_s=None, station="XX.A"):
    announced_s = onset_s + 3 if announced_s is None else announced_s
    return Found(
        station=station, onset_ns=round(onset_s * NS_PER_S), announced_ns=round(announced_s * NS_PER_S)
    )


@pytest.mark.parametrize(
    ("onset_s", "s_s", "matches"),
    [(97, 110, True), (96.9, 110, False), (115, 110, True), (115.1, 110, False), (130, None, True)],
)
def test_an_onset_between_3_s_before_p_and_5_s_after_s_matches(onset_s, s_s, matches):
    assert arrival(100, s_s).matches(round(onset_s * NS_PER_S)) is matches


def test_hits_misses_and_false_alarms_are_counted_by_quality():
    arrivals = [arrival(100, 105), arrival(200, 205), arrival(300, 305, "B"), arrival(400, 405, "C")]
    detections = [found(100.5, 102), found(301), found(401), found(500), found(500, station="XX.B")]
    result = tally(detections, arrivals, {"XX.B": [(499 * NS_PER_S, 501 * NS_PER_S)]})
    assert (result.n_a, result.n_found_a, result.n_b, result.n_found_b) == (2, 1, 1, 1)
    assert (result.n_detections, result.n_false) == (4, 1)
    assert result.delays_s == (2.0,)


def test_an_earthquake_at_another_station_finds_nothing():
    result = tally([found(100, station="XX.B")], [arrival(100, 105)], {})
    assert (result.n_found_a, result.n_false) == (0, 1)


def test_the_first_announcement_gives_the_delay():
    result = tally([found(103, 109), found(101, 104)], [arrival(100, 110)], {})
    assert result.delays_s == (4.0,)


def test_the_table_of_events_is_read(tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(
        "station,p_time,s_time,quality\nCX.PB01,2014-05-01T00:00:24.088Z,,B\n"
        "CX.PB02,1970-01-01T00:00:01Z,1970-01-01T00:00:02.5Z,A\nCX.PB02,,,D\n"
    )
    first, second = read_arrivals(file)
    assert first.s_ns is None
    assert (second.p_ns, second.s_ns) == (NS_PER_S, 2_500_000_000)
    assert read_arrivals(tmp_path / "none.csv") == []


def test_times_and_quantiles_are_exact():
    assert to_ns("2014-05-01T00:00:24.088Z") == 1_398_902_424_088_000_000
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.9) == 3.0
    assert quantile([], 0.5) is None
