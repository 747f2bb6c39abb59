import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journals import A, B, C, fill, frames

from quake_stream.counters import Key
from quake_stream.publish import journal as module
from quake_stream.publish.journal import MAX_PAGE_MESSAGES, MAX_SET_ASIDE, Journal
from quake_stream.publish.requests import Request
from quake_stream.types import NS_PER_S

Open = Callable[..., Journal]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def reopen(folder: Path) -> Iterator[Open]:
    """Open the journal as each start of the service does; closed at the end."""
    with ExitStack() as stack:
        yield lambda max_bytes=10_000_000, max_age_s=86_400.0: stack.enter_context(
            closing(Journal(folder, max_bytes=max_bytes, max_age_s=max_age_s))
        )


def all_pages(journal: Journal, request: Request) -> list[tuple[UUID, int]]:
    """Follow the pages to the end, as a subscriber does."""
    found = []
    more: Request | None = request
    while more is not None:
        page = journal.page(more)
        assert len(page.entries) <= MAX_PAGE_MESSAGES
        found += [(entry.header.session, entry.header.sequence) for entry in page.entries]
        more = page.more
    return found


def numbers(session: UUID, first: int, last: int) -> list[tuple[UUID, int]]:
    return [(session, n) for n in range(first, last + 1)]


def test_a_range_of_a_session_is_given_back_byte_for_byte(reopen: Open) -> None:
    journal = reopen()
    fill(journal, A, 1, 20)
    page = journal.page(Request(session=A, first=5, last=7))
    assert [list(entry.frames) for entry in page.entries] == [frames(A, n) for n in (5, 6, 7)]
    assert (page.is_found, page.more) == (True, None)
    assert journal.counts() == {}


def test_what_a_killed_service_wrote_is_there_after_its_restart(reopen: Open) -> None:
    fill(reopen(), A, 1, 5)  # and never closed
    journal = reopen()
    fill(journal, B, 1, 3, start_s=10)
    assert all_pages(journal, Request(session=A, first=4)) == numbers(A, 4, 5) + numbers(B, 1, 3)
    assert all_pages(journal, Request(session=A, first=4, last=100)) == numbers(A, 4, 5)
    assert all_pages(journal, Request(session=A, first=6)) == numbers(B, 1, 3)
    assert all_pages(journal, Request(since_ns=5 * NS_PER_S)) == numbers(A, 5, 5) + numbers(B, 1, 3)
    assert all_pages(journal, Request(since_ns=99 * NS_PER_S)) == []


def test_a_session_that_is_not_there_counts_from_a_time_or_not_at_all(reopen: Open) -> None:
    journal = reopen()
    fill(journal, A, 1, 5)
    assert not journal.page(Request(session=C, first=1)).is_found
    assert all_pages(journal, Request(session=C, first=1)) == []
    assert all_pages(journal, Request(session=C, first=1, since_ns=4 * NS_PER_S)) == numbers(A, 4, 5)
    assert all_pages(journal, Request(session=C, first=1, last=9, since_ns=0)) == []


def test_long_answers_come_in_pages(reopen: Open) -> None:
    journal = reopen()
    fill(journal, A, 1, 2 * MAX_PAGE_MESSAGES + 1)
    request = Request(session=A, first=1, last=2 * MAX_PAGE_MESSAGES)
    assert len(journal.page(request).entries) == MAX_PAGE_MESSAGES
    assert all_pages(journal, request) == numbers(A, 1, 2 * MAX_PAGE_MESSAGES)
    large = reopen()
    for n in range(1, 201):
        large.append(0, frames(B, n, padding="x" * 3000))
    assert len(large.page(Request(session=B)).entries) < 100
    assert all_pages(large, Request(session=B)) == numbers(B, 1, 200)


