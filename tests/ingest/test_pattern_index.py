"""Patterns by station."""

from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.pattern_index import PatternIndex
from quake_stream.selection import StreamPattern, parse_streams
from quake_stream.source_id import SourceId

CODES = st.sampled_from(["A", "AB", "B", "C1", "*", "A*", "?", "?B"])
REAL = st.sampled_from(["A", "AB", "B", "C1", "D"])
PATTERNS = st.builds(
    StreamPattern,
    network=CODES,
    station=CODES,
    location=st.sampled_from(["", "00", "*"]),
    channel=st.sampled_from(["HHZ", "HH?", "*"]),
)


@given(st.lists(PATTERNS, max_size=8), REAL, REAL, st.sampled_from(["", "00", "10"]))
def test_the_index_says_what_trying_every_pattern_says(
    patterns: list[StreamPattern], network: str, station: str, location: str
) -> None:
    index = PatternIndex(patterns)
    source_id = SourceId.from_codes(network, station, location, "HHZ")
    assert index.matches(source_id) == any(p.matches(source_id) for p in patterns)
    reaching = [p for p in patterns if p.matches_station(network, station)]
    assert set(index.reaching(network, station)) == set(reaching)


def test_a_wildcard_written_just_so_reaches_itself() -> None:
    patterns = parse_streams("XX.A*.00.HH?")
    assert PatternIndex(patterns).reaching("XX", "A*") == list(patterns)
