"""Files of our own folders, whatever somebody has planted there."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quake_stream.safe_open import (
    create_anew,
    is_open_to_others,
    open_lock,
    open_regular,
    open_to_mend,
    own_folder,
)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_bytes(b"precious")
    return path


@pytest.fixture
def planted(tmp_path: Path, victim: Path) -> Iterator[dict[str, Path]]:
    """Plant what is no plain file; paths by kind."""
    folder = tmp_path / "planted"
    folder.mkdir()
    paths = {kind: folder / kind for kind in ("link", "dangling link", "pipe", "folder", "socket")}
    paths["link"].symlink_to(victim)
    paths["dangling link"].symlink_to(folder / "nowhere")
    os.mkfifo(paths["pipe"])
    paths["folder"].mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(paths["socket"]))
        yield paths | {"device": Path("/dev/zero")}


KINDS = ["link", "dangling link", "pipe", "folder", "socket", "device"]


@pytest.mark.parametrize("opens", [open_regular, open_to_mend, open_lock])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_plain_file_is_refused_at_once(
    opens: Callable[[Path], object], kind: str, planted: dict[str, Path], victim: Path
) -> None:
    n_before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match=r"."):
        opens(planted[kind])
    assert len(list(Path("/proc/self/fd").iterdir())) <= n_before  # others may have closed theirs
    assert victim.read_bytes() == b"precious"


def test_a_plain_file_is_read(victim: Path) -> None:
    with open_regular(victim) as file:
        assert file.read() == b"precious"


def test_an_operators_file_may_be_a_link_but_no_pipe(planted: dict[str, Path]) -> None:
    with open_regular(planted["link"], may_be_link=True) as file:
        assert file.read() == b"precious"
    with pytest.raises(OSError, match="no plain file"):
        open_regular(planted["pipe"], may_be_link=True)


def test_a_file_with_a_second_name_is_not_changed_in_place(tmp_path: Path, victim: Path) -> None:
    with open_to_mend(victim) as file:
        file.truncate(4)
    (tmp_path / "second").hardlink_to(victim)
    with pytest.raises(OSError, match="second name"):
        open_to_mend(victim)
    assert victim.read_bytes() == b"prec"


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "socket", "hard link", "file", "nothing"])
def test_a_new_file_takes_the_place_of_what_has_its_name(
    kind: str, planted: dict[str, Path], tmp_path: Path, victim: Path
) -> None:
    path = planted.get(kind, tmp_path / "new")
    if kind == "hard link":
        path.hardlink_to(victim)
    elif kind == "file":
        path.write_bytes(b"of the last run, and longer")
    with create_anew(path, mode=0o600) as file:
        file.write(b"ours")
    assert path.read_bytes() == b"ours"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not path.is_symlink()
    assert victim.read_bytes() == b"precious"
    assert not (planted["link"].parent / "nowhere").exists()


def test_a_folder_in_the_place_of_a_new_file_is_left_alone(planted: dict[str, Path]) -> None:
    with pytest.raises(OSError, match=r"."):
        create_anew(planted["folder"])
    assert planted["folder"].is_dir()


def test_a_lock_file_is_made_once_and_kept(tmp_path: Path) -> None:
    for _ in range(2):
        os.close(open_lock(tmp_path / "lock"))
    assert (tmp_path / "lock").read_bytes() == b""


def test_a_folder_is_made_once_with_those_above_it(tmp_path: Path) -> None:
    for _ in range(2):
        own_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o007 == 0


def test_a_folder_may_be_a_link_of_our_own_but_not_of_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "link"
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    own_folder(link)
    if os.geteuid() == 0:
        os.lchown(link, 12_345, 12_345)
    else:  # only root can give it away, so we become another
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(OSError, match="link of another user"):
        own_folder(link)


@pytest.mark.parametrize(("mode", "is_open"), [(0o750, False), (0o770, False), (0o777, True), (0o1777, True)])
def test_a_folder_is_open_to_others_where_everybody_may_write(
    mode: int, is_open: bool, tmp_path: Path
) -> None:
    tmp_path.chmod(mode)
    assert is_open_to_others(tmp_path) is is_open
    assert not is_open_to_others(tmp_path / "missing")
