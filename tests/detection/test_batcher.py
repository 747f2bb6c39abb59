from hypothesis import given
from hypothesis import strategies as st

from quake_stream.counters import Counters
from quake_stream.detection.batcher import Batcher, WaitingWindow
from quake_stream.source_id import InstrumentId
from quake_stream.types import Window

ANMO = InstrumentId(network="IU", station="ANMO", location="00", band="B", source="H")


def waiting(index, received_ns):
    window = Window(
        instrument_id=ANMO,
        start_index=index,
        start_ns=index,
        end_ns=index + 1,
        components=("Z",),
        received_ns=received_ns,
    )
    return WaitingWindow(window=window)


def batcher(max_windows=4, max_wait_ns=100, max_age_ns=1000):
    counters = Counters()
    made = Batcher(max_windows=max_windows, max_wait_ns=max_wait_ns, max_age_ns=max_age_ns, counters=counters)
    return made, counters


def indices(batch):
    return [w.window.start_index for w in batch]


def test_a_full_batch_is_released_at_once():
    b, _ = batcher(max_windows=2)
    b.add(waiting(0, 50))
    assert b.next_batch(50) == []
    b.add(waiting(1, 50))
    assert b.deadline_ns() == 50
    assert indices(b.next_batch(50)) == [0, 1]
    assert b.deadline_ns() is None


def test_an_incomplete_batch_is_released_when_its_oldest_window_is_due():
    b, _ = batcher()
    b.add(waiting(0, 50))
    b.add(waiting(1, 90))
    assert b.deadline_ns() == 150
    assert b.next_batch(149) == []
    assert indices(b.next_batch(150)) == [0, 1]


def test_what_is_too_old_is_dropped_and_counted():
    b, counters = batcher(max_windows=2)
    for index, received_ns in enumerate([0, 10, 1500]):
        b.add(waiting(index, received_ns))
    assert indices(b.next_batch(2000)) == [2]
    assert counters.total("windows.dropped", reason="max_latency", station="IU.ANMO") == 2


def test_flush_releases_what_waits():
    b, _ = batcher()
    b.add(waiting(0, 50))
    assert indices(b.next_batch(51, flush=True)) == [0]
    assert b.next_batch(51, flush=True) == []


def test_what_is_left_at_shutdown_is_counted():
    b, counters = batcher()
    b.add(waiting(0, 50))
    b.clear()
    assert len(b) == 0
    assert counters.total("windows.dropped", reason="shutdown", station="IU.ANMO") == 1


def test_a_clock_set_back_does_not_hold_a_window():
    b, _ = batcher()
    b.add(waiting(0, 10**12))
    assert indices(b.next_batch(50)) == [0]


@given(
    max_windows=st.integers(1, 5),
    max_wait_ns=st.integers(0, 50),
    max_age_ns=st.integers(50, 200),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 80), st.integers(-60, 60)), max_size=60),
)
def test_every_window_is_released_once_in_order_or_counted(max_windows, max_wait_ns, max_age_ns, steps):
    b, counters = batcher(max_windows, max_wait_ns, max_age_ns)
    now_ns, n_added, released = 10_000, 0, []
    for is_new, elapsed_ns, jitter_ns in steps:
        now_ns += elapsed_ns
        if is_new:
            b.add(waiting(n_added, now_ns + jitter_ns))
            n_added += 1
            continue
        before, deadline_ns = len(b), b.deadline_ns()
        batch = b.next_batch(now_ns)
        assert len(batch) <= max_windows
        assert all(now_ns - w.window.received_ns <= max_age_ns for w in batch)
        if before and not batch and len(b) == before:
            assert now_ns < deadline_ns
            assert before < max_windows
        released += indices(batch)
    while batch := b.next_batch(now_ns, flush=True):
        released += indices(batch)
    assert len(b) == 0
    assert released == sorted(set(released))
    assert len(released) + counters.total("windows.dropped", reason="max_latency") == n_added
