"""Stream patterns: three notations, one meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.selection import parse_streams, wanted
from quake_stream.source_id import SourceId


def source(nslc: str) -> SourceId:
    return SourceId.from_nslc(nslc)


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("IU.ANMO.00.BH?", "IU.ANMO.00.BHZ", "IU.ANMO.10.BHZ"),
        ("CX.*..HH?", "CX.PB01..HHZ", "CX.PB01.00.HHZ"),
        ("CX.PB01.--.HHZ", "CX.PB01..HHZ", "CX.PB01.00.HHZ"),
        ("IU.ANMO", "IU.ANMO.00.BHZ", "IU.ANTO.00.BHZ"),
        ("IU_ANMO:00BH?", "IU.ANMO.00.BHE", "IU.ANMO.10.BHE"),
        ("IU_ANMO:BHZ", "IU.ANMO.10.BHZ", "IU.ANMO.10.BHE"),
        ("IU_ANMO:  BHZ", "IU.ANMO..BHZ", "IU.ANMO.00.BHZ"),
        ("IU_ANMO:--BHZ", "IU.ANMO..BHZ", "IU.ANMO.00.BHZ"),
        ("IU_ANMO:??BHZ.D", "IU.ANMO.00.BHZ", "IU.ANMO.00.BHN"),
        ("IU_ANMO", "IU.ANMO.00.BHZ", "IU.ANTO.00.BHZ"),
        ("*_*:HH?", "CX.PB01..HHZ", "CX.PB01..BHZ"),
        ("FDSN:IU_ANMO_00_B_H_?", "IU.ANMO.00.BHZ", "IU.ANMO.00.HHZ"),
        ("FDSN:IU_ANMO__B_H_Z", "IU.ANMO..BHZ", "IU.ANMO.00.BHZ"),
        ("FDSN:IU_ANMO_*_*_*_*", "IU.ANMO.00.BHZ", "IU.ANTO.00.BHZ"),
    ],
)
def test_a_pattern_wants_what_it_names_and_nothing_else(text, yes, no):
    (pattern,) = parse_streams(text)
    assert pattern.matches(source(yes))
    assert not pattern.matches(source(no))


def test_one_seedlink_entry_may_hold_several_selectors():
    patterns = parse_streams("IU_ANMO:00BH? 10HHZ")
    assert [str(p) for p in patterns] == ["IU.ANMO.00.BH?", "IU.ANMO.10.HHZ"]


@pytest.mark.parametrize(
    "text",
    ["", "IU", "IU.ANMO.00", "IU_ANMO:0BHZ", "FDSN:IU_ANMO", "IU.ANMO.00.BH[ZN]", "IU..00.BHZ", "a b.c"],
)
def test_what_names_no_stream_is_refused_with_the_notations(text):
    with pytest.raises(ValueError, match=r"names no stream: write NET\.STA\.LOC\.CHA"):
        parse_streams(text)


def test_only_network_and_station_wildcards_need_expansion():
    assert not parse_streams("IU.ANMO.*.BH?")[0].has_station_wildcard
    assert parse_streams("IU.A*.00.BHZ")[0].has_station_wildcard


def test_what_is_excluded_is_not_wanted():
    include, exclude = parse_streams("CX.*..HH?"), parse_streams("CX.PB02")
    assert wanted(source("CX.PB01..HHZ"), include, exclude)
    assert not wanted(source("CX.PB02..HHZ"), include, exclude)
    assert not wanted(source("IU.ANMO.00.BHZ"), include, exclude)


@given(st.text(max_size=30))
def test_any_text_is_parsed_or_refused_with_value_error(text):
    try:
        patterns = parse_streams(text)
    except ValueError:
        return
    assert patterns
