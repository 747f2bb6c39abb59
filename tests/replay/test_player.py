import pytest

from quake_stream.errors import SourceError
from quake_stream.replay.faults import Faults
from quake_stream.replay.player import Player, PlayOptions
from quake_stream.replay.recording import RecordList
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

NOW_NS = 1_700_000_000 * NS_PER_S
START_NS = 1_500_000_000 * NS_PER_S


def options(**changes) -> PlayOptions:
    values = {
        "speed": 1.0,
        "restamp": False,
        "loop": False,
        "start_ns": None,
        "wait_for_clients": 0,
        "sequences": "station",
        "first_sequence": 1,
        "ring_bytes": 1 << 20,
        "wildcards": True,
        "repack": False,
    }
    return PlayOptions(**(values | changes))


def player_of(recording, **changes) -> Player:
    return Player(recording, options(**changes), faults=Faults(), now_ns=NOW_NS)


def test_nothing_is_offered_before_there_are_enough_readers(make_recording):
    player = player_of(make_recording(3), wait_for_clients=1)
    assert player.offer(NOW_NS + 100 * NS_PER_S, []) is None
    assert not player.has_begun
    reader, _ = player.session(tuple)
    player.offer(NOW_NS + 500 * NS_PER_S, [reader])
    assert player.ring.next_serial == 1
    player.offer(NOW_NS + 502 * NS_PER_S, [])
    assert player.is_finished


def test_a_replay_that_starts_later_has_what_came_before_in_its_ring(make_recording):
    player = player_of(make_recording(10), start_ns=START_NS + 4 * NS_PER_S)
    player.offer(NOW_NS, [])
    assert player.ring.next_serial == 4
    player.offer(NOW_NS + NS_PER_S, [])
    assert player.ring.next_serial == 5


def test_at_speed_zero_the_slowest_reader_sets_the_pace(make_recording):
    player = player_of(make_recording(10), speed=0, ring_bytes=3 * 812)
    reader, _ = player.session(tuple)
    reader.receive(b"DATA\r")
    player.offer(NOW_NS, [reader])
    assert player.ring.next_serial == 3
    reader.pull(is_finished=False)
    player.offer(NOW_NS, [reader])
    assert player.ring.next_serial == 6
    player.offer(NOW_NS, [])
    assert player.is_finished


def test_the_facts_show_streams_and_moved_times(make_recording):
    player = player_of(make_recording(3, ("AAA", "BBB")), restamp=True)
    facts = player.facts
    assert facts.stations == {("XX", "AAA"), ("XX", "BBB")}
    assert facts.streams[SourceId.from_nslc("XX.AAA.00.HHZ")] == NOW_NS - NS_PER_S
    assert facts.software.startswith("quake_stream/")


@pytest.mark.parametrize(
    "changes",
    [
        {"loop": True, "speed": 0},
        {"loop": True, "restamp": True, "speed": 2},
        {"sequences": "both"},
        {"first_sequence": 1 << 24},
        {"first_sequence": -1},
    ],
)
def test_options_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match=r".+"):
        options(**changes)


def test_an_empty_recording_is_refused():
    with pytest.raises(SourceError):
        player_of(RecordList([]))
