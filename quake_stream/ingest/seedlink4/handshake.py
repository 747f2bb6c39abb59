"""
Decide which version of SeedLink to speak, and change over to version 4.  Pure: commands out, replies in.

What a server offers stands in its answer to HELLO; a connection begins in version 3 and stays there unless
both sides want the other.
"""

from typing import Literal

from seedlink_client.protocol import Protocol, SeedLinkError, parse_hello, parse_reply, select_protocol

import quake_stream
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost

CHANGE_OVER = ("SLPROTO 4.0", f"USERAGENT quake_stream/{quake_stream.__version__}")

_WANTED = {"auto": None, "3": Protocol.V3, "4": Protocol.V4}
_NOT_ADMITTED = {"AUTH", "UNAUTHORIZED"}


def speaks_4(hello: str, wanted: Literal["auto", "3", "4"]) -> bool:
    """
    Whether to change over after this answer to HELLO.

    Raises
    ------
    LinkLostError
        ``protocol``: the server does not speak the version that is wanted.
    """
    if wanted == "3":
        return False  # the words of version 3 are what every server begins with, announced or not
    first, *others = hello.splitlines()
    *_, majors = parse_hello(first, others[0] if others else "")
    try:
        return select_protocol(majors, _WANTED[wanted]) is Protocol.V4
    except SeedLinkError as exc:
        raise LinkLostError(Lost.PROTOCOL, error_text(first.encode("ascii", "replace"))) from exc


def check_reply(command: str, line: bytes) -> None:
    """
    Read the reply to a command of the handshake; ``command`` is its first word, as it may hold a secret.

    Raises
    ------
    LinkLostError
        ``auth``: we are not admitted; ``handshake``: anything else but OK.
    """
    reply = parse_reply(line.decode("ascii", "replace"))
    if not reply:
        is_ours = command == "AUTH" or reply.code in _NOT_ADMITTED
        raise LinkLostError(Lost.AUTH if is_ours else Lost.HANDSHAKE, f"{command}: {error_text(line)}")


def error_reason(text: str) -> Lost:
    """Why a server said ERROR while it should send data: it may admit us no longer, or not without AUTH."""
    code = parse_reply(text).code or ""
    return Lost.AUTH if code in _NOT_ADMITTED else Lost.ERROR


def error_text(line: bytes) -> str:
    """Make one line that can be shown of what a server said."""
    text = line.decode("ascii", "replace")[:200]
    return "".join(c if c.isprintable() else " " for c in text).strip()
