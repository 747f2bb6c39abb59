from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from quake_stream.windowing.clock import rational_rate
from quake_stream.windowing.resampler import Resampler

OUT = Fraction(100)
RATES = [20.0, 31.25, 40.0, 50.0, 99.998, 125.0, 200.0, 250.0, 500.0]
BASE = 170_000_000_000  # of the order of an index of today


def _resample(rate, samples, start, phase=0):
    resampler = Resampler(rational_rate(rate), OUT)
    outputs = resampler.outputs_for(start, start + len(samples), phase)
    return outputs[0], resampler.evaluate(samples.astype(np.float32), start, outputs, phase)


def _tone(rate, hz, start, n, phase=0):
    # Times relative to the start keep the argument of the sine exact.
    return np.sin(2 * np.pi * hz * (np.arange(n) + phase / 16) / float(rational_rate(rate)))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("phase", [0, 5, -11])
def test_a_tone_in_the_pass_band_keeps_its_time_and_amplitude(rate, phase):
    hz = 0.3 * min(rate, 100)
    first, resampled = _resample(rate, _tone(rate, hz, 0, 2000, phase), 0, phase)
    expected = np.sin(2 * np.pi * hz * (first + np.arange(len(resampled))) / 100)
    np.testing.assert_allclose(resampled, expected, atol=2e-3)


@pytest.mark.parametrize("rate", [125.0, 200.0, 250.0, 500.0])
def test_what_the_output_cannot_carry_is_removed(rate):
    for hz in np.linspace(55.5, rate / 2 - 0.1, 9):
        assert np.abs(_resample(rate, _tone(rate, hz, 0, 3000), 0)[1]).max() < 1e-3


@pytest.mark.parametrize("rate", [20.0, 31.25, 40.0, 50.0])
def test_upsampling_adds_no_image_above_the_input_band(rate):
    _, resampled = _resample(rate, _tone(rate, 0.3 * rate, 0, 3000), 0)
    spectrum = np.abs(np.fft.rfft(resampled * np.hanning(len(resampled))))
    above = np.fft.rfftfreq(len(resampled), 0.01) > 0.6 * rate
    assert spectrum[above].max() < 1e-3 * spectrum.max()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("value", [1.0, -8_388_607.0])
def test_a_constant_stays_what_it_is(rate, value):
    assert set(_resample(rate, np.full(600, value), BASE, 3)[1].tolist()) == {value}


@pytest.mark.parametrize("rate", RATES)
def test_outputs_lie_on_the_grid_since_1970(rate):
    exact = rational_rate(rate)
    start = round(1_700_000_000 * exact)
    rise = np.arange(900.0)
    first, resampled = _resample(rate, rise, start)
    # The exact position of the first output, then steps of one output.
    exact_first = float(Fraction(first) * exact / OUT - start)
    expected = exact_first + np.arange(len(resampled)) * float(exact / OUT)
    np.testing.assert_allclose(resampled, expected, atol=1e-2)


@pytest.mark.parametrize("rate", RATES)
def test_outputs_need_their_whole_span(rate):
    resampler = Resampler(rational_rate(rate), OUT)
    n = resampler.n_taps
    first, stop = resampler.outputs_for(BASE, BASE + 10 * n, 0)
    for k in (first, stop - 1):
        position = Fraction(k) * rational_rate(rate) / OUT
        assert position // 1 - n // 2 + 1 >= BASE
        assert position // 1 + n // 2 < BASE + 10 * n
    earlier, later = (Fraction(k) * rational_rate(rate) / OUT // 1 for k in (first - 1, stop))
    assert earlier - n // 2 + 1 < BASE
    assert later + n // 2 >= BASE + 10 * n


def test_a_run_that_is_too_short_gives_nothing():
    resampler = Resampler(Fraction(50), OUT)
    first, stop = resampler.outputs_for(0, resampler.n_taps - 2, 0)
    assert first == stop
    assert resampler.evaluate(np.zeros(3, np.float32), 0, (first, stop), 0).shape == (0,)


@settings(max_examples=80, deadline=None)
@given(
    rate=st.sampled_from(RATES),
    phase=st.integers(-12, 12),
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    offset=st.integers(0, 15),
)
def test_an_output_has_the_same_bits_however_it_is_evaluated(rate, phase, cuts, offset):
    samples = (np.random.default_rng(3).normal(size=900) * 1e5).astype(np.float32)
    resampler = Resampler(rational_rate(rate), OUT)
    first, stop = resampler.outputs_for(BASE, BASE + len(samples), phase)
    whole = resampler.evaluate(samples, BASE, (first, stop), phase)
    pieces, at = [], first
    for n in [*cuts, stop]:
        until = min(stop, at + n)
        # Each piece sees another stretch of inputs, at another place in memory.
        lead = offset if resampler.outputs_for(BASE + offset, BASE + 900, phase)[0] <= at else 0
        moved = np.empty(900 - lead + 16, np.float32)[offset:][: 900 - lead]
        moved[:] = samples[lead:]
        pieces.append(resampler.evaluate(moved, BASE + lead, (at, until), phase))
        at = until
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


@pytest.mark.parametrize("rate", [0.0, 1.0, 19.99, 501.0])
def test_rates_outside_20_to_500_are_refused(rate):
    with pytest.raises(ValueError, match="cannot be resampled"):
        Resampler(Fraction(rate), OUT)
