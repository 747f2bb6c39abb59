import tracemalloc
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from quake_stream.windowing.ring import RingBuffer


def _samples(*values):
    return np.array(values, np.float32)


def test_what_was_written_is_read():
    ring = RingBuffer(8)
    assert ring.write(100, _samples(1, 2, 3)) == [(100, 103)]
    assert ring.read(100, 103).tolist() == [1, 2, 3]
    assert (ring.head, ring.tail, ring.runs) == (103, 95, ((100, 103),))


def test_a_hole_is_never_read():
    ring = RingBuffer(8)
    ring.write(0, _samples(1, 2))
    ring.write(3, _samples(4))
    assert ring.read(0, 4) is None
    assert ring.read(0, 2).tolist() == [1, 2]
    assert ring.holes(0, 4) == [(2, 3)]


def test_the_first_writer_wins():
    ring = RingBuffer(8)
    ring.write(2, _samples(1, 1))
    assert ring.write(0, _samples(9, 9, 9, 9, 9)) == [(0, 2), (4, 5)]
    assert ring.read(0, 5).tolist() == [9, 9, 1, 1, 9]
    assert ring.n_conflicting(0, _samples(9, 9, 9, 1, 9)) == 1


def test_old_samples_give_way_to_new_ones():
    ring = RingBuffer(4)
    ring.write(0, _samples(0, 1, 2, 3))
    ring.write(4, _samples(4, 5))
    assert ring.read(1, 3) is None
    assert ring.read(2, 6).tolist() == [2, 3, 4, 5]


def test_a_jump_beyond_the_capacity_leaves_only_what_is_new():
    ring = RingBuffer(4)
    ring.write(0, _samples(0, 1))
    ring.write(10**12, _samples(7))
    assert ring.runs == ((10**12, 10**12 + 1),)


def test_more_samples_than_the_capacity_leave_the_newest():
    ring = RingBuffer(4)
    assert ring.write(0, np.arange(11, dtype=np.float32)) == [(7, 11)]
    assert ring.read(7, 11).tolist() == [7, 8, 9, 10]


def test_samples_before_the_tail_are_left_out():
    ring = RingBuffer(4)
    ring.write(10, _samples(1))
    assert ring.write(3, _samples(1, 2, 3, 4, 5)) == [(7, 8)]


def test_a_shift_moves_the_indices_and_keeps_the_samples():
    ring = RingBuffer(4)
    ring.write(5, _samples(1, 2, 3))
    ring.shift(1)
    assert ring.read(6, 9).tolist() == [1, 2, 3]
    ring.write(9, _samples(4, 5))
    assert ring.read(7, 11).tolist() == [2, 3, 4, 5]


def test_a_cleared_ring_holds_nothing():
    ring = RingBuffer(4)
    ring.write(5, _samples(1))
    ring.clear()
    assert ring.is_empty
    assert ring.read(5, 6) is None
    ring.write(-3, _samples(2))
    assert ring.runs == ((-3, -2),)


def test_a_ring_takes_memory_only_while_it_holds_samples():
    rings = [RingBuffer(100_000) for _ in range(10)]
    tracemalloc.start()
    for ring in rings:
        ring.write(0, _samples(1))
    full, _ = tracemalloc.get_traced_memory()
    for ring in rings:
        ring.clear()
    empty, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert full > 10 * 400_000
    assert empty < 100_000


def test_writing_nothing_changes_nothing():
    ring = RingBuffer(4)
    ring.write(5, _samples(1))
    assert ring.write(900, _samples()) == []
    assert ring.runs == ((5, 6),)


def test_reading_into_a_column_fills_only_the_column():
    ring = RingBuffer(4)
    ring.write(2, _samples(1, 2, 3, 4))
    out = np.zeros((4, 2), np.float32)
    assert ring.read_into(out[:, 1], 2)
    assert out.tolist() == [[0, 1], [0, 2], [0, 3], [0, 4]]
    assert not ring.read_into(out[:, 0], 3)
    assert not out[:, 0].any()


_step = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 60), st.integers(0, 20)),
    st.tuples(st.just("shift"), st.sampled_from([-1, 1]), st.just(0)),
)


@settings(max_examples=300, deadline=None)
@given(capacity=st.integers(1, 25), steps=st.lists(_step, max_size=25))
def test_it_behaves_like_a_dictionary_of_the_newest_indices(capacity, steps):
    ring, model, head, value = RingBuffer(capacity), {}, None, 0
    for kind, a, n in steps:
        if kind == "shift":
            ring.shift(a)
            model = {i + a: v for i, v in model.items()}
            head = None if head is None else head + a
            continue
        samples = np.arange(value, value + n, dtype=np.float32)
        value += n
        new = ring.write(a, samples)
        if n:
            head = a + n if head is None else max(head, a + n)
            model = {i: v for i, v in model.items() if i >= head - capacity}
            fresh = {i for i in range(a, a + n) if i not in model and i >= head - capacity}
            model |= {i: float(samples[i - a]) for i in fresh}
            assert {i for first, last in new for i in range(first, last)} == fresh
    assert {i for first, last in ring.runs for i in range(first, last)} == set(model)
    assert all(b < c for (_, b), (c, _) in pairwise(ring.runs))
    assert all(first < last for first, last in ring.runs)
    for first, last in ring.runs:
        assert ring.read(first, last).tolist() == [model[i] for i in range(first, last)]
        assert ring.run_at(first) == ring.run_at(last - 1) == (first, last)
        assert not ring.is_complete(first - 1, last)
        assert not ring.is_complete(first, last + 1)
