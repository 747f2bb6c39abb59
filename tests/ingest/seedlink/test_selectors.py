"""Selectors of SeedLink 3."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.seedlink.selectors import selector
from quake_stream.selection import StreamPattern, parse_streams


@pytest.mark.parametrize(
    ("nslc", "expected"),
    [
        ("IU.ANMO.00.BH?", "00BH?"),
        ("IU.ANMO..BHZ", "--BHZ"),
        ("IU.ANMO.--.BHZ", "--BHZ"),
        ("IU.ANMO.*.BHZ", "??BHZ"),
        ("IU.ANMO.1?.BH?", "1?BH?"),
        ("IU.ANMO.1*.B*Z", "1?B?Z"),
        ("IU.ANMO.00.H*", "00H??"),
        ("IU.ANMO", "?????"),
        ("IU.ANMO.0.HHZ", "0-HHZ"),
        ("IU.ANMO.LONG.HHZ", "??HHZ"),
        ("IU.ANMO.00.H*H*", "00???"),
        ("FDSN:IU_ANMO_00_B_H_?", "00BH?"),
        ("FDSN:IU_ANMO_00_B_H_XY", "00???"),
    ],
)
def test_patterns_become_five_characters(nslc: str, expected: str) -> None:
    assert selector(parse_streams(nslc)[0]) == expected


@st.composite
def pattern_of(draw: st.DrawFn, code: str) -> str:
    """Put wildcards into a code, so that the pattern still matches it."""
    marks = [draw(st.sampled_from([letter, letter, "?", "*", f"*{letter}", "*?"])) for letter in code]
    return "".join(marks) + draw(st.sampled_from(["", "*"]))


@given(st.data(), st.sampled_from(["", "0", "00", "1B"]), st.text("BHZ", min_size=3, max_size=3))
def test_a_selector_asks_for_at_least_what_the_pattern_wants(
    data: st.DataObject, location: str, channel: str
) -> None:
    wanted = [data.draw(pattern_of(code)) for code in (location, channel)]
    assert fnmatchcase(location, wanted[0])
    assert fnmatchcase(channel, wanted[1])
    asked = selector(StreamPattern(network="XX", station="AAA", location=wanted[0], channel=wanted[1]))
    assert len(asked) == 5
    assert "*" not in asked
    assert fnmatchcase(location.ljust(2, "-") + channel, asked)
