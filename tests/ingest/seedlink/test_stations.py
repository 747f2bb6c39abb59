"""Stations of a connection."""

from obspy import UTCDateTime

from quake_stream.ingest.seedlink.stations import Station, StationTable
from quake_stream.selection import StreamPattern, parse_streams
from quake_stream.source_id import SourceId


def table(*streams: str, exclude: tuple[str, ...] = (), max_stations: int = 20_000) -> StationTable:
    def patterns(texts: tuple[str, ...]) -> tuple[StreamPattern, ...]:
        return tuple(p for text in texts for p in parse_streams(text))

    return StationTable(patterns(streams), patterns(exclude), max_stations=max_stations)


def test_one_station_has_one_entry_with_all_its_selectors() -> None:
    made = table("IU.ANMO.00.BH?", "IU.ANMO.10.BHZ", "IU.COLA.00.BH?", "IU.ANMO.00.BH?")
    assert [(e.code, e.selectors) for e in made.entries] == [
        ("IU.ANMO", ["00BH?", "10BHZ"]),
        ("IU.COLA", ["00BH?"]),
    ]


def test_d17_selectors_are_appended_one_by_one_and_none_is_none() -> None:
    station = Station("XX", "AAA", ["HHZ"])
    station.append_selectors("HHN HHE")
    station.append_selectors(None)
    station.append_selectors("HHZ")
    assert station.get_selectors() == ["HHZ", "HHN", "HHE"]


def test_d10_a_station_behind_a_wildcard_is_entered_when_it_is_heard() -> None:
    made = table("IU.*.00.BH?", "*.ANMO.10.HHZ")
    entry = made.find("IU", "ANMO")
    assert entry is not None
    assert entry.selectors == ["00BH?", "10HHZ"]
    assert made.find("IU", "ANMO") is entry
    assert made.find("GE", "WLF") is None
    assert [e.wants_backfill for e in made.entries] == [False, False, True]


def test_d25_a_station_is_found_at_once_among_ten_thousand() -> None:
    made = table(*(f"XX.S{i}" for i in range(10_000)))
    made.entries.clear()  # a scan of the list would find nothing now
    found = made.find("XX", "S9999")
    assert found is not None
    assert found.code == "XX.S9999"


def test_wildcards_are_asked_for_before_the_stations_they_cover() -> None:
    made = table("IU.ANMO", "IU.*")
    assert [e.code for e in made.to_request(with_wildcards=True)] == ["IU.*", "IU.ANMO"]
    assert [e.code for e in made.to_request(with_wildcards=False)] == ["IU.ANMO"]
    made.refused.add(("IU", "ANMO"))
    assert [e.code for e in made.to_request(with_wildcards=True)] == ["IU.*"]


def test_no_more_stations_than_the_limit_are_entered() -> None:
    made = table("XX.*", max_stations=3)
    found = [made.find("XX", f"S{i}") for i in range(10)]
    assert [entry is not None for entry in found] == [True, True] + [False] * 8


def test_a_station_that_is_excluded_whole_is_not_covered() -> None:
    made = table("XX.*", exclude=("XX.BAD", "XX.AAA.*.LH?"))
    assert not made.covers("XX", "BAD")
    assert made.covers("XX", "AAA")
    assert made.wants(SourceId.from_nslc("XX.AAA..HHZ"))
    assert not made.wants(SourceId.from_nslc("XX.AAA..LHZ"))
    assert not made.wants(SourceId.from_nslc("XX.BAD..HHZ"))


def test_station_state_is_obspy_s_with_nanoseconds_behind_it() -> None:
    station = Station("XX", "AAA")
    assert (station.seqnum, station.btime) == (-1, None)
    station.btime = UTCDateTime(2025, 1, 2, 3, 4, 5, 600_000)
    assert station.start_ns == 1_735_787_045_600_000_000
    assert station.get_sl_time_stamp() == "2025,1,2,3,4,5"


def test_a_refused_position_is_given_up_from_number_to_time_to_now() -> None:
    station = Station("XX", "AAA")
    station.seqnum, station.start_ns = 5, 10**18
    steps = []
    while station.step_back():
        steps.append((station.seqnum, station.start_ns, station.wants_backfill))
    assert steps == [(-1, 10**18, True), (-1, None, False)]


def test_suspects_are_the_stations_that_a_number_follows_else_the_last_heard() -> None:
    made = table("XX.AAA", "XX.BBB")
    first, second = made.entries
    first.seqnum, second.seqnum = 0xFFFFFF, 7
    assert made.suspects(0, second) == [first]
    assert made.suspects(3, second) == [second]
    assert made.suspects(3, None) == []


def test_what_is_remembered_of_foreign_streams_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr("quake_stream.ingest.seedlink.stations._MAX_REMEMBERED_STREAMS", 10)
    made = table("XX.AAA")
    for i in range(100):
        made.wants(SourceId.from_codes("YY", f"S{i}", "", "HHZ"))
    assert len(made._wanted) <= 10
