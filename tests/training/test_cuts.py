import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.detection.background import background_from_frames, frame_starts
from quake_stream.detection.features import get_transform
from quake_stream.detection.spectra import log_spectrum
from quake_stream.training.cuts import (
    N_CUT,
    N_MEMORY,
    N_SHORTEST_MEMORY,
    N_STEP,
    N_WINDOW,
    cut_at,
    draw_earthquake,
    draw_noise,
    features_of,
    has_earthquake_window,
    has_noise_window,
)
from quake_stream.training.examples import Example

TRANSFORM = get_transform("rfft-over-background/1")


def ramp(**changes):
    """Make an example whose samples are their own index, counted from 1."""
    n = changes.pop("n", 4000)
    values = {
        "samples": np.tile(np.arange(1, n + 1, dtype=np.float32), (3, 1)),
        "p_index": -1,
        "s_index": -1,
        "noise": (0, n),
        "dataset": "d",
        "station": "s",
        "group": "g",
        "split": "train",
        "native_rate_hz": 100.0,
    }
    return Example(**{**values, **changes})


@given(start=st.integers(N_SHORTEST_MEMORY, 3000), seed=st.integers(0, 9))
def test_a_cut_holds_the_samples_that_are_there_and_no_other(start, seed):
    cut = cut_at(ramp(), start, np.random.default_rng(seed))
    expected = np.arange(start - N_MEMORY, start + N_WINDOW) + 1
    expected[: cut.n_missing] = 0
    assert cut.n_missing == max(0, N_MEMORY - start)
    assert np.array_equal(cut.samples[0], expected)


@pytest.mark.parametrize("start", [N_SHORTEST_MEMORY - 1, 3489])
def test_a_window_that_does_not_fit_is_refused(start):
    with pytest.raises(ValueError, match="does not fit"):
        cut_at(ramp(), start, np.random.default_rng(0))


@given(start=st.integers(N_SHORTEST_MEMORY, 3000), seed=st.integers(0, 99))
def test_features_are_those_of_the_service_on_its_grid(start, seed):
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((3, 4000)).astype(np.float32)
    cut = cut_at(dataclasses.replace(ramp(), samples=samples), start, rng)
    # In a stream the grid of frames lies ``phase`` samples before the window's start.
    frames = [f - cut.phase - 100 * N_STEP + start for f in frame_starts(cut.phase + 100 * N_STEP, N_WINDOW)]
    frames = [f for f in frames if f >= 0]
    spectra = np.stack([log_spectrum(samples[:, f : f + N_WINDOW].T) for f in frames])
    background = background_from_frames(spectra[None], np.ones((1, len(frames)), dtype=bool))
    expected = TRANSFORM(samples[None, :, start : start + N_WINDOW].transpose(0, 2, 1), background)
    assert np.array_equal(features_of([cut], TRANSFORM), expected)


def test_features_do_not_depend_on_the_rest_of_the_batch(make_example):
    rng = np.random.default_rng(0)
    cuts = [cut_at(make_example(seed=i), 800 + 200 * i, rng) for i in range(5)]
    together = features_of(cuts, TRANSFORM)
    assert together.shape == (5, 257, 3)
    assert all(
        np.array_equal(features_of([cut], TRANSFORM)[0], row) for cut, row in zip(cuts, together, strict=True)
    )


def test_transforms_without_background_see_the_window_only(make_example):
    cut = cut_at(make_example(), 1500, np.random.default_rng(0))
    changed = dataclasses.replace(cut, samples=cut.samples.copy())
    changed.samples[:, :N_MEMORY] = 99
    plain = get_transform("zscore-rfft/1")
    assert np.array_equal(features_of([cut], plain), features_of([changed], plain))


@given(p=st.integers(0, 3900), s_after=st.one_of(st.none(), st.integers(0, 2000)), seed=st.integers(0, 1000))
def test_earthquake_windows_end_after_p_and_before_the_coda(p, s_after, seed):
    example = ramp(p_index=p, s_index=-1 if s_after is None else p + s_after)
    if not has_earthquake_window(example):
        assert p + 510 < N_SHORTEST_MEMORY + N_WINDOW or p + 60 > example.n_samples
        return
    cut, end = draw_earthquake(example, np.random.default_rng(seed))
    assert cut.samples[0, -1] == end  # the last sample is the one before ``end``, counted from 1
    assert 60 <= end - p <= 510 or (s_after is not None and 60 <= end - p - s_after <= 200)


def test_some_windows_end_when_p_is_about_to_leave_them():
    rng = np.random.default_rng(0)
    after_p_s = np.array([draw_earthquake(ramp(p_index=2000), rng)[1] - 2000 for _ in range(500)]) / 100
    assert after_p_s.max() > 5.0
    assert 0.2 < (after_p_s > 3).mean() < 0.5


@given(first=st.integers(0, 3000), length=st.integers(0, 3000), p=st.one_of(st.none(), st.integers(0, 3900)))
def test_background_windows_stay_inside_their_range_and_before_p(first, length, p):
    example = ramp(noise=(first, first + length), p_index=-1 if p is None else p)
    if not has_noise_window(example):
        return
    cut = draw_noise(example, np.random.default_rng(0))
    window = cut.samples[0, N_CUT - N_WINDOW :] - 1
    assert window[0] >= first
    assert window[-1] < first + length
    assert p is None or window[-1] < p - 50 + 1
