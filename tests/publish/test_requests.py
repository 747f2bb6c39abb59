import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.publish.frames import VersionError, WireError
from quake_stream.publish.requests import (
    END,
    End,
    Request,
    decode_end,
    decode_request,
    encode_end,
    encode_request,
)

SESSION = UUID(int=5)

times_ns = st.integers(0, 4_000_000_000 * 10**9)
sequences = st.integers(1, 2**64 - 1)
requests = st.builds(
    Request,
    session=st.uuids(),
    first=sequences,
    last=st.none() | st.integers(0, 2**64 - 1),
    since_ns=st.none() | times_ns,
) | st.builds(Request, since_ns=times_ns)
ends = st.builds(End, n_messages=st.integers(0, 500), is_found=st.booleans(), more=st.none() | requests)


@given(requests)
def test_a_request_is_read_as_it_was_written(request: Request) -> None:
    frames = encode_request(request)
    assert decode_request(frames) == request
    assert len(frames[0]) < 300


@given(ends)
def test_an_end_is_read_as_it_was_written(end: End) -> None:
    assert decode_end(encode_end(end)) == end


def test_a_request_can_be_written_by_hand() -> None:
    text = json.dumps({"session": str(SESSION), "from": 3, "to": 7, "why": "unknown fields are ignored"})
    assert decode_request([text.encode()]) == Request(session=SESSION, first=3, last=7)
    assert decode_request([b'{"since":"1970-01-01T00:00:01Z"}']) == Request(since_ns=10**9)


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([], "1 frame, not 0"),
        ([b"{}", b"{}"], "1 frame, not 2"),
        ([b""], "not JSON"),
        ([b"\xff"], "not JSON"),
        ([b"[" * 100_000], "not JSON"),
        ([b"[]"], "not a JSON object"),
        ([b"{}"], "names a session, or a time"),
        ([b'{"session":"x"}'], "session or since cannot be read"),
        ([b'{"session":7}'], "session or since cannot be read"),
        ([b'{"since":"yesterday"}'], "session or since cannot be read"),
        ([b'{"since":1}'], "session or since cannot be read"),
        ([b'{"since":"1970-01-01T00:00:00Z","from":0}'], "from is no number"),
        ([b'{"since":"1970-01-01T00:00:00Z","to":true}'], "to is no number"),
        ([b'{"since":"1970-01-01T00:00:00Z","to":1.5}'], "to is no number"),
    ],
)
def test_what_is_no_request_is_refused_with_the_reason(frames: list[bytes], why: str) -> None:
    with pytest.raises(WireError, match=why):
        decode_request(frames)


def test_a_newer_version_is_refused_with_the_remedy() -> None:
    with pytest.raises(VersionError, match="install a newer quake-stream"):
        decode_request([b'{"schema":"quake-stream/request/2","since":"1970-01-01T00:00:00Z"}'])
    with pytest.raises(VersionError, match="install a newer quake-stream"):
        decode_end([END, b'{"schema":"quake-stream/end/2"}'])


@pytest.mark.parametrize("frames", [[END], [END, b"x"], [END, b'{"next":3}'], [END, b'{"n_messages":-1}']])
def test_what_is_no_end_is_refused(frames: list[bytes]) -> None:
    with pytest.raises(WireError):
        decode_end(frames)
