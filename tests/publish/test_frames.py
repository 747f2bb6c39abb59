import contextlib
import json
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quake_stream.publish.frames import (
    MAX_BODY_BYTES,
    Header,
    VersionError,
    WireError,
    decode,
    decode_header,
    encode,
    encode_header,
)

HEADER = Header(session=UUID(int=7), sequence=1)
BODY = {"schema": "quake-stream/status/1"}
GOOD = encode("status.IU.ANMO.00.BH", HEADER, BODY)

topics = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=32)
headers = st.builds(Header, session=st.uuids(), sequence=st.integers(1, 2**64 - 1))
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
bodies = st.dictionaries(texts, values, max_size=4).map(lambda body: body | BODY)


@settings(deadline=None)
@given(topics, headers, bodies)
def test_a_message_survives_the_wire(topic: str, header: Header, body: dict[str, object]) -> None:
    message = decode(encode(topic, header, body), received_ns=5)
    assert (message.topic, message.session, message.sequence) == (topic, header.session, header.sequence)
    assert (message.body, message.received_ns, message.replayed) == (body, 5, False)


@settings(deadline=None)
@given(headers)
def test_a_header_has_24_bytes_in_network_order(header: Header) -> None:
    frame = encode_header(header)
    assert frame == header.session.bytes + header.sequence.to_bytes(8, "big")
    assert decode_header(frame) == header


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=64), max_size=4) | st.tuples(*map(st.just, GOOD[:2]), st.binary()).map(list)
)
def test_any_bytes_are_a_message_or_a_wire_error(frames: list[bytes]) -> None:
    with contextlib.suppress(WireError):  # any other exception fails this test
        assert decode(frames, received_ns=0).topic


@pytest.mark.parametrize("n", range(4))
def test_every_missing_or_extra_frame_is_refused(n: int) -> None:
    with pytest.raises(WireError, match="frames"):
        decode((GOOD * 2)[: n + (n == 3)], received_ns=0)


@pytest.mark.parametrize("topic", [b"", b"\xff", b"a" * 129, b"a\x1b[31m"])
def test_a_bad_topic_is_refused(topic: bytes) -> None:
    with pytest.raises(WireError, match="topic"):
        decode([topic, *GOOD[1:]], received_ns=0)


@pytest.mark.parametrize("header", [b"", bytes(23), bytes(25), bytes(24)])
def test_a_bad_header_is_refused(header: bytes) -> None:
    with pytest.raises(WireError, match=r"header|sequence"):
        decode([GOOD[0], header, GOOD[2]], received_ns=0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{",
        b'{"schema":"quake-stream/status/1","x":NaN}',
        b'{"schema":"quake-stream/status/1","x":1e999}',
        b'{"schema":"quake-stream/status/1","x":"\\ud800"}',
        b"[" * 4000,
        b'{"schema":"quake-stream/status/1","x":"' + b"x" * 4096 + b'"}',
        b"{}",
        b'{"schema":1}',
        b'{"schema":"quake-stream/status/0"}',
        b'{"schema":"quake-stream/status/1.1"}',
        b'{"schema":"other/status/1"}',
    ],
)
def test_a_bad_body_is_refused(body: bytes) -> None:
    with pytest.raises(WireError, match=r"body|schema"):
        decode([*GOOD[:2], body], received_ns=0)


def test_a_newer_major_version_is_refused_with_what_to_do() -> None:
    frames = [*GOOD[:2], b'{"schema":"quake-stream/status/2"}']
    with pytest.raises(VersionError, match=r"quake-stream/status/2.*up to version 1.*install a newer"):
        decode(frames, received_ns=0)


def test_fields_and_kinds_that_are_unknown_pass() -> None:
    body = {"schema": "quake-stream/later-kind/3", "later": [1, {"deep": None}]}
    assert decode([*GOOD[:2], json.dumps(body).encode()], received_ns=0).body == body


@pytest.mark.parametrize(
    "body",
    [
        {"x": 1},
        BODY | {"x": float("nan")},
        BODY | {"x": float("inf")},
        BODY | {"x": b"bytes"},
        BODY | {"x": "\ud800"},
        {"schema": "quake-stream/status/2"},
    ],
)
def test_nothing_is_sent_that_would_not_be_accepted(body: dict[str, object]) -> None:
    with pytest.raises(WireError):
        encode("status", HEADER, body)


@pytest.mark.parametrize("topic", ["", "a" * 129, "tab\t", "\ud800"])
def test_no_bad_topic_is_sent(topic: str) -> None:
    with pytest.raises(WireError):
        encode(topic, HEADER, BODY)


@pytest.mark.parametrize("sequence", [-1, 0, 2**64])
def test_a_sequence_outside_1_to_64_bits_is_not_sent(sequence: int) -> None:
    with pytest.raises(WireError, match="sequence"):
        encode("status", Header(session=UUID(int=7), sequence=sequence), BODY)


def test_the_largest_body_has_one_byte_less_than_4_kib() -> None:
    n_frame = len(encode("status", HEADER, BODY | {"x": ""})[2])
    n_left = MAX_BODY_BYTES - n_frame
    assert len(encode("status", HEADER, BODY | {"x": "x" * n_left})[2]) == 4095
    with pytest.raises(WireError, match="4096 bytes"):
        encode("status", HEADER, BODY | {"x": "x" * (n_left + 1)})
