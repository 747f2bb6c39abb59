"""Small files that must not lie."""

import contextlib
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quake_stream.ingest.state_file import MAX_SET_ASIDE, StateFileError, load, save, set_aside

KIND = "test/1"
CONTENT = {"servers": {"höst:1": {"stations": {"XX.AAA": [1, 1_750_000_000_000_000_001]}}}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def test_what_was_saved_is_loaded(path: Path) -> None:
    assert load(path, KIND) is None
    save(path, KIND, CONTENT)
    save(path, KIND, CONTENT)
    assert load(path, KIND) == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["state.json"]
    assert path.stat().st_mode & 0o007 == 0


@pytest.mark.fault(33)
def test_every_torn_file_is_refused(path: Path) -> None:
    save(path, KIND, CONTENT)
    whole = path.read_bytes()
    for n in range(len(whole) - 1):
        path.write_bytes(whole[:n])
        with pytest.raises(StateFileError):
            load(path, KIND)


@pytest.mark.fault(33)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_is_refused_or_changes_nothing(path: Path, data: st.DataObject) -> None:
    save(path, KIND, CONTENT)
    damaged = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    with contextlib.suppress(StateFileError):
        assert load(path, KIND) == CONTENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        "\0" * 100,
        '{"format": "other/1", "sha256": "", "content": 1}',
        '{"format": "test/1", "sha256": 5, "content": 1}',
        '{"format": ["test/1"], "sha256": "", "content": 1}',
    ],
)
def test_foreign_files_are_refused(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(StateFileError):
        load(path, KIND)


def test_another_version_of_the_format_is_refused(path: Path) -> None:
    save(path, "test/2", CONTENT)
    with pytest.raises(StateFileError, match="test/2"):
        load(path, KIND)


def test_a_file_far_too_long_is_refused_unread(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quake_stream.ingest.state_file.MAX_BYTES", 100)
    path.write_text(json.dumps({"format": KIND, "sha256": "", "content": "x" * 1000}))
    with pytest.raises(StateFileError):
        load(path, KIND)


def test_a_full_disk_leaves_the_old_file_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(path, KIND, CONTENT)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        save(path, KIND, {"servers": {}})
    assert load(path, KIND) == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["state.json"]


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to, lambda path, _: os.mkfifo(path)])
def test_what_is_planted_under_the_temporary_name_is_removed(
    path: Path, plant: Callable[[Path, Path], object]
) -> None:
    victim = path.with_name("victim")
    victim.write_text("precious")
    plant(path.with_name("state.json.tmp"), victim)
    save(path, KIND, CONTENT)
    assert load(path, KIND) == CONTENT
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("plant", [Path.symlink_to, lambda path, _: os.mkfifo(path)])
def test_what_is_no_plain_file_is_not_read_and_not_waited_for(
    path: Path, plant: Callable[[Path, Path], object]
) -> None:
    victim = path.with_name("victim")
    save(victim, KIND, CONTENT)
    plant(path, victim)
    with pytest.raises(OSError, match=r"."):
        load(path, KIND)
    save(path, KIND, CONTENT)
    assert load(path, KIND) == CONTENT


def test_a_damaged_file_is_not_set_aside_through_a_link(path: Path) -> None:
    victim = path.with_name("victim")
    path.with_name("state.json.corrupt-1").symlink_to(victim)
    path.write_text("torn")
    set_aside(path)
    assert not victim.exists()


def test_damaged_files_are_kept_under_numbers_and_not_for_ever(path: Path) -> None:
    for n in range(1, MAX_SET_ASIDE + 3):
        path.write_text(str(n))
        assert set_aside(path).name == f"state.json.corrupt-{min(n, MAX_SET_ASIDE)}"
    assert not path.exists()
    assert len(list(path.parent.iterdir())) == MAX_SET_ASIDE
