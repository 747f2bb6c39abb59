from itertools import pairwise

from quake_stream.counters import Counters
from quake_stream.mseed.header import peek
from quake_stream.replay.faults import Faults, reset_sequences
from quake_stream.replay.feed import Feed
from quake_stream.replay.recording import RecordList, Survey
from quake_stream.replay.ring import Ring
from quake_stream.replay.schedule import Timetable
from quake_stream.types import NS_PER_S

NOW_NS = 1_700_000_000 * NS_PER_S
START_NS = 1_500_000_000 * NS_PER_S


def make_feed(
    recording, *, speed=1.0, restamp=False, ring_bytes=1 << 20, faults=None, loop=False, repack=False
):
    survey = Survey.of(recording)
    timetable = Timetable.plan(
        now_ns=NOW_NS,
        origin_ns=survey.first_end_ns,
        first_ns=survey.first_ns,
        last_ns=survey.last_ns,
        speed=speed,
        restamp=restamp,
    )
    ring = Ring(max_bytes=ring_bytes, is_shared=False, first_sequence=1)
    counters = Counters()
    feed = Feed(
        recording, ring, counters, timetable=timetable, loop=loop, repack=repack, faults=faults or Faults()
    )
    return feed, ring, counters


def test_a_record_is_offered_when_its_end_has_come(make_recording):
    feed, ring, _ = make_feed(make_recording(3))
    assert feed.offer(NOW_NS, limit=10) == NOW_NS + NS_PER_S
    assert ring.next_serial == 1
    assert feed.offer(NOW_NS + NS_PER_S - 1, limit=10) == NOW_NS + NS_PER_S
    assert ring.next_serial == 1
    feed.offer(NOW_NS + 2 * NS_PER_S, limit=10)
    assert (ring.next_serial, feed.is_finished) == (3, True)
    assert feed.offer(NOW_NS, limit=10) is None


def test_ten_times_as_fast_needs_a_tenth_of_the_time(make_recording):
    feed, ring, _ = make_feed(make_recording(11), speed=10)
    feed.offer(NOW_NS + NS_PER_S, limit=100)
    assert ring.next_serial == 11


def test_moved_records_carry_their_new_times_in_their_bytes(make_recording):
    feed, ring, _ = make_feed(make_recording(3), restamp=True)
    feed.offer(NOW_NS + 5 * NS_PER_S, limit=100)
    for serial, entry in enumerate(ring):
        assert peek(entry.record).start_ns == entry.start_ns == NOW_NS + (serial - 1) * NS_PER_S


def test_as_recorded_the_bytes_are_the_same(make_recording):
    recording = make_recording(3)
    feed, ring, _ = make_feed(recording, speed=0)
    feed.offer(NOW_NS, limit=100)
    assert [entry.record for entry in ring] == [record for record, _ in recording.iter_records()]


def test_no_more_than_the_limit_is_offered_in_one_go(make_recording):
    feed, ring, _ = make_feed(make_recording(5), speed=0)
    assert feed.offer(NOW_NS, limit=2) == NOW_NS
    assert ring.next_serial == 2


def test_offering_pauses_before_a_kept_record_would_be_pushed_out(make_recording):
    feed, ring, _ = make_feed(make_recording(9), speed=0, ring_bytes=3 * 812)
    assert feed.offer(NOW_NS, limit=100, keep_serial=0) is None
    assert (ring.oldest_serial, ring.next_serial, feed.is_finished) == (0, 3, False)
    feed.offer(NOW_NS, limit=100, keep_serial=2)
    assert (ring.oldest_serial, ring.next_serial) == (2, 5)
    feed.offer(NOW_NS, limit=100)
    assert (ring.next_serial, feed.is_finished) == (9, True)


def test_a_loop_goes_on_with_times_that_go_on(make_recording):
    feed, ring, _ = make_feed(make_recording(2), loop=True)
    feed.offer(NOW_NS + 4 * NS_PER_S, limit=100)
    assert [entry.start_ns for entry in ring] == [START_NS + n * NS_PER_S for n in range(5)]
    assert not feed.is_finished


def test_long_records_are_cut_where_that_is_wanted(make_record):
    recording = RecordList([make_record(n_samples=2000, length=4096)])
    feed, ring, _ = make_feed(recording, speed=0, repack=True, restamp=True)
    feed.offer(NOW_NS, limit=100)
    entries = list(ring)
    assert {len(entry.record) for entry in entries} == {512}
    assert all(a.end_ns == b.start_ns for a, b in pairwise(entries))
    assert entries[-1].end_ns == NOW_NS


def test_a_record_that_cannot_be_used_is_counted_and_passed_over(make_record):
    bad = bytearray(make_record(start_ns=START_NS + NS_PER_S))
    bad[8:13] = b"\xff\xfe\xfd  "
    undecodable = bytearray(make_record("XX.BBB.00.HHZ", length=1024))
    undecodable[52] = 99
    feed, ring, counters = make_feed(
        RecordList([make_record(), bytes(bad), bytes(undecodable)]), speed=0, repack=True
    )
    feed.offer(NOW_NS, limit=100)
    assert ring.next_serial == 1
    assert counters.total("records.offered") == 1
    assert counters.total("records.refused", reason="bad_codes") == 1
    assert counters.total("records.refused", reason="unknown_encoding", station="XX.BBB") == 1


def test_a_fault_resets_the_sequences(make_recording):
    feed, ring, _ = make_feed(make_recording(5), speed=0, faults=reset_sequences(3))
    feed.offer(NOW_NS, limit=100)
    assert [entry.sequence for entry in ring] == [1, 2, 3, 1, 2]
