import numpy as np
import pytest

from quake_stream.training.augment import HIGHEST_SNR_DB, LOWEST_SNR_DB
from quake_stream.training.coda import late_coda, lay_on_coda
from quake_stream.training.cuts import N_CUT, N_MEMORY, N_SHORTEST_MEMORY, N_WINDOW, cut_at

ONSET = N_CUT - 200


@pytest.fixture
def quake(make_example):
    """Make a recording with P at 2500, loud for 3 s, then 20 dB less."""
    example = make_example(p_index=2500, n=5000, noise=(0, 2400))
    example.samples[:, 2500:] *= 10
    example.samples[:, 2500:2800] *= 10
    return example


@pytest.fixture
def cut(quake):
    return cut_at(quake, 2500 + 200 - N_WINDOW, np.random.default_rng(0))


def laid(cut, earlier, seed=0, **changes):
    return lay_on_coda(cut, ONSET, earlier, np.random.default_rng(seed), **{"only_louder": False, **changes})


def test_the_later_earthquake_stands_above_the_coda_as_far_as_was_drawn(cut, quake):
    for seed in range(20):
        both = laid(cut, quake, seed)
        before, after = (both.samples[:, s].std() for s in (slice(ONSET - 200, ONSET), slice(ONSET, N_CUT)))
        assert LOWEST_SNR_DB < 20 * np.log10(after / before) < HIGHEST_SNR_DB + 1
        added = both.samples - cut.samples
        assert not added[:, : both.n_missing].any()
        assert np.abs(added[:, both.n_missing :]).max() > 0


def test_where_it_must_be_louder_the_earlier_peak_is_the_higher(cut, quake):
    found = [laid(cut, quake, seed, only_louder=True) for seed in range(40)]
    fitting = [both for both in found if both is not None]
    assert 0 < len(fitting) < 40
    for both in fitting:
        peaks = [np.abs(both.samples[:, s]).max() for s in (slice(0, ONSET - 50), slice(ONSET, N_CUT))]
        assert peaks[0] > 0.8 * peaks[1]  # at that place both add up


def test_what_was_given_stays_as_it_was(cut, quake):
    before, of_earlier = cut.samples.copy(), quake.samples.copy()
    laid(cut, quake)
    assert np.array_equal(cut.samples, before)
    assert np.array_equal(quake.samples, of_earlier)


def test_components_that_are_absent_stay_absent_and_must_not_be_lacking(cut, quake, make_example):
    lone = make_example(p_index=2500, n=5000)
    lone.samples[:, 2500:] *= 100
    lone.samples[1:] = 0
    alone = cut_at(lone, 2500 + 200 - N_WINDOW, np.random.default_rng(0))
    assert not laid(alone, quake).samples[1:].any()
    assert laid(cut, lone) is None


def test_a_recording_that_does_not_reach_over_the_cut_is_refused(cut, make_example):
    ends_early = make_example(p_index=2500, n=2600)
    begins_late = make_example(p_index=100, n=5000)
    for seed in range(20):
        assert laid(cut, ends_early, seed) is None
        both = laid(cut, begins_late, seed)
        assert both is None or both.n_missing <= N_MEMORY - N_SHORTEST_MEMORY


def test_a_silent_coda_is_refused(cut, quake):
    quake.samples[:, 2400:] = 0
    assert all(laid(cut, quake, seed) is None for seed in range(5))


@pytest.mark.parametrize(
    ("s_index", "first"),
    [(2600, 3300), (2900, 4000), (-1, None)],
    ids=["8 s after P", "after S", "without S"],
)
def test_late_coda_begins_when_s_is_long_over(make_example, s_index, first):
    example = make_example(p_index=2500, s_index=s_index, n=6000)
    start, last = late_coda(example)
    if first is None:
        assert start > last
    else:
        assert (start, last) == (first, min(first + 1500, 6000 - N_WINDOW))


def test_background_has_no_coda(make_example):
    start, last = late_coda(make_example())
    assert start > last
