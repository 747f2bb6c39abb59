import numpy as np
import pytest

from quake_stream.training.conditioning import N_SETTLE
from quake_stream.training.extract import Marks, extract

N = 6000


def keep(trace, *, p=-1, s=-1, valid=(0, N), noise=(0, N)):
    return extract(
        trace,
        Marks(p=p, s=s, valid=valid, noise=noise),
        dataset="set",
        station="XX.A",
        group="g",
        split="train",
        native_rate_hz=100.0,
    )


@pytest.fixture
def trace():
    return np.random.default_rng(0).standard_normal((3, N)).astype(np.float32)


def test_marks_move_with_the_cut(trace):
    step = np.zeros_like(trace)
    step[:, 3000:] = 1000.0
    example = keep(step, p=3000, s=3300, noise=(500, 2900))
    assert np.flatnonzero(example.samples[0])[0] == example.p_index
    assert example.s_index - example.p_index == 300
    assert example.noise == (0, example.p_index - 100)


def test_an_earthquake_is_kept_with_25_s_of_its_coda(trace):
    example = keep(trace, p=3000, s=3300)
    assert example.n_samples - example.p_index == 2500
    example = keep(trace, p=3000, s=3300, valid=(0, 5000))
    assert example.n_samples - example.p_index == 2000


def test_background_is_kept_whole(trace):
    example = keep(trace, s=70)
    assert example.n_samples == N - N_SETTLE
    assert (example.p_index, example.s_index, example.noise) == (-1, -1, (0, N - N_SETTLE))


def test_a_dead_component_is_zero_and_a_dead_recording_is_none(trace):
    trace[1] = 77.0
    assert [bool(component.any()) for component in keep(trace).samples] == [True, False, True]
    assert keep(np.full_like(trace, 5.0)) is None


def test_what_is_too_short_or_no_number_is_none(trace):
    assert keep(trace, valid=(200, 200 + 2 * N_SETTLE)) is None
    trace[2, 3000] = np.nan
    assert keep(trace) is None
