import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.detection.background import (
    MAX_FRAMES,
    FrameCache,
    FrameSamples,
    background_from_frames,
    frame_starts,
    memory_samples,
)
from quake_stream.detection.spectra import log_spectrum

N = 512


@given(st.integers(-(10**15), 10**15), st.sampled_from([8, 64, 512]))
def test_frames_lie_on_the_grid_inside_the_memory_before_the_window(window_start, n):
    starts = frame_starts(window_start, n)
    every = range((window_start // n - 5) * n, window_start + n, n // 2)
    expected = [s for s in every if window_start - memory_samples(n) <= s and s + n <= window_start]
    assert list(starts) == expected
    assert 3 <= len(starts) <= MAX_FRAMES


def test_a_window_of_the_shipped_models_looks_back_12_8_seconds():
    assert memory_samples(N) == 1280
    assert list(frame_starts(2560, N)) == [1280, 1536, 1792, 2048]
    assert list(frame_starts(2561, N)) == [1536, 1792, 2048]


def test_the_background_is_the_mean_of_the_frames_that_are_there():
    frames = np.array([1, 2, np.nan, 6], np.float32)[:, None, None] * np.ones((4, 5, 3), np.float32)
    mean = background_from_frames(frames, np.array([True, True, False, True]))
    assert mean.dtype == np.float32
    assert np.array_equal(mean, np.full((5, 3), 3, np.float32))


def test_rows_of_a_batch_do_not_mix_and_have_the_bits_they_have_alone():
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((20, 4, 257, 3)).astype(np.float32)
    valid = np.ones((20, 4), bool)
    valid[::3, 1] = False
    together = background_from_frames(frames, valid)
    for row in range(20):
        alone = background_from_frames(frames[row][valid[row]], np.ones(valid[row].sum(), bool))
        assert alone.tobytes() == together[row].tobytes()


def test_one_frame_is_no_background():
    with pytest.raises(ValueError, match="needs 2 frames, not 1"):
        background_from_frames(np.zeros((4, 5, 3), np.float32), np.array([True, False, False, False]))


class Reader:
    """Samples of a recording that is random but for the holes; counts how often it is asked."""

    def __init__(self, n_samples, holes=()):
        self.samples = np.random.default_rng(1).standard_normal((n_samples, 3)).astype(np.float32)
        self.holes = set(holes)
        self.n_reads = 0

    def __call__(self, start):
        self.n_reads += 1
        if start < 0 or self.holes & set(range(start, start + N)):
            return None
        return FrameSamples(samples=self.samples[start : start + N], is_flat=np.zeros(3, bool))


ZNE = ("Z", "N", "E")


def test_each_frame_is_read_and_transformed_once():
    reader = Reader(6000)
    cache = FrameCache(n_samples=N)
    for start in range(1280, 5000, 50):
        frames = cache.before(start, ZNE, reader)
        expected = [log_spectrum(reader.samples[s : s + N]) for s in frame_starts(start, N)]
        assert [f.spectrum.tobytes() for f in frames] == [e.tobytes() for e in expected]
    assert reader.n_reads == len({s for w in range(1280, 5000, 50) for s in frame_starts(w, N)})


def test_frames_over_a_hole_are_left_out_until_it_is_filled():
    reader = Reader(6000, holes=[2000])
    cache = FrameCache(n_samples=N)
    assert len(cache.before(2600, ZNE, reader)) == 1
    reader.holes.clear()
    assert len(cache.before(2650, ZNE, reader)) == 3


def test_what_was_cleared_is_computed_again():
    reader = Reader(6000)
    cache = FrameCache(n_samples=N)
    before = cache.before(2600, ZNE, reader)
    n_reads = reader.n_reads
    cache.clear()
    assert [f.spectrum.tobytes() for f in cache.before(2600, ZNE, reader)] == [
        f.spectrum.tobytes() for f in before
    ]
    assert reader.n_reads == 2 * n_reads


def test_what_came_before_the_memory_changes_nothing():
    reader = Reader(9000)
    old, fresh = FrameCache(n_samples=N), FrameCache(n_samples=N)
    for start in range(0, 8000, 50):
        old.before(start, ZNE, reader)
    old_bits = [f.spectrum.tobytes() for f in old.before(8000, ZNE, reader)]
    assert old_bits == [f.spectrum.tobytes() for f in fresh.before(8000, ZNE, reader)]


def test_another_set_of_components_has_frames_of_its_own():
    reader = Reader(6000)
    cache = FrameCache(n_samples=N)
    three = cache.before(2560, ZNE, reader)

    def read_z(start):
        read = reader(start)
        return FrameSamples(samples=read.samples[:, :1], is_flat=read.is_flat[:1])

    one = cache.before(2560, ("Z",), read_z)
    assert [f.spectrum[:, :1].tobytes() for f in three] == [f.spectrum.tobytes() for f in one]


def test_memory_stays_bounded_over_a_long_run():
    reader = Reader(40_000)
    cache = FrameCache(n_samples=N)
    for start in range(1280, 39_000, 50):
        cache.before(start, ZNE, reader)
        assert len(cache._frames) <= MAX_FRAMES + 1
