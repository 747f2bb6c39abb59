"""
The three frames of a message: topic, header, JSON body.  Pure: no socket, clock or file.

What is in a body is the business of `wire`; here it is a JSON object that names its schema.
"""

import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from quake_stream.errors import QuakeStreamError

MAJORS: Final[Mapping[str, int]] = {"detection": 1, "heartbeat": 1, "network-detection": 1, "status": 1}
MAX_BODY_BYTES: Final = 4095  # below 4 KiB: one page, and far from what any binding limits
MAX_TOPIC_BYTES: Final = 128  # FDSN codes have at most 8 characters each, so real topics stay below 64

_HEADER = struct.Struct(">16sQ")
_SCHEMA = re.compile(r"quake-stream/([a-z-]+)/([1-9][0-9]{0,3})")


class WireError(QuakeStreamError):
    """A message cannot be encoded, or what arrived is none."""


class VersionError(WireError):
    """The publisher speaks a newer major version of a schema than this program understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """
    Second frame: which start of the publisher, and the how-manieth message since.

    One sequence, from 1, counts all messages of the socket, whatever their topics.
    """

    session: UUID
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as a subscriber sees it; ``replayed`` where it came from the journal."""

    topic: str
    session: UUID
    sequence: int
    body: Mapping[str, Any]
    received_ns: int
    replayed: bool = False


def encode(topic: str, header: Header, body: Mapping[str, object]) -> list[bytes]:
    """
    Build the three frames of a message; equal input gives equal bytes.

    Raises
    ------
    WireError
        The topic is empty, long or not printable, the header is out of range, or the body is no JSON
        object of known schema below 4 KiB (NaN and infinities included: send null).
    """
    try:
        frames = [
            topic.encode(),
            encode_header(header),
            json.dumps(dict(body), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(),
        ]
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"the message on {topic!r} cannot be written: {error}") from error
    decode_envelope(frames)  # what we would not accept, we do not send
    _check_size(frames[2])
    _check_schema(body.get("schema"))
    return frames


def encode_header(header: Header) -> bytes:
    """Write 24 bytes: session (16) and sequence (unsigned 64 bit, big endian)."""
    try:
        return _HEADER.pack(header.session.bytes, header.sequence)
    except struct.error as error:
        raise WireError(f"sequence {header.sequence} does not fit 64 bits") from error


def decode_header(frame: bytes) -> Header:
    """Read the second frame; raises `WireError` unless it has 24 bytes and a sequence of at least 1."""
    if len(frame) != _HEADER.size:
        raise WireError(f"the header has {len(frame)} bytes, not {_HEADER.size}")
    session, sequence = _HEADER.unpack(frame)
    if sequence == 0:
        raise WireError("the sequence is 0, but counts from 1")
    return Header(session=UUID(bytes=session), sequence=sequence)


def decode_envelope(frames: Sequence[bytes]) -> tuple[str, Header]:
    """Read topic and header, without a look at the body; raises `WireError` as `decode` does."""
    if len(frames) != 3:
        raise WireError(f"{len(frames)} frames, not topic, header and body")
    if not 0 < len(frames[0]) <= MAX_TOPIC_BYTES:
        raise WireError(f"the topic has {len(frames[0])} bytes, not 1 to {MAX_TOPIC_BYTES}")
    try:
        topic = frames[0].decode()
    except UnicodeDecodeError as error:
        raise WireError("the topic is not UTF-8") from error
    if not topic.isprintable():
        raise WireError(f"the topic {topic!r} holds control characters")
    return topic, decode_header(frames[1])


def decode(frames: Sequence[bytes], *, received_ns: int, replayed: bool = False) -> Message:
    """
    Read the frames of a message; fields that it does not know stay in the body.

    Raises
    ------
    VersionError
        The schema is of a newer major version than `MAJORS`.
    WireError
        Anything else is wrong with the frames.
    """
    topic, header = decode_envelope(frames)
    body = _decode_body(frames[2])
    _check_schema(body.get("schema"))
    return Message(
        topic=topic,
        session=header.session,
        sequence=header.sequence,
        body=body,
        received_ns=received_ns,
        replayed=replayed,
    )


def _decode_body(frame: bytes) -> dict[str, Any]:
    _check_size(frame)
    try:
        body = json.loads(frame.decode())
        # Writing it back finds what the reader lets pass: NaN, numbers beyond float64, lone surrogates.
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise WireError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise WireError("the body is not a JSON object")
    return body


def _check_size(body: bytes) -> None:
    if len(body) > MAX_BODY_BYTES:
        raise WireError(f"the body has {len(body)} bytes, more than {MAX_BODY_BYTES}")


def _check_schema(schema: object) -> None:
    found = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    if found is None:
        raise WireError(f"the schema {schema!r} is not of the form quake-stream/detection/1")
    kind, major = found[1], int(found[2])
    if major > MAJORS.get(kind, major):
        raise VersionError(
            f"the publisher sends {schema}, this program understands {kind} up to version {MAJORS[kind]}: "
            "install a newer quake-stream"
        )
