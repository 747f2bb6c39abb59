"""Recordings at another speed: what moves, what stays, and what is not touched."""

import numpy as np
import pytest

from quake_stream.training import stretching
from quake_stream.training.cuts import N_CUT, has_earthquake_window, has_noise_window
from quake_stream.training.stretching import SPEEDS, stretch


@pytest.fixture
def at_speed(monkeypatch):
    """Draw one speed only."""

    def choose(up, down):
        monkeypatch.setattr(stretching, "SPEEDS", ((up, down),))

    return choose


@pytest.mark.parametrize(("up", "down"), SPEEDS)
def test_arrivals_and_frequencies_move_with_the_speed(make_example, at_speed, up, down):
    at_speed(up, down)
    quake = make_example(n=12_000, p_index=6000, s_index=6300, noise=(0, 5900))
    t = np.arange(6000)
    quake.samples[:] = 0.0
    quake.samples[:, 6000:] = np.sin(2 * np.pi * 0.08 * t) * np.exp(-t / 1000)  # 8 Hz from P on
    found = stretch(quake, np.random.default_rng(1))
    assert found.s_index - found.p_index == round(300 * up / down)
    before, after = (
        found.samples[:, : found.p_index - 20],
        found.samples[:, found.p_index : found.p_index + 512],
    )
    assert np.abs(before).max() < 0.02
    assert np.abs(after).max() > 0.5
    spectrum = np.abs(np.fft.rfft(after[0]))
    assert spectrum.argmax() * 100 / 512 == pytest.approx(8 * down / up, abs=0.2)
    assert has_earthquake_window(found)
    assert has_noise_window(found)
    assert found.noise[1] < found.p_index


@pytest.mark.parametrize(("up", "down"), SPEEDS)
def test_background_is_drawn_from_its_own_span_only(make_example, at_speed, up, down):
    at_speed(up, down)
    noise = make_example(n=40_000, noise=(10_000, 30_000))
    noise.samples[:, :10_000] = noise.samples[:, 30_000:] = 1e9
    rng = np.random.default_rng(2)
    parts = [stretch(noise, rng) for _ in range(20)]
    assert all(np.abs(part.samples).max() < 1e3 for part in parts)
    assert all(has_noise_window(part) and part.n_samples >= N_CUT for part in parts)
    assert len({part.samples[0, 500] for part in parts}) == 20


def test_what_is_too_short_comes_back_as_it_is(make_example):
    short = make_example(n=900)
    assert stretch(short, np.random.default_rng(0)) is short


def test_an_arrival_of_s_beyond_the_part_is_forgotten(make_example):
    far = make_example(n=12_000, p_index=3000, s_index=11_000, noise=(0, 2900))
    assert all(stretch(far, np.random.default_rng(seed)).s_index == -1 for seed in range(9))


def test_the_recording_itself_is_left_alone_and_the_same_seed_gives_the_same(make_example):
    noise = make_example(n=20_000)
    before = noise.samples.copy()
    first, second = (stretch(noise, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first.samples, second.samples)
    assert np.array_equal(noise.samples, before)
    assert first.samples.dtype == np.float32
