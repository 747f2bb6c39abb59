"""Histograms: every value is in one range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.histogram import Histogram


@given(st.lists(st.floats(0, 100)))
def test_every_value_is_counted_once_between_its_bounds(values):
    histogram = Histogram((1.0, 10.0))
    for value in values:
        histogram.observe(value)
    found = histogram.snapshot()
    below = sum(value <= 1 for value in values)
    above = sum(value > 10 for value in values)
    assert found.counts == (below, len(values) - below - above, above)
    assert found.n == len(values)
    assert found.total == pytest.approx(sum(values))


def test_a_value_on_a_bound_belongs_below_it():
    histogram = Histogram((1.0, 2.0))
    histogram.observe(1.0)
    assert histogram.snapshot().counts == (1, 0, 0)


def test_a_snapshot_does_not_change_afterwards():
    histogram = Histogram((1.0,))
    before = histogram.snapshot()
    histogram.observe(0.5)
    assert before.n == 0


def test_bounds_that_do_not_ascend_are_refused():
    with pytest.raises(ValueError, match=r"the bounds \[2.0, 1.0\] do not ascend"):
        Histogram((2.0, 1.0))
