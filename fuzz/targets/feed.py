"""Frames that a subscriber receives, live and from the journal, from a publisher that it need not trust."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from fuzz.made import detection, message
from quake_stream.export.choice import fault
from quake_stream.formats import CsvWriter, JsonLinesWriter
from quake_stream.publish.frames import Message, VersionError
from quake_stream.publish.inbox import Inbox
from quake_stream.publish.listing import json_line, summary_row
from quake_stream.publish.sequence import Missed

_END = b"\n--\n"


def seeds() -> Iterator[bytes]:
    """Give sequences of frames, each behind its ending; the first byte says which messages are replayed."""
    yield b"\0" + _END.join([*message(1), *message(2)])
    yield b"\2" + _END.join([*message(2), *message(1), *message(5), *message(4)])
    yield b"\0" + _END.join([*message(1)[:2], detection()])


def check(data: bytes, _folder: Path) -> None:
    """Hand out each message once and in order, or say what is missing; every one of them can be listed."""
    replayed, frames = int.from_bytes(data[:1]), data[1:].split(_END)
    inbox = Inbox(since_ns=0)
    for number, at in enumerate(range(0, len(frames), 3)):
        take = inbox.take_replayed if replayed >> number % 8 & 1 else inbox.take_live
        take(frames[at : at + 3], number)
        inbox.end_replay(is_found=bool(number % 2))
    last: dict[object, int] = {}
    while (item := _pop(inbox)) is not None:
        json_line(item)
        assert all(cell.isprintable() for cell in _cells(item))
        if isinstance(item, Message):
            assert item.sequence > last.get(item.session, 0)
            last[item.session] = item.sequence
            _export(item)


def _pop(inbox: Inbox) -> Message | Missed | None:
    while True:
        try:
            return inbox.pop()
        except VersionError:
            continue


def _cells(item: Message | Missed) -> list[str]:
    row = summary_row(item)
    return [getattr(row, name) for name in row.__slots__]


def _export(item: Message) -> None:
    body = dict(item.body)
    if not fault(body):
        for writer in (CsvWriter(StringIO()), JsonLinesWriter(StringIO())):
            writer.write(body)
            writer.close()
    json.dumps(body, allow_nan=False)
