"""Disks that are full, read-only or gone: the service detects and publishes all the same, and says what is wrong."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import configs
import pytest
from hand_server import HandServer
from journals import A, fill
from program import Program

from quake_stream.counters import Key
from quake_stream.ingest.resume import ResumeStore
from quake_stream.publish.journal import Journal
from quake_stream.publish.requests import Request
from quake_stream.types import Position

SIZE = 64 * 1024


class Disk:
    """A file system of 64 KiB in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        with self._ballast.open("wb") as file:
            while True:
                try:
                    os.write(file.fileno(), bytes(4096))
                except OSError:
                    return

    def clear(self) -> None:
        self._ballast.unlink()

    def remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", self.path], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", path]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("NOT RUN: no root, or no right to mount a small disk")
    yield Disk(path)
    subprocess.run(["umount", "-l", path], check=True)


def position(sequence: int) -> Position:
    return Position(server="a:1", network="XX", station="AAA", sequence=sequence, start_ns=sequence)


def saved(path: Path) -> list[int]:
    return [p.sequence for p in ResumeStore(path).positions("a:1")]


BREAK: dict[str, tuple[Callable[[Disk], None], Callable[[Disk], None]]] = {
    "ENOSPC": (Disk.fill, Disk.clear),
    "EROFS": (lambda disk: disk.remount("ro"), lambda disk: disk.remount("rw")),
}


@pytest.mark.fault(32)
@pytest.mark.parametrize("error", BREAK)
def test_positions_that_cannot_be_written_stay_what_they_were(disk: Disk, error: str) -> None:
    to_break, to_mend = BREAK[error]
    path = disk.path / "positions.json"
    store = ResumeStore(path, rewind_s=0)
    store.advance(position(1))
    store.save()
    to_break(disk)
    store.advance(position(2))
    store.save()
    assert store.counts()[Key("positions.unsaved", error)] == 1
    assert saved(path) == [1]
    assert not path.with_name("positions.json.tmp").exists()
    to_mend(disk)
    store.save()
    assert saved(path) == [2]


@pytest.mark.fault(32)
@pytest.mark.parametrize("error", BREAK)
def test_a_journal_that_cannot_be_written_says_so_and_goes_on_when_it_can(disk: Disk, error: str) -> None:
    to_break, to_mend = BREAK[error]
    journal = Journal(disk.path / "journal", max_bytes=10_000_000, max_age_s=1e6)
    fill(journal, A, 1, 3)
    if error == "EROFS":
        journal.close()  # a file that is open for writing forbids it
    to_break(disk)
    fill(journal, A, 4, 30)
    n_lost = journal.counts()[Key("messages.unjournalled", error)]
    assert 0 < n_lost <= 27
    assert journal.problem == os.strerror({"ENOSPC": 28, "EROFS": 30}[error])
    to_mend(disk)
    fill(journal, A, 31, 33)
    assert journal.problem == ""
    journal.close()
    again = Journal(disk.path / "journal", max_bytes=10_000_000, max_age_s=1e6)
    kept = [entry.header.sequence for entry in again.page(Request(session=A)).entries]
    assert (kept[:3], kept[-3:], len(kept)) == ([1, 2, 3], [31, 32, 33], 33 - n_lost)
    assert again.counts() == {}


@pytest.mark.fault(32)
def test_a_folder_that_is_gone_is_said_and_ends_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    store = ResumeStore(folder / "positions.json")
    journal = Journal(folder / "journal", max_bytes=10_000_000, max_age_s=1e6)
    shutil.rmtree(folder)
    store.advance(position(1))
    store.save()
    assert Key("positions.unsaved", "ENOENT") in store.counts()
    fill(journal, A, 1, 2)
    assert [entry.header.sequence for entry in journal.page(Request(session=A)).entries] == [1, 2]
    journal.close()


@pytest.mark.fault(32)
def test_a_service_whose_disk_is_full_detects_and_publishes(
    program: Callable[..., Program], demo_records: Path, disk: Disk, tmp_path: Path
) -> None:
    server = HandServer(demo_records)
    try:
        disk.fill()
        service = {"state_dir": f"{disk.path}/s", "runtime_dir": f"{disk.path}/r"}
        config = configs.write(tmp_path, f"seedlink://{server.address}", service=service)
        running = program("run", config)
        running.event("seedlink.connected")
        server.advance(100.0)
        running.event("detection.end")
        assert running.event("resume.not_saved")["error"].startswith("[Errno 28]")
        reasons = ("positions cannot be saved (ENOSPC)", "feed: messages cannot be journalled")
        for reason in reasons:
            running.until(lambda: reason in str(running.events("service.degraded")))  # noqa: B023  used at once
        disk.clear()
        running.event("resume.saved_again")
        assert running.stop(signal.SIGTERM) == 0
    finally:
        server.stop()
    assert len(ResumeStore(disk.path / "s" / "test.positions.json").positions(server.address)) == 4
