"""Levels of made-up motion: sines and noise of a known rms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.detection.level import level_db, level_samples

TIME_S = np.arange(level_samples(100.0)) / 100


def sines(*amplitudes, offset=0.0):
    return np.stack(
        [offset + a * np.sin(2 * np.pi * 5 * TIME_S) for a in amplitudes], axis=1, dtype=np.float32
    )


def test_it_is_measured_on_one_second():
    assert level_samples(100.0) == 100
    assert level_samples(31.25) == 31


@pytest.mark.parametrize(("rms", "expected"), [(1, 0.0), (10, 20.0), (1000, 60.0), (0.1, -20.0)])
def test_it_is_in_decibels_relative_to_one_count_rms(rms, expected):
    assert level_db(sines(rms * math.sqrt(2))) == pytest.approx(expected, abs=0.01)


def test_an_offset_is_no_motion():
    assert level_db(sines(100, offset=5000)) == pytest.approx(level_db(sines(100)), abs=0.01)


def test_components_that_do_not_move_are_left_out():
    assert level_db(sines(100, 0, 100)) == level_db(sines(100))


def test_it_is_unknown_where_nothing_moves():
    assert math.isnan(level_db(sines(0, 0, 0)))
    assert math.isnan(level_db(sines(0, 0, 0, offset=3)))


@given(st.floats(1, 1e6), st.floats(1.5, 1e3))
def test_ten_times_the_motion_is_twenty_decibels_more(amplitude, factor):
    difference = level_db(sines(amplitude * factor)) - level_db(sines(amplitude))
    assert difference == pytest.approx(20 * math.log10(factor), abs=0.03)
