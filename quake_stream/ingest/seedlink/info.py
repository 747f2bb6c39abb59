"""
Read the answers to INFO: XML in text records, one after the other.  Pure.

Servers write attributes in any order and some write broken XML, so the two facts needed are searched for,
not parsed.
"""

import re
from collections.abc import Iterator

from quake_stream.ingest.seedlink.framing import Frame

MAX_INFO_BYTES = 16 * 2**20  # 20,000 stations are about 3 MB
MAX_STARTED = 64  # characters of a time; longer ones are none, and are not kept
_TAG = re.compile(r"<station\b")
_ATTRIBUTE = re.compile(r"""\b(name|network)\s*=\s*["']([^"']*)["']""")
_STARTED = re.compile(r"""\bstarted\s*=\s*["']([^"']*)["']""")
_CODE = re.compile(r"[A-Za-z0-9-]{1,8}")


class InfoText:
    """Collects the packets of one INFO answer."""

    def __init__(self) -> None:
        self.is_complete = False
        self.is_error = False
        self._parts: list[bytes] = []
        self._n_bytes = 0

    @property
    def is_too_long(self) -> bool:
        """Whether the answer is longer than any honest one."""
        return self._n_bytes > MAX_INFO_BYTES

    @property
    def text(self) -> str:
        """What came so far."""
        return b"".join(self._parts).decode("ascii", "replace")

    def add(self, frame: Frame) -> None:
        """
        Take one packet.

        A fixed header of 48 bytes says where the text starts (bytes 44-45) and its length (bytes 30-31);
        numbers out of range count as "all of it", since a wrong one must not end the connection.
        """
        record = frame.record
        length = int.from_bytes(record[30:32], "big")
        offset = int.from_bytes(record[44:46], "big")
        if not 48 <= offset < len(record):
            offset = 56
        part = record[offset : offset + length] if offset + length <= len(record) else record[offset:]
        self._parts.append(part.rstrip(b"\0"))
        self._n_bytes += len(record)
        self.is_error = self.is_error or record[15:18] == b"ERR"
        self.is_complete = frame.is_last


def server_started(text: str) -> str:
    """When the server says it was started, as it writes it; empty where it does not say."""
    found = _STARTED.search(text)
    return found.group(1) if found and len(found.group(1)) <= MAX_STARTED else ""


def stations(text: str) -> Iterator[tuple[str, str]]:
    """Network and station codes in an answer to INFO STATIONS or STREAMS; illegible ones are left out."""
    # Cut at each tag's beginning, as the search for its end must not run through all the others.
    for piece in _TAG.split(text)[1:]:
        tag, end, _ = piece.partition(">")
        codes = dict(_ATTRIBUTE.findall(tag)) if end else {}
        network, station = codes.get("network", ""), codes.get("name", "")
        if _CODE.fullmatch(network) and _CODE.fullmatch(station):
            yield network, station
