"""The words of SeedLink 4, as the connection gets them."""

from quake_stream.ingest.seedlink.request import RequestContext
from quake_stream.ingest.seedlink.stations import Station, StationTable
from quake_stream.ingest.seedlink4.dialect import FOUR
from quake_stream.selection import parse_list


def test_a_station_is_asked_for_in_the_words_of_version_4() -> None:
    station = Station("XX", "AAA", ["00HH?"], ["00_H_H_?"])
    station.seqnum = 0xFFFFFF
    context = RequestContext(backfill_ns=None, oldest_ns=None, has_time=True)
    assert FOUR.station(station) == "STATION XX_AAA"
    assert FOUR.selectors(station) == ["00_H_H_?"]
    assert FOUR.request(station, context) == "DATA 16777216"
    assert FOUR.sequence_after(2**40) == 2**40 + 1


def test_the_selectors_of_all_patterns_that_reach_a_station_are_written_once() -> None:
    table = StationTable(parse_list(["XX.A*.00.HH?", "XX.AAA.00.HH?", "XX.AAA..BHZ", "YY.BBB"]))
    entry = table.get("XX", "AAA")
    assert entry is not None
    assert sorted(FOUR.selectors(entry)) == ["00_H_H_?", "_B_H_Z"]