@given(
    lengths=st.lists(st.integers(1, 150), min_size=1, max_size=4),
    max_bytes=st.sampled_from([20_000, 100_000]),
    data=st.data(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_whatever_is_asked_nothing_that_is_kept_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], max_bytes: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    written = []
    for start, length in enumerate(lengths):
        with closing(Journal(folder, max_bytes=max_bytes, max_age_s=1e6)) as journal:
            fill(journal, UUID(int=start + 1), 1, length, start_s=start * 1000)
        written += numbers(UUID(int=start + 1), 1, length)
    with closing(Journal(folder, max_bytes=max_bytes, max_age_s=1e6)) as journal:
        kept = all_pages(journal, Request(since_ns=0))
        assert kept == written[-len(kept) :]
        session, sequence = data.draw(st.sampled_from(kept))
        after = kept[kept.index((session, sequence)) :]
        assert all_pages(journal, Request(session=session, first=sequence)) == after
        time_ns = ((session.int - 1) * 1000 + sequence) * NS_PER_S
        assert all_pages(journal, Request(since_ns=time_ns)) == after


def test_the_oldest_is_forgotten_when_the_size_is_reached(reopen: Open, folder: Path) -> None:
    journal = reopen(max_bytes=50_000)
    fill(journal, A, 1, 1000)
    kept = all_pages(journal, Request(since_ns=0))
    assert kept == numbers(A, 1001 - len(kept), 1000)
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert 50_000 * 6 // 8 < size < 50_000 + 1000
    assert journal.counts()[Key("segments.pruned")] > 0
    assert all_pages(journal, Request(session=A, first=1)) == kept


def test_what_is_too_old_is_forgotten(reopen: Open) -> None:
    journal = reopen(max_age_s=80)
    fill(journal, A, 1, 200)
    kept = all_pages(journal, Request(since_ns=0))
    assert 80 <= len(kept) <= 100
    assert kept[-1] == (A, 200)


def test_starts_in_vain_do_not_fill_the_folder(
    reopen: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SEGMENTS", 5)
    for n in range(10):
        fill(reopen(), UUID(int=n), 1, 1)
    assert len(list(folder.iterdir())) == 5


@pytest.mark.fault(33)
def test_a_torn_record_is_cut_off_and_set_aside(reopen: Open, folder: Path) -> None:
    fill(reopen(), A, 1, 5)
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    journal = reopen()
    assert all_pages(journal, Request(session=A)) == numbers(A, 1, 4)
    assert journal.counts() == {Key("segments.damaged"): 1}
    (aside,) = folder.glob("*.damaged-1")
    assert path.read_bytes() + aside.read_bytes() == whole[:-3]
    assert reopen().counts() == {}


def test_what_is_no_journal_is_set_aside_as_a_whole_and_only_so_often(reopen: Open, folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.journal").write_text("not ours")
    for _ in range(MAX_SET_ASIDE + 5):
        (folder / "000000000001.journal").write_text("noise")
        assert reopen().counts() == {Key("segments.damaged"): 1}
    assert len(list(folder.iterdir())) == MAX_SET_ASIDE + 1


@pytest.mark.parametrize("plant", [Path.symlink_to, lambda path, _: os.mkfifo(path)])
def test_what_is_planted_among_the_files_is_counted_and_not_touched(
    reopen: Open, folder: Path, plant: Callable[[Path, Path], object]
) -> None:
    fill(reopen(), A, 1, 5)
    (path,) = folder.iterdir()
    torn = path.read_bytes()[:-3]
    victim = path.rename(folder.with_name("victim"))
    victim.write_bytes(torn)
    plant(path, victim)
    journal = reopen()
    assert journal.counts() == {Key("segments.unreadable"): 1}
    assert victim.read_bytes() == torn
    fill(journal, B, 1, 3)
    assert all_pages(journal, Request(since_ns=0)) == numbers(B, 1, 3)


def test_damage_is_not_cut_off_a_file_that_has_a_second_name(reopen: Open, folder: Path) -> None:
    fill(reopen(), A, 1, 5)
    (path,) = folder.iterdir()
    path.write_bytes(torn := path.read_bytes()[:-3])
    victim = folder.with_name("victim")
    victim.hardlink_to(path)
    assert all_pages(reopen(), Request(session=A)) == numbers(A, 1, 4)
    assert victim.read_bytes() == torn


def test_damage_is_not_set_aside_through_a_link(reopen: Open, folder: Path) -> None:
    fill(reopen(), A, 1, 5)
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    victim = folder.with_name("victim")
    path.with_name(f"{path.name}.damaged-1").symlink_to(victim)
    assert all_pages(reopen(), Request(session=A)) == numbers(A, 1, 4)
    assert not victim.exists()


@pytest.mark.fault(33)
def test_damage_found_while_reading_costs_what_is_behind_it(reopen: Open, folder: Path) -> None:
    fill(reopen(), A, 1, 100)
    journal = reopen()
    fill(journal, B, 1, 5, start_s=200)
    path = min(folder.iterdir())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    found = all_pages(journal, Request(since_ns=0))
    n_sound = len(found) - 5
    assert found == numbers(A, 1, n_sound) + numbers(B, 1, 5)
    assert 40 < n_sound < 60
    assert all_pages(journal, Request(since_ns=0)) == found
    assert journal.counts() == {Key("segments.damaged"): 1}


def test_the_file_that_is_written_to_may_be_damaged_too(reopen: Open, folder: Path) -> None:
    journal = reopen()
    fill(journal, A, 1, 10)
    (path,) = folder.iterdir()
    os.truncate(path, path.stat().st_size - 1)
    assert all_pages(journal, Request(session=A)) == numbers(A, 1, 9)
    fill(journal, A, 11, 12)
    assert all_pages(journal, Request(session=A)) == [*numbers(A, 1, 9), *numbers(A, 11, 12)]


def test_a_file_that_vanishes_is_counted_and_passed_over(reopen: Open, folder: Path) -> None:
    fill(reopen(), A, 1, 3)
    journal = reopen()
    fill(journal, B, 1, 3)
    min(folder.iterdir()).unlink()
    assert all_pages(journal, Request(since_ns=0)) == numbers(B, 1, 3)
    assert journal.counts() == {Key("segments.unreadable"): 1}


@pytest.mark.fault(32)
def test_a_full_disk_is_said_and_counted_and_over_when_there_is_room_again(
    reopen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = reopen()
    fill(journal, A, 1, 3)
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(module.os, "write", lambda file, data: write(file, data[:10]))
        fill(journal, A, 4, 6)
        assert journal.problem == "No space left on device"
    assert all_pages(journal, Request(session=A)) == numbers(A, 1, 3)
    fill(journal, A, 7, 9)
    assert journal.problem == ""
    assert all_pages(journal, Request(session=A)) == numbers(A, 1, 3) + numbers(A, 7, 9)
    assert journal.counts() == {Key("messages.unjournalled", "ENOSPC"): 3}
    assert all_pages(reopen(), Request(session=A)) == numbers(A, 1, 3) + numbers(A, 7, 9)


@pytest.mark.fault(32)
def test_a_disk_that_fails_at_each_write_leaves_no_file_behind(
    reopen: Open, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    journal = reopen()
    monkeypatch.setattr(module.os, "write", fail)
    fill(journal, A, 1, 5)
    assert journal.problem == "Input/output error"
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_stops_nothing(reopen: Open, folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    journal = reopen()
    assert journal.problem == "File exists"
    fill(journal, A, 1, 2)
    assert journal.page(Request(session=A)).entries == ()
    folder.unlink()
    fill(journal, A, 3, 3)
    assert journal.problem == ""
    assert all_pages(journal, Request(session=A)) == numbers(A, 3, 3)
