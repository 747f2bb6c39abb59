"""Positions and what becomes of them."""

import errno
import json
import threading
from pathlib import Path

import numpy as np
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.counters import Key
from quake_stream.ingest import state_file
from quake_stream.ingest.resume import FORMAT, NO_SEQUENCE, ResumeStore
from quake_stream.ingest.trail import N_CHECKPOINTS
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Packet, Position, RestPoint

START_NS = 1_750_000_000 * NS_PER_S
SERVER = "host:18000"


def position(sequence: int, second: float = 0.0, *, station: str = "AAA", server: str = SERVER) -> Position:
    return Position(
        server=server,
        network="XX",
        station=station,
        sequence=sequence,
        start_ns=START_NS + round(second * NS_PER_S),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "positions.json"


def reloaded(path: Path, server: str = SERVER) -> dict[str, int]:
    return {p.station: p.sequence for p in ResumeStore(path).positions(server)}


def test_positions_of_all_stations_and_servers_are_found_again(path: Path) -> None:
    store = ResumeStore(path, rewind_s=0)
    store.advance(position(1))
    store.advance(position(2, station="BBB"))
    store.advance(position(3, server="[::1]:1"))
    store.save()
    assert reloaded(path) == {"AAA": 1, "BBB": 2}
    assert reloaded(path, "[::1]:1") == {"AAA": 3}
    assert ResumeStore(path).positions(SERVER)[0].start_ns == START_NS


def test_in_memory_the_last_position_is_exact(path: Path) -> None:
    store = ResumeStore(path)
    for i in range(500):
        store.advance(position(i, i))
    assert [p.sequence for p in store.positions(SERVER)] == [499]


def test_what_is_saved_lies_a_minute_of_data_behind(path: Path) -> None:
    store = ResumeStore(path)
    for i in range(500):
        store.advance(position(i, i))
    store.save()
    assert 499 - 60 - 3 <= reloaded(path)["AAA"] <= 499 - 60


def test_d12_nothing_is_saved_ahead_of_what_is_in_the_ring(path: Path) -> None:
    """Of the first record only the time, so that it comes again: what was made of it may not be published yet."""
    store = ResumeStore(path)
    store.advance(position(7))
    store.save()
    assert ResumeStore(path).positions(SERVER) == (position(NO_SEQUENCE),)


def test_a_short_run_after_a_restart_saves_the_position_it_began_with(path: Path) -> None:
    store = ResumeStore(path)
    for i in range(200):
        store.advance(position(i, i))
    store.save()
    begun = reloaded(path)["AAA"]
    again = ResumeStore(path)
    for i in range(begun + 1, begun + 30):
        again.advance(position(i, i))
    again.save()
    assert reloaded(path)["AAA"] == begun


@given(st.lists(st.tuples(st.integers(-100, 400), st.integers(0, 1)), min_size=1, max_size=300))
def test_the_saved_position_is_never_newer_than_the_rewind_allows(moves: list[tuple[int, int]]) -> None:
    store = ResumeStore(None)
    for i, (second, station) in enumerate(moves):
        store.advance(position(i, second, station="AB"[station]))
    for trail in store._trails.values():
        age_ns, _, mark = trail.marks[0]
        assert age_ns <= trail.newest_ns
        assert len(trail.marks) <= N_CHECKPOINTS + 3
        if len(trail.marks) > 1:
            assert trail.marks[1][0] > trail.newest_ns - 60 * NS_PER_S
        assert mark.sequence <= trail.last.sequence  # type: ignore[union-attr]  # it advanced


def test_a_record_from_the_future_does_not_hold_the_position_back(path: Path) -> None:
    now_ns = START_NS
    store = ResumeStore(path, now_ns=lambda: now_ns)
    store.advance(position(1, 10**8))
    for i in range(300):
        now_ns = START_NS + i * NS_PER_S
        store.advance(position(i + 2, i))
    store.save()
    assert reloaded(path)["AAA"] > 200


def packet(second: float, *, sequence: int = 1, channel: str = "HHZ") -> Packet:
    """Make ten seconds of a channel that end so many seconds after the start."""
    place = position(sequence, second - 10)
    return Packet(
        source_id=SourceId.from_codes("XX", "AAA", "", channel),
        start_ns=place.start_ns,
        sample_rate_hz=1.0,
        samples=np.zeros(10, np.int32),
        received_ns=place.start_ns,
        position=place,
    )


def rest(second: float) -> RestPoint:
    """Stand at rest so many seconds after the start, with 20 s before that still needed."""
    ns = START_NS + round(second * NS_PER_S)
    return RestPoint(decided_ns=ns, needed_ns=ns - 20 * NS_PER_S, is_armed=True)


def read_until(store: ResumeStore, last_s: int, at_rest_s: float | None, channel: str = "HHZ") -> None:
    for second in range(10, last_s + 1, 10):
        point = None if at_rest_s is None else rest(min(second, at_rest_s))
        store.note(packet(second, sequence=second, channel=channel), point)
        store.advance(position(second, second - 10))


@pytest.mark.parametrize(("at_rest_s", "saved"), [(500, 480), (None, 440), (300, 280), (60, 40)])
def test_the_saved_position_lies_before_what_the_open_detection_needs(
    path: Path, at_rest_s: float | None, saved: int
) -> None:
    store = ResumeStore(path)
    read_until(store, 500, at_rest_s)
    store.save()
    assert reloaded(path) == {"AAA": saved}


def test_an_instrument_with_an_open_detection_holds_back_the_others_of_its_station(path: Path) -> None:
    store = ResumeStore(path)
    for second in range(10, 501, 10):
        store.note(packet(second, channel="HNZ"), rest(min(second, 200)))
        store.note(packet(second), rest(second))
        store.advance(position(second, second - 10))
    store.save()
    assert reloaded(path) == {"AAA": 180}


def test_an_instrument_that_is_silent_holds_back_nobody(path: Path) -> None:
    store = ResumeStore(path)
    store.note(packet(10, channel="HNZ"), rest(10))
    read_until(store, 700, 700)
    store.save()
    assert reloaded(path) == {"AAA": 680}


def test_nobody_is_held_back_for_longer_than_an_hour(path: Path) -> None:
    store = ResumeStore(path)
    read_until(store, 9000, 100)
    store.save()
    assert 9000 - 3600 - 200 <= reloaded(path)["AAA"] <= 9000 - 3600


def test_where_instruments_stood_at_rest_is_found_again_and_kept_until_they_do_again(path: Path) -> None:
    store = ResumeStore(path)
    read_until(store, 100, 70)
    store.save()
    (instrument_id,) = store.rest_points()
    assert str(instrument_id) == "XX.AAA.--.HH"
    again = ResumeStore(path)
    assert again.rest_points() == {instrument_id: rest(70)}
    read_until(again, 100, None)
    again.save()
    assert ResumeStore(path).rest_points() == {instrument_id: rest(70)}


def test_all_stations_of_a_server_with_one_ring_go_back_as_far_as_the_one_that_needs_most(path: Path) -> None:
    now_ns = START_NS
    store = ResumeStore(path, now_ns=lambda: now_ns)
    store.identify(SERVER, "SeedLink v3.1 (RingServer/4.1) started 1")
    for second in range(10, 501, 10):
        now_ns = START_NS + second * NS_PER_S
        store.note(packet(second), rest(min(second, 200)))
        store.advance(position(second, second - 10))
        store.advance(position(second, second - 10, station="BBB"))
    store.save()
    assert reloaded(path) == {"AAA": 180, "BBB": 180}


def test_a_file_of_before_there_were_rest_points_is_read(path: Path) -> None:
    state_file.save(path, FORMAT, {"servers": {SERVER: {"identity": "", "stations": {"XX.AAA": [7, 8]}}}})
    store = ResumeStore(path)
    assert reloaded(path) == {"AAA": 7}
    assert store.rest_points() == {}


@pytest.mark.fault(33)
def test_what_comes_from_the_future_is_not_trusted(path: Path) -> None:
    """A server asked for data from a time to come would say nothing until then."""
    store = ResumeStore(path, rewind_s=0)
    read_until(store, 100, 100)
    store.save()
    yesterday_ns = START_NS - 86_400 * NS_PER_S
    with structlog.testing.capture_logs() as logs:
        again = ResumeStore(path, now_ns=lambda: yesterday_ns)
    (found,) = again.positions(SERVER)
    assert (found.sequence, found.start_ns) == (NO_SEQUENCE, yesterday_ns)
    assert again.rest_points() == {}
    assert again.counts() == {Key("positions.refused", "future"): 2}
    assert [line["event"] for line in logs] == ["resume.from_the_future"]


def test_another_server_voids_the_numbers_and_keeps_the_times(path: Path) -> None:
    store = ResumeStore(path, rewind_s=0)
    assert not store.identify(SERVER, "x started 1")
    store.advance(position(5))
    store.advance(position(6, server="other:1"))
    assert not store.identify(SERVER, "x started 1")
    assert not store.identify(SERVER, "")
    assert store.identify(SERVER, "x started 2")
    store.save()
    assert reloaded(path) == {"AAA": -1}
    assert ResumeStore(path).positions(SERVER)[0].start_ns == START_NS
    assert reloaded(path, "other:1") == {"AAA": 6}


def test_the_identity_survives_a_restart_of_ours(path: Path) -> None:
    store = ResumeStore(path)
    store.identify(SERVER, "x started 1")
    store.advance(position(5))
    store.save()
    assert not ResumeStore(path).identify(SERVER, "x started 1")
    assert ResumeStore(path).identify(SERVER, "x started 2")


CONTENTS = [
    {},
    [],
    {"servers": []},
    {"servers": {SERVER: {}}},
    {"servers": {SERVER: {"identity": "", "stations": {"XX.AAA": [1]}}}},
    {"servers": {SERVER: {"identity": "", "stations": {"XX.AAA": ["1", 2]}}}},
    {"servers": {SERVER: {"identity": "", "stations": {"XX.AAA": [True, 2]}}}},
    {"servers": {SERVER: {"identity": "", "stations": {"XX.AAA": [1.5, 2]}}}},
    {"servers": {SERVER: {"identity": "", "stations": {"XX.AAA": [2**64, 2]}}}},
    {"servers": {SERVER: {"identity": "", "stations": {"XX.AAA": [1, 10**30]}}}},
    {"servers": {SERVER: {"identity": "", "stations": {"XXAAA": [1, 2]}}}},
    {"servers": {}, "rest_points": []},
    {"servers": {}, "rest_points": {"XX_AAA__H_H": [1, 2]}},
    {"servers": {}, "rest_points": {"XX_AAA__H_H": [1, 2, 1]}},
    {"servers": {}, "rest_points": {"XX_AAA__H_H": [1.0, 2, True]}},
    {"servers": {}, "rest_points": {"XX_AAA__H_H": [10**30, 2, True]}},
    {"servers": {}, "rest_points": {"XX.AAA..HH": [1, 2, True]}},
]


@pytest.mark.fault(33)
@pytest.mark.parametrize("content", CONTENTS)
def test_d13_a_file_with_unexpected_content_is_set_aside(path: Path, content: object) -> None:
    state_file.save(path, FORMAT, content)
    store = ResumeStore(path)
    assert store.positions(SERVER) == ()
    assert [p.name for p in path.parent.iterdir()] == ["positions.json.corrupt-1"]
    assert sum(store.counts().values()) == 1


@pytest.mark.fault(33)
@pytest.mark.parametrize("text", ["", "\n", "XX AAA", "XX AAA 1 2025,1,1", '{"format": 1', "\xff\x00"])
def test_d13_a_torn_or_foreign_file_is_set_aside_and_a_new_one_written(path: Path, text: str) -> None:
    path.write_text(text)
    store = ResumeStore(path, rewind_s=0)
    store.advance(position(1))
    store.save()
    assert reloaded(path) == {"AAA": 1}
    assert path.with_name("positions.json.corrupt-1").read_text() == text


def test_a_damaged_file_that_cannot_be_set_aside_is_counted_and_not_trusted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("torn")

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "read-only file system")

    monkeypatch.setattr(state_file, "set_aside", read_only)
    store = ResumeStore(path)
    assert store.positions(SERVER) == ()
    assert {(k.name, k.reason) for k in store.counts()} == {
        ("positions.refused", "corrupt"),
        ("positions.unsaved", "EROFS"),
    }


