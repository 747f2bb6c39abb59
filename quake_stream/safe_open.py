"""
Open files so that what somebody planted under their names leads nowhere else and holds nobody up.

Links are not followed, pipes and devices are not waited for, a file that is there already is not written into.
Knows nothing of what is inside.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path, *, may_be_link: bool = False) -> BinaryIO:
    """
    Open a plain file to read.

    ``may_be_link`` is for files that are the operator's, who may link to them.

    Raises
    ------
    OSError
        It cannot be opened, or is a link, pipe, device or folder.
    """
    # Without O_NONBLOCK, opening a pipe would wait for its writer, for ever.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if may_be_link else os.O_NOFOLLOW)
    return os.fdopen(_regular(os.open(path, flags), path), "rb")


def open_to_mend(path: Path) -> BinaryIO:
    """
    Open a plain file to read it and to change it in place.

    Raises
    ------
    OSError
        As `open_regular`, or the file has a second name somewhere, under which it would change as well.
    """
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = _regular(os.open(path, flags), path)
    if os.fstat(descriptor).st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EMLINK, "it has a second name", str(path))
    return os.fdopen(descriptor, "r+b")


def create_anew(path: Path, *, mode: int = 0o666) -> BinaryIO:
    """
    Make a file to write, in place of what has its name; the umask takes its part of ``mode``.

    Raises
    ------
    OSError
        It cannot be made, or what is there cannot be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, mode), "wb")


def open_lock(path: Path) -> int:
    """
    Open a plain file to lock, or make it; nothing is written.  Returns its descriptor.

    Raises
    ------
    OSError
        It cannot be made, or is a link, pipe, device or folder.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
    return _regular(os.open(path, flags, 0o640), path)


def own_folder(path: Path) -> None:
    """
    Make a folder that only we and our group may look into, and those above it; one that is there is taken.

    Raises
    ------
    OSError
        It cannot be made, or is a link that another user made.
    """
    # One of root's or of our own may be there to move the folder to another disk.
    if path.is_symlink() and path.lstat().st_uid not in {0, os.geteuid()}:
        raise OSError(errno.ELOOP, "it is a link of another user", str(path))
    path.mkdir(mode=0o750, parents=True, exist_ok=True)


def is_open_to_others(folder: Path) -> bool:
    """Whether every user of the machine can put files into a folder; false where it cannot be looked at."""
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False


def _regular(descriptor: int, path: Path) -> int:
    """Give the descriptor back; closes it and raises OSError unless it is of a plain file."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, "it is no plain file", str(path))
