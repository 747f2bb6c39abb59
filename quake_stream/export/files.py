"""
Files that other programs read while they are written: whole ones replaced at once, growing ones by lines.

Knows nothing of what is inside.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final, TextIO

from quake_stream.errors import QuakeStreamError
from quake_stream.safe_open import create_anew

_MAX_LINE_BYTES: Final = 1 << 16  # far above any line written here


def replace_file(path: Path, content: bytes) -> None:
    """
    Write a file so that a reader sees the old one or the new one, also after a power cut.

    Folders above it are made.  The draft is hidden, for programs that watch the folder for new files.

    Raises
    ------
    QuakeStreamError
        It cannot be written.
    """
    draft = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with create_anew(draft) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise QuakeStreamError(f"{path}: cannot be written: {exc.strerror}") from exc


def open_lines(path: Path) -> TextIO:
    """
    Open a file to append lines; the caller closes it.

    It is locked, so that no two programs mix their lines.  A last line that was torn by a full disk or
    a power cut is moved to ``<name>.torn``.

    Raises
    ------
    QuakeStreamError
        It cannot be opened, or another program writes it.
    """
    try:
        stream = path.open("a+", encoding="utf-8", newline="")
    except OSError as exc:
        raise QuakeStreamError(f"{path}: cannot be written: {exc.strerror}") from exc
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _set_torn_line_aside(path)
    except BlockingIOError as exc:
        stream.close()
        raise QuakeStreamError(f"{path}: another program appends to it") from exc
    except OSError as exc:
        stream.close()
        raise QuakeStreamError(f"{path}: cannot be continued: {exc.strerror}") from exc
    return stream


def _set_torn_line_aside(path: Path) -> None:
    with path.open("rb+") as file:
        n_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(0, n_bytes - _MAX_LINE_BYTES))
        tail = file.read()
        torn = tail[tail.rfind(b"\n") + 1 :]
        if torn:
            with path.with_name(f"{path.name}.torn").open("ab") as aside:
                aside.write(torn + b"\n")
            file.truncate(n_bytes - len(torn))