def test_a_file_that_cannot_be_read_is_counted_and_left(path: Path) -> None:
    path.mkdir()
    store = ResumeStore(path)
    assert {(k.name, k.reason) for k in store.counts()} == {("positions.unread", "EISDIR")}


@pytest.mark.fault(32)
def test_a_disk_that_is_full_is_counted_and_the_next_save_succeeds(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResumeStore(path, rewind_s=0)
    store.advance(position(1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(state_file, "save", full)
        store.save()
        store.save()
    assert {(k.name, k.reason): n for k, n in store.counts().items()} == {("positions.unsaved", "ENOSPC"): 2}
    store.save()
    assert reloaded(path) == {"AAA": 1}


@pytest.mark.fault(32)
def test_a_folder_that_is_missing_is_counted(tmp_path: Path) -> None:
    store = ResumeStore(tmp_path / "missing" / "positions.json")
    store.advance(position(1))
    store.save()
    assert [k.reason for k in store.counts()] == ["ENOENT"]


def test_saving_happens_on_a_timer_and_only_when_something_moved(path: Path) -> None:
    store = ResumeStore(path, rewind_s=0, save_every_s=5.0)
    store.save_if_due(100.0)
    assert not path.exists()
    store.advance(position(1))
    store.save_if_due(104.0)
    assert not path.exists()
    store.save_if_due(105.0)
    assert reloaded(path) == {"AAA": 1}
    path.unlink()
    store.save_if_due(200.0)
    assert not path.exists()


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = ResumeStore(None)
    store.advance(position(1))
    store.save()
    store.save_if_due(1e9)
    assert list(tmp_path.iterdir()) == []


def test_threads_may_advance_and_save_at_once(path: Path) -> None:
    store = ResumeStore(path, rewind_s=0)

    def advance(station: str) -> None:
        for i in range(2000):
            store.advance(position(i, i, station=station))

    threads = [threading.Thread(target=advance, args=(f"S{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        store.save()
    for thread in threads:
        thread.join()
    store.save()
    assert reloaded(path) == {f"S{n}": 1999 for n in range(3)}
    assert json.loads(path.read_text())["format"] == FORMAT
