"""What subscribers ask the journal for, and the end of an answer as they receive it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

from fuzz.made import message
from quake_stream.publish.frames import WireError
from quake_stream.publish.journal import Journal
from quake_stream.publish.requests import End, Request, decode_end, decode_request, encode_end, encode_request


def seeds() -> Iterator[bytes]:
    """Give requests and ends."""
    for request in (Request(since_ns=0), Request(session=UUID(int=1), first=2, last=3, since_ns=5)):
        yield b"R" + encode_request(request)[0]
        yield b"E" + encode_end(End(n_messages=3, is_found=True, more=request))[1]


def check(data: bytes, folder: Path) -> None:
    """Refuse it by WireError, or give an answer that the other side can read."""
    try:
        if data[:1] == b"E":
            end = decode_end([b"end", data[1:]])
            request = end.more or Request(since_ns=0)
        else:
            request = decode_request([data[1:]])
    except WireError:
        return
    with closing(Journal(folder, max_bytes=10_000_000, max_age_s=1e11)) as journal:
        if not any(folder.iterdir()):
            for number in range(1, 4):
                journal.append(number, message(number))
        page = journal.page(request)
        assert not journal.counts()
    answer = End(n_messages=len(page.entries), is_found=page.is_found, more=page.more)
    assert decode_end(encode_end(answer)) == answer
    assert decode_request(encode_request(request)).session == request.session
