"""The words of SeedLink 3, as the connection gets them."""

from quake_stream.ingest.seedlink.dialect import THREE
from quake_stream.ingest.seedlink.request import RequestContext
from quake_stream.ingest.seedlink.stations import Station


def test_a_station_is_asked_for_in_the_words_of_version_3() -> None:
    station = Station("XX", "AAA", ["00HH?"], ["00_H_H_?"])
    station.seqnum = 0xFFFFFF
    context = RequestContext(backfill_ns=None, oldest_ns=None, has_time=True)
    assert THREE.station(station) == "STATION AAA XX"
    assert THREE.selectors(station) == ["00HH?"]
    assert THREE.request(station, context) == "DATA 000000"
    assert THREE.sequence_after(0xFFFFFF) == 0


def test_only_some_servers_of_version_3_take_wildcards() -> None:
    assert not THREE.has_wildcards
