"""
What a subscriber asks the journal for, and what comes back.  Pure: no socket, clock or file.

A request is one frame of JSON.  The answer is any number of ``message`` replies (that word, then the
three frames of the message as they were published) and one ``end``, or one ``refused`` with the reason.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from quake_stream.publish.frames import VersionError, WireError
from quake_stream.publish.iso8601 import format_utc, parse_utc

MESSAGE: Final = b"message"
END: Final = b"end"
REFUSED: Final = b"refused"

_REQUEST: Final = "quake-stream/request/1"
_END: Final = "quake-stream/end/1"
_MAX_SEQUENCE: Final = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    What is wanted: messages of one session, or all since a time.

    With ``session``: its messages from ``first`` on; up to ``last`` where that is given, else to the end
    of the journal, later sessions included.  ``since_ns`` (UTC) counts where there is no session, or
    where the journal does not have that session (any more).
    """

    session: UUID | None = None
    first: int = 1
    last: int | None = None
    since_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """
    End of an answer.

    Answers are cut into pages: ``more`` is the request that gives the next one.  ``is_found`` is false
    where the journal does not have the session asked for.
    """

    n_messages: int
    is_found: bool
    more: Request | None


def encode_request(request: Request) -> list[bytes]:
    """Write a request."""
    return [_write({"schema": _REQUEST, **_fields(request)})]


def decode_request(frames: Sequence[bytes]) -> Request:
    """Read a request; fields that it does not know are ignored.  Raises `WireError`, `VersionError`."""
    if len(frames) != 1:
        raise WireError(f"a request has 1 frame, not {len(frames)}")
    return _request(_read(frames[0], _REQUEST))


def encode_end(end: End) -> list[bytes]:
    """Write the end of an answer."""
    return [
        END,
        _write(
            {
                "schema": _END,
                "n_messages": end.n_messages,
                "found": end.is_found,
                "next": None if end.more is None else _fields(end.more),
            }
        ),
    ]


def decode_end(frames: Sequence[bytes]) -> End:
    """Read the end of an answer; raises `WireError`, `VersionError`."""
    if len(frames) != 2:
        raise WireError(f"the end of an answer has {len(frames)} frames, not 2")
    fields = _read(frames[1], _END)
    more = fields.get("next")
    if more is not None and not isinstance(more, dict):
        raise WireError("next is neither a request nor null")
    return End(
        n_messages=_integer(fields, "n_messages", 0) or 0,
        is_found=fields.get("found") is True,
        more=None if more is None else _request(more),
    )


def _fields(request: Request) -> dict[str, object]:
    fields: dict[str, object] = {}
    if request.session is not None:
        fields |= {"session": str(request.session), "from": request.first}
    if request.last is not None:
        fields["to"] = request.last
    if request.since_ns is not None:
        fields["since"] = format_utc(request.since_ns)
    return fields


def _request(fields: Mapping[str, Any]) -> Request:
    session, since = fields.get("session"), fields.get("since")
    if session is None and since is None:
        raise WireError("a request names a session, or a time since when")
    try:
        return Request(
            session=None if session is None else UUID(session),
            first=_integer(fields, "from", 1) or 1,
            last=_integer(fields, "to", 0),
            since_ns=None if since is None else parse_utc(since),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise WireError(f"session or since cannot be read: {error}") from error


def _integer(fields: Mapping[str, Any], name: str, least: int) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MAX_SEQUENCE:
        raise WireError(f"{name} is no number of messages")
    return value


def _write(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def _read(frame: bytes, schema: str) -> dict[str, Any]:
    try:
        fields = json.loads(frame.decode())
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise WireError("not a JSON object")
    found = fields.get("schema", schema)  # by hand it is left out
    if found != schema:
        raise VersionError(f"this is {found!r}, understood is {schema}: install a newer quake-stream")
    return fields
