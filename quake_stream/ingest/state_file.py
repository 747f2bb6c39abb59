"""
A small JSON file that survives power cuts and is never trusted when damaged.

Written whole: temporary file, fsync, rename, fsync of the folder.  Read whole: format and checksum must
match, else the file is set aside as ``<name>.corrupt-<n>``.  Knows nothing of what is inside.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from quake_stream.safe_open import create_anew, open_regular

MAX_BYTES = 64 * 2**20
MAX_SET_ASIDE = 10


class StateFileError(Exception):
    """The file is damaged, torn or foreign; the message says how."""


def save(path: Path, kind: str, content: object) -> None:
    """Write the file so that at any moment either the old or the new one is whole; raises OSError."""
    body = _canonical(content)
    text = f'{{"format": {json.dumps(kind)}, "sha256": "{_digest(body)}", "content": {body}}}\n'
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with create_anew(temporary, mode=0o640) as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path, kind: str) -> object:
    """
    Read the content back; None when there is no file.

    Raises
    ------
    StateFileError
        It is not what `save` wrote.
    OSError
        It cannot be read.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        envelope = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise StateFileError(f"no JSON of at most {MAX_BYTES} bytes: {exc}") from exc
    if not isinstance(envelope, dict) or set(envelope) != {"format", "sha256", "content"}:
        raise StateFileError("format, sha256 and content are not there")
    if envelope["format"] != kind:
        raise StateFileError(f"format is {str(envelope['format'])[:60]!r}, not {kind!r}")
    if envelope["sha256"] != _digest(_canonical(envelope["content"])):
        raise StateFileError("the checksum does not match")
    content: object = envelope["content"]
    return content


def set_aside(path: Path) -> Path:
    """Rename to the first free ``.corrupt-<n>`` (the tenth is replaced); raises OSError."""
    names = [path.with_name(f"{path.name}.corrupt-{n}") for n in range(1, MAX_SET_ASIDE + 1)]
    free = next((name for name in names if not name.exists()), names[-1])
    return path.replace(free)


def _canonical(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode("ascii")).hexdigest()
