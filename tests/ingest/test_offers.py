"""What servers say they have, and what a pattern that matches nothing may have meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.offers import hint, offers, unmatched
from quake_stream.selection import parse_list
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

SEISCOMP = """<?xml version="1.0"?><seedlink software="SeedLink v3.3">
<station name="PB01" network="CX" description="" begin_seq="000001" end_seq="00FFFF" stream_check="enabled">
<stream location="" seedname="HHZ" type="D" begin_time="2024/01/02 03:04:05.6000" end_time="2024/01/02 04:00:00.0000" begin_recno="0"/>
<stream location="" seedname="LOG" type="L" begin_time="2024/01/02 03:04:05.6000" end_time="2024/01/02 04:00:00.0000"/>
<stream location="10" seedname="BHZ" type="D" begin_time="1970/01/01 00:00:00.0000" end_time=""/>
</station></seedlink>"""
OTHER_DIALECT = """<seedlink><station network='IU' name='ANMO'>
<stream end_time='2024-01-02T04:00:00.25Z' begin_time='2024-01-02T03:00:00Z' seedname='BH1' location='00'/></station>"""
FOUR_UTC_NS = 1_704_168_000 * NS_PER_S

STREAMS = [
    SourceId.from_nslc(nslc)
    for nslc in ("CX.PB01..HHZ", "CX.PB01..HHN", "CX.PB02..HHZ", "IU.ANMO.00.BHZ", "IU.ANMO.10.BHZ")
]


def test_streams_are_read_with_the_times_of_their_data():
    first, second = offers(SEISCOMP)
    assert first.source_id == SourceId.from_nslc("CX.PB01..HHZ")
    assert first.first_ns == FOUR_UTC_NS - 3_600 * NS_PER_S + 245_600_000_000
    assert first.last_ns == FOUR_UTC_NS
    assert second.source_id == SourceId.from_nslc("CX.PB01.10.BHZ")


def test_a_server_that_writes_1970_or_nothing_has_said_no_time():
    *_, offer = offers(SEISCOMP)
    assert (offer.first_ns, offer.last_ns) == (None, None)


def test_log_streams_are_no_streams_of_samples():
    assert "LOG" not in {offer.source_id.channel for offer in offers(SEISCOMP)}


def test_other_quotes_orders_and_times_are_read_too():
    (offer,) = offers(OTHER_DIALECT)
    assert str(offer.source_id) == "FDSN:IU_ANMO_00_B_H_1"
    assert offer.last_ns == FOUR_UTC_NS + NS_PER_S // 4


def test_an_illegible_stream_is_left_out_and_the_next_one_read():
    text = SEISCOMP.replace('seedname="HHZ"', 'seedname="H"')
    assert [offer.source_id.channel for offer in offers(text)] == ["BHZ"]


@given(st.text(alphabet="<>=\"' /stationreamtypedwk0129-:.", max_size=200), st.integers(0, len(SEISCOMP)))
def test_no_answer_however_broken_is_an_error(noise, cut):
    list(offers(SEISCOMP[:cut] + noise + SEISCOMP[cut:]))


@pytest.mark.parametrize("part", ["<stream ", "<station name='a", "seedname = ", "name" + 1000 * " "])
def test_hostile_text_takes_no_longer_than_honest_one(part):
    text = "<stream " + part * (2_000_000 // len(part))
    assert list(offers(text)) == list(offers(text + ">")) == []  # hours, were it quadratic


def test_patterns_without_a_stream_are_named_once_in_their_order():
    include = parse_list(["CX.PB99..HH?", "CX.*..HH?", "IU.ANMO.20.BH?", "CX.PB99..HH?"])
    assert [str(p) for p in unmatched(include, STREAMS)] == ["CX.PB99..HH?", "IU.ANMO.20.BH?"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CX.PB1..HH?", "did you mean CX.PB01 or CX.PB02?"),
        ("cx.pb01..HH?", "did you mean CX.PB01 or CX.PB02?"),
        ("IU.ANMO.20.BH?", "there is IU.ANMO.00.BH?, IU.ANMO.10.BH?"),
        ("*.*..EH?", "there is CX.PB01.--.HH?, CX.PB02.--.HH?, IU.ANMO.00.BH? and 1 more"),
        ("GE.WLF..BH?", ""),
    ],
)
def test_a_pattern_that_matches_nothing_gets_a_hint_where_something_is_close(text, expected):
    (pattern,) = parse_list([text])
    assert hint(pattern, STREAMS) == expected


def test_a_list_of_stations_alone_is_enough_for_a_hint():
    (pattern,) = parse_list(["CX.PB1..HH?"])
    assert hint(pattern, [], ["CX.PB01", "IU.ANMO"]) == "did you mean CX.PB01?"
