"""The list of those who may subscribe: whole or refused."""

import os
import stat
from pathlib import Path

import pytest

from quake_stream.errors import ConfigError
from quake_stream.publish.clients import (
    HEADING,
    add_client,
    check_name,
    read_clients,
    remove_client,
    write_clients,
)
from quake_stream.publish.keys import new_pair

A, B, C = (new_pair().public for _ in range(3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "station.clients"
    write_clients(path, {"a": A})
    return path


def test_the_list_is_read_as_it_was_written(path: Path) -> None:
    assert read_clients(path) == {"a": A}
    assert path.read_text() == f"{HEADING}a {A}\n"


def test_every_user_may_read_the_list_since_it_holds_no_secret(path: Path) -> None:
    add_client(path, "b", B)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_clients_come_and_go_and_comments_stay(path: Path) -> None:
    path.write_text(f"# ours\n\na {A}\n  b   {B}")
    add_client(path, "c", C)
    assert read_clients(path) == {"a": A, "b": B, "c": C}
    remove_client(path, "b")
    assert path.read_text() == f"# ours\n\na {A}\nc {C}\n"
    remove_client(path, "a")
    remove_client(path, "c")
    assert read_clients(path) == {}


def test_a_list_is_not_overwritten(path: Path) -> None:
    with pytest.raises(ConfigError, match="there already"):
        write_clients(path, {})
    assert read_clients(path) == {"a": A}


def test_one_wrong_line_refuses_the_whole_list_and_every_one_is_named(path: Path) -> None:
    path.write_text(f"a {A}\nb\nb {A}\na {B}\n../x {C}\nc {C[:-1]}\nd {C} more\n")
    with pytest.raises(ConfigError) as refused:
        read_clients(path)
    assert [line.removeprefix(f"{path}: ") for line in str(refused.value).split("\n")] == [
        "line 2 is not a name and a public key of 40 characters",
        "line 3 repeats a name or a key",
        "line 4 repeats a name or a key",
        "line 5 is not a name and a public key of 40 characters",
        "line 6 is not a name and a public key of 40 characters",
        "line 7 is not a name and a public key of 40 characters",
    ]


def test_what_would_make_the_list_wrong_is_not_added(path: Path) -> None:
    for name, key in (("a", B), ("b", A), ("b", "short"), ("b c", B), ("", B), ("-b", B)):
        with pytest.raises(ConfigError):
            add_client(path, name, key)
    with pytest.raises(ConfigError, match="'b' is not in the list"):
        remove_client(path, "b")
    assert read_clients(path) == {"a": A}


def test_a_name_can_stand_in_the_name_of_a_file() -> None:
    assert check_name("reader-1.example_org") == "reader-1.example_org"
    for name in ("", ".", "..", "a/b", "a" * 65, "ä", "a\n"):
        with pytest.raises(ConfigError, match="a name is up to 64 letters"):
            check_name(name)


def test_a_list_that_is_missing_or_no_text_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing: No such file"):
        read_clients(tmp_path / "missing")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="binary: is no text"):
        read_clients(tmp_path / "binary")
    with pytest.raises(ConfigError, match="No such file"):
        write_clients(tmp_path / "missing" / "list", {})


def test_a_pipe_in_place_of_the_list_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clients")
    with pytest.raises(ConfigError, match="no plain file"):
        read_clients(tmp_path / "clients")
