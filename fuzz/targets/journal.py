"""The journal's files, as an earlier run or a failing disk left them."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

from fuzz.made import message
from quake_stream.publish.journal import Journal
from quake_stream.publish.requests import End, Request, encode_end
from quake_stream.publish.segment import MAGIC, pack

_CHECK = struct.Struct(">II")
_FOR_EVER_S = 1e11  # any time fits 64 bits of nanoseconds: what is pruned for its age would hide what is lost


def seeds() -> Iterator[bytes]:
    """Give whole files, and records for which `check` makes length and checksum."""
    made = [pack(1_700_000_000 * 10**9 + n, message(n)) for n in range(1, 4)]
    yield b"F" + MAGIC + b"".join(made)
    yield b"F" + MAGIC + made[0] + made[2]
    yield b"R" + b"\n--\n".join(record[_CHECK.size :] for record in made)


def check(data: bytes, folder: Path) -> None:
    """Give back only what is whole, go on after it, and be whole after the next start."""
    content = data[1:]
    if data[:1] == b"R":
        parts = content.split(b"\n--\n")
        content = MAGIC + b"".join(_CHECK.pack(len(part), zlib.crc32(part)) + part for part in parts)
    path = folder / "000000000001.journal"
    path.write_bytes(content)
    for name in folder.glob("*.damaged-*"):
        name.unlink()
    before = _all(folder)
    with closing(Journal(folder, max_bytes=10_000_000, max_age_s=_FOR_EVER_S)) as journal:
        journal.append(1_800_000_000 * 10**9, message(7))
        assert not journal.problem
    after = _all(folder)
    assert after[: len(before)] == before
    assert after[-1] == tuple(message(7))
    for name in folder.iterdir():
        name.unlink()


def _all(folder: Path) -> list[tuple[bytes, ...]]:
    with closing(Journal(folder, max_bytes=10_000_000, max_age_s=_FOR_EVER_S)) as journal:
        page = journal.page(Request(since_ns=-(2**63)))
        encode_end(End(n_messages=len(page.entries), is_found=page.is_found, more=page.more))
        journal.page(Request(session=UUID(int=1), first=2, since_ns=0))
        return [entry.frames for entry in page.entries]
