"""Answers to INFO of SeedLink 4."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.seedlink.framing import Kind
from quake_stream.ingest.seedlink4.framing import Frame4
from quake_stream.ingest.seedlink4.info import InfoJson, offers, server_started, stations

STREAM = {"id": "00_B_H_Z", "format": "2", "subformat": "D"}
TEXT = json.dumps(
    {
        "software": "SeedLink v4.0 (x)",
        "server_start": "2026-01-01T00:00:00Z",
        "station": [
            {
                "id": "IU_ANMO",
                "stream": [
                    STREAM | {"start_time": "2026-01-01T00:00:01.5Z", "end_time": "2026-01-01T00:00:02Z"},
                    STREAM | {"id": "_B_H_XY", "begin_time": "2026-01-01T00:00:01Z"},
                    STREAM | {"subformat": "L"},
                    STREAM | {"id": "what"},
                    "what",
                ],
            },
            {"id": "IU_COLA"},
            {"id": "none"},
            {},
        ],
    }
)


def test_an_answer_is_one_packet() -> None:
    answer = InfoJson()
    assert not answer.is_complete
    answer.add(Frame4(Kind.INFO, b"", b'{"a": 1}'))
    assert (answer.is_complete, answer.text, answer.is_error) == (True, '{"a": 1}', False)


def test_the_start_of_the_server_is_read() -> None:
    assert server_started(TEXT) == "2026-01-01T00:00:00Z"
    assert server_started("{}") == server_started('{"server_start": 7}') == ""


def test_stations_are_read_and_illegible_ones_left_out() -> None:
    assert list(stations(TEXT)) == [("IU", "ANMO"), ("IU", "COLA")]


def test_streams_are_read_with_their_times_under_either_name() -> None:
    first, second = offers(TEXT)
    assert (first.source_id.nslc, second.source_id.nslc) == ("IU.ANMO.00.BHZ", "IU.ANMO..B_H_XY")
    assert first.first_ns == 1_767_225_601_500_000_000
    assert first.last_ns == 1_767_225_602_000_000_000
    assert (second.first_ns, second.last_ns) == (1_767_225_601_000_000_000, None)


@pytest.mark.parametrize(
    "text", ["", "no", "[]", "7", '{"station": 7}', '{"station": [7, {"id": 7}]}', "[" * 9999]
)
def test_what_is_no_answer_holds_nothing(text: str) -> None:
    assert (server_started(text), list(stations(text)), list(offers(text))) == ("", [], [])


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda x: (
        st.lists(x)
        | st.dictionaries(st.sampled_from(["id", "station", "stream", "start_time", "subformat"]), x)
    ),
    max_leaves=8,
)


@given(JSON)
def test_no_json_breaks_the_reading(content: object) -> None:
    text = json.dumps({"station": [{"id": "XX_AAA", "stream": content}, content]})
    assert next(stations(text)) == ("XX", "AAA")
    list(offers(text))
