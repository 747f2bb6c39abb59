"""Stations, selectors and times of SeedLink 4."""

import pytest

from quake_stream.replay.requests4 import Selector4, parse_station, parse_time
from quake_stream.source_id import SourceId

BHZ = SourceId.from_nslc("XX.AAA.00.BHZ")
BLANK = SourceId.from_nslc("XX.AAA..HHZ")


@pytest.mark.parametrize(
    ("text", "streams"),
    [
        ("*", [BHZ, BLANK]),
        ("00_B_H_Z", [BHZ]),
        ("_*Z", [BLANK]),
        ("*_?_H_?", [BHZ, BLANK]),
        ("00_B_H_Z.2D", [BHZ]),
        ("00_B_H_Z.3", [BHZ]),
        ("00_B_H_Z.2L", []),
        ("00_B_H_Z:native", [BHZ]),
        ("B_H_Z", []),
    ],
)
def test_a_selector_matches_from_the_first_character_to_the_last(text: str, streams: list[SourceId]) -> None:
    selector = Selector4.parse(text)
    assert [stream for stream in (BHZ, BLANK) if selector.matches(stream)] == streams
    assert not selector.is_exclusion


def test_a_selector_may_exclude() -> None:
    assert Selector4.parse("!00_*").is_exclusion


@pytest.mark.parametrize("text", ["", "!", "a b", "00_B_H_Z:3", "x" * 41, "00_B_H_Z.9"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no selector"):
        Selector4.parse(text)


@pytest.mark.parametrize(
    ("text", "codes"), [("IU_ANMO", ("IU", "ANMO")), ("*", ("*", "*")), ("I?_*", ("I?", "*"))]
)
def test_a_station_is_network_and_code(text: str, codes: tuple[str, str]) -> None:
    request = parse_station(text)
    assert (request.network, request.station) == codes
    assert request.has_wildcard == ("*" in text)


@pytest.mark.parametrize("text", ["", "ANMO", "IU_", "IU_ANMO_00", "_ANMO"])
def test_what_is_no_station_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no station"):
        parse_station(text)


def test_a_time_has_up_to_nine_digits_of_a_second() -> None:
    assert parse_time("1970-01-01T00:00:01Z") == 1_000_000_000
    assert parse_time("1970-01-01T00:00:01.000000001Z") == 1_000_000_001
    assert parse_time("2026-11-22T10:00:00.5Z") == 1_795_341_600_500_000_000


@pytest.mark.parametrize(
    "text", ["", "2026-11-22", "2026-11-22T10:00:00", "2026,11,22,10,0,0", "2026-13-22T10:00:00Z"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)
