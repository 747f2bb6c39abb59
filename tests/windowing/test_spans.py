import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from quake_stream.windowing.spans import spans_of


@pytest.mark.parametrize("shape", [(7,), (2, 7), (3, 1, 9)])
@pytest.mark.parametrize("n", [1, 4, 7])
def test_it_equals_the_sliding_window_view_of_numpy(shape, n):
    samples = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_array_equal(spans_of(samples, n), sliding_window_view(samples, n, axis=-1))
    transposed = np.asfortranarray(samples)
    np.testing.assert_array_equal(spans_of(transposed, n), sliding_window_view(samples, n, axis=-1))


def test_it_copies_nothing():
    samples = np.zeros(1000)
    assert np.shares_memory(spans_of(samples, 500), samples)


def test_a_span_longer_than_the_samples_is_an_error():
    with pytest.raises(ValueError, match="size of buffer"):
        spans_of(np.zeros(3), 5)
