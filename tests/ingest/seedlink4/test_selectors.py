"""Selectors of SeedLink 4."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.seedlink4.selectors import selector
from quake_stream.selection import StreamPattern, parse_streams
from quake_stream.source_id import SourceId


@pytest.mark.parametrize(
    ("nslc", "expected"),
    [
        ("IU.ANMO.00.BH?", "00_B_H_?"),
        ("IU.ANMO..BHZ", "_B_H_Z"),
        ("IU.ANMO.--.BHZ", "_B_H_Z"),
        ("IU.ANMO.*.BHZ", "*_B_H_Z"),
        ("IU.ANMO.1?.BH?", "1?_B_H_?"),
        ("IU.ANMO.1*.B*Z", "1*_B*Z"),
        ("IU.ANMO.00.H*", "00_H*"),
        ("IU.ANMO.00.HH*", "00_H_H*"),
        ("IU.ANMO.00.*", "00_*"),
        ("IU.ANMO", "*"),
        ("FDSN:IU_ANMO_00_B_H_?", "00_B_H_?"),
        ("FDSN:IU_ANMO_00_B_H_XY", "00_B_H_XY"),
    ],
)
def test_notations_become_selectors(nslc: str, expected: str) -> None:
    (pattern,) = parse_streams(nslc)
    assert selector(pattern) == expected


@given(
    location=st.sampled_from(["", "00", "1?", "*", "1*"]),
    channel=st.lists(st.sampled_from(["B", "H", "Z", "?", "*"]), min_size=1, max_size=4).map("".join),
    codes=st.tuples(st.sampled_from(["", "00", "10"]), *[st.sampled_from("BHZ")] * 3),
)
def test_every_stream_that_a_pattern_wants_is_asked_for(
    location: str, channel: str, codes: tuple[str, str, str, str]
) -> None:
    pattern = StreamPattern(network="XX", station="AAA", location=location, channel=channel)
    source_id = SourceId.from_codes("XX", "AAA", codes[0], "".join(codes[1:]))
    if pattern.matches(source_id):
        assert fnmatchcase("_".join(codes), selector(pattern))
