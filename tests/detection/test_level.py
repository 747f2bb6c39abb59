"""Levels of made-up motion: sines and noise of a known rms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.detection.level import level_samples, with_motion
from quake_stream.source_id import InstrumentId
from quake_stream.types import Window

TIME_S = np.arange(level_samples(100.0)) / 100


WINDOW = Window(
    instrument_id=InstrumentId(network="CX", station="PB01", location="", band="H", source="H"),
    start_index=0,
    start_ns=0,
    end_ns=5_120_000_000,
    components=("Z", "1", "2"),
    received_ns=0,
)


def sines(*amplitudes, offset=0.0):
    return np.stack(
        [offset + a * np.sin(2 * np.pi * 5 * TIME_S) for a in amplitudes], axis=1, dtype=np.float32
    )


def level_db(samples):
    return with_motion(WINDOW, samples).level_db


def vertical_db(samples):
    return with_motion(WINDOW, samples).vertical_db


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


def test_the_vertical_is_held_against_the_mean_of_the_horizontals():
    assert vertical_db(sines(100, 10, 10)) == pytest.approx(20, abs=0.01)
    assert vertical_db(sines(10, 100, 100)) == pytest.approx(-20, abs=0.01)
    assert vertical_db(sines(10, math.sqrt(200), 0.001)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("amplitudes", [(100,), (100, 0, 10), (0, 10, 10), (0, 0, 0)])
def test_the_vertical_says_nothing_alone_or_beside_a_dead_component(amplitudes):
    assert math.isnan(vertical_db(sines(*amplitudes)))


@given(st.floats(0.01, 1e4), st.floats(-40, 40))
def test_the_gain_of_the_sensor_does_not_change_how_upright_the_ground_moves(gain, ratio_db):
    amplitudes = (100 * 10 ** (ratio_db / 20), 100, 100)
    louder = sines(*(gain * amplitude for amplitude in amplitudes))
    assert vertical_db(louder) == pytest.approx(ratio_db, abs=0.02)


def test_only_the_code_z_promises_a_vertical():
    samples = sines(100, 10, 10)
    unknown = with_motion(replace(WINDOW, components=("3", "1", "2")), samples)
    assert unknown.level_db == level_db(samples)
    assert math.isnan(unknown.vertical_db)
