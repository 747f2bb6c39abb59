"""Packets and INFO of SeedLink 4, read back by EarthScope's library."""

import json

import pytest
from seedlink_client.protocol import HEADSIZE_V4, decode_frame_v4_body, parse_header_v4

from quake_stream.replay.info import Peer, ServerFacts
from quake_stream.replay.info4 import info_json, info_packet, packet4
from quake_stream.replay.ring import Ring
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

STREAMS = [SourceId.from_nslc(nslc) for nslc in ("XX.AAA.00.HHZ", "XX.AAA..HHN", "XX.BBB.00.HHZ")]
FACTS = ServerFacts(
    software="test/1",
    organization="here",
    started_ns=1_767_225_600 * NS_PER_S,
    has_wildcards=True,
    streams=dict.fromkeys(STREAMS, 0),
    stations=frozenset({("XX", "AAA"), ("XX", "BBB")}),
    admitted=frozenset({"USERPASS anna s3cret"}),
)


@pytest.fixture
def ring() -> Ring:
    ring = Ring(max_bytes=1 << 20, is_shared=False, first_sequence=2**40)
    for second in range(3):
        ring.append(b"", STREAMS[0], start_ns=second * NS_PER_S, end_ns=(second + 1) * NS_PER_S)
    return ring


def ask(level: str, ring: Ring) -> dict:
    text = info_json(level, FACTS, ring, [Peer(host="192.0.2.1", port=4711, connected_ns=0, n_records=12)])
    assert text is not None
    found = json.loads(text)
    assert found.pop("software") == "SeedLink v4.0 (test/1)"
    assert found.pop("organization") == "here"
    assert "s3cret" not in text
    return found


@pytest.mark.parametrize(("record", "code"), [(b"000001D ", "2"), (b"MS\x03", "3")])
def test_a_packet_says_what_it_holds(record: bytes, code: str) -> None:
    data = packet4(2**64 - 2, "XX_AAA", record)
    header = parse_header_v4(data[:HEADSIZE_V4])
    frame = decode_frame_v4_body(data, 0, header)
    assert (frame.station_id, frame.seqnum, frame.payload) == ("XX_AAA", 2**64 - 2, record)
    assert (frame.payload_format, frame.payload_subformat) == (code, "D")


@pytest.mark.parametrize(("is_error", "code"), [(False, "I"), (True, "E")])
def test_an_answer_is_one_packet_of_json(is_error: bool, code: str) -> None:
    header = parse_header_v4(info_packet("{}", is_error=is_error)[:HEADSIZE_V4])
    assert (header.payload_format, header.payload_subformat, header.payload_length) == ("J", code, 2)


def test_the_start_of_the_server_is_told(ring: Ring) -> None:
    assert ask("id", ring) == {"server_start": "2026-01-01T00:00:00.000000Z"}


def test_formats_and_capabilities_are_told(ring: Ring) -> None:
    assert set(ask("FORMATS", ring)["format"]) == {"2", "3"}
    assert ask("CAPABILITIES", ring)["capability"] == ["SLPROTO:4.0", "SLPROTO:3.1", "TIME", "AUTH"]


def test_stations_are_listed_with_their_sequences(ring: Ring) -> None:
    first, second = ask("STATIONS", ring)["station"]
    assert (first["id"], first["start_seq"], first["end_seq"]) == ("XX_AAA", 2**40, 2**40 + 2)
    assert (second["id"], second["end_seq"], "stream" in second) == ("XX_BBB", 0, False)


def test_streams_are_listed_with_the_times_that_are_held(ring: Ring) -> None:
    station, _ = ask("STREAMS", ring)["station"]
    assert {stream["id"]: (stream["start_time"], stream["end_time"]) for stream in station["stream"]} == {
        "00_H_H_Z": ("1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:03.000000Z"),
        "_H_H_N": ("1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.000000Z"),
    }


def test_connections_are_listed(ring: Ring) -> None:
    ((client),) = ask("CONNECTIONS", ring)["connections"]["client"]
    assert (client["host"], client["client_port"], client["transmit_packets"]) == ("192.0.2.1", "4711", 12)


def test_a_level_of_any_letters_is_refused_in_words_that_can_be_sent() -> None:
    assert b"INFO ? is" in info_packet("INFO \ufffd is not supported", is_error=True)


def test_levels_that_are_not_offered_have_no_answer(ring: Ring) -> None:
    assert info_json("GAPS", FACTS, ring, []) is None
