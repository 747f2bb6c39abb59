import math
import platform
import subprocess
import sys

import numpy as np
import obspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obspy.signal.trigger import aic_simple
from scipy.signal import butter, lfilter

from quake_stream.onset import pick_onset, split_aic
from quake_stream.replay.demo_data import KNOWN_EVENTS, write_demo_records

RATE_HZ = 100.0
N = 860


def record(seed, *, onset, ratio, n=N):
    """Band-limited noise of rms 1, and band-limited signal of rms ``ratio`` from ``onset`` on."""
    rng = np.random.default_rng(seed)
    b, a = butter(2, [1, 20], "bandpass", fs=RATE_HZ)
    # 500 samples lead in, so that the filter rings with noise from the first sample on.
    noise = lfilter(b, a, rng.standard_normal(n + 500))
    source = rng.standard_normal(n + 500)
    source[: onset + 500] = 0
    signal = lfilter(b, a, source)
    return ((noise / noise.std() + ratio * signal / signal[onset + 500 :].std())[500:]).astype(np.float32)


@pytest.mark.parametrize("onset", [300, 512, 700])
def test_a_strong_onset_is_found_to_a_few_samples(onset):
    for seed in range(10):
        index, uncertainty_s = pick_onset(record(seed, onset=onset, ratio=30), RATE_HZ)
        assert abs(index - onset) <= 4
        assert 1 / RATE_HZ <= uncertainty_s < 0.1


def test_the_uncertainty_grows_as_the_signal_sinks_into_the_noise():
    medians = [
        np.median([pick_onset(record(seed, onset=560, ratio=ratio), RATE_HZ)[1] for seed in range(40)])
        for ratio in (30, 10, 5, 3, 2)
    ]
    assert medians == sorted(medians)
    assert medians[-1] > 4 * medians[0]


def test_two_standard_deviations_hold_nearly_all_true_onsets():
    inside = 0
    for seed in range(100):
        ratio = (2, 3, 5, 10)[seed % 4]
        index, uncertainty_s = pick_onset(record(seed, onset=560, ratio=ratio), RATE_HZ)
        inside += abs(index - 560) <= 2 * uncertainty_s * RATE_HZ
    assert inside >= 90


def test_the_amplitude_unit_does_not_matter():
    samples = record(1, onset=560, ratio=10)
    assert pick_onset(samples, RATE_HZ) == pytest.approx(pick_onset(samples * 1e-9, RATE_HZ), rel=1e-3)


def test_flat_samples_give_the_middle_and_no_certainty():
    index, uncertainty_s = pick_onset(np.full(600, 7, np.float32), RATE_HZ)
    assert index == 300
    assert uncertainty_s == pytest.approx(6 / math.sqrt(12))


def test_silence_before_the_signal_does_not_hide_the_onset():
    samples = np.zeros(600, np.float32)
    samples[400:] = record(2, onset=0, ratio=5, n=200)
    index, _ = pick_onset(samples, RATE_HZ)
    assert abs(index - 400) <= 3


def with_microseisms(samples, *, ratio):
    """Add a swell of about 1.5 Hz with an rms of ``ratio`` times that of the first 3 s."""
    swell = lfilter(
        *butter(2, [1.2, 1.8], "bandpass", fs=RATE_HZ), np.random.default_rng(9).normal(size=1500)
    )
    return (samples + ratio * samples[:300].std() * (swell / swell.std())[-len(samples) :]).astype(np.float32)


def test_an_onset_below_the_swell_of_the_sea_is_found():
    for seed in range(10):
        samples = with_microseisms(record(seed, onset=560, ratio=8), ratio=8)
        index, _ = pick_onset(samples, RATE_HZ)
        assert abs(index - 560) <= 10


def test_a_larger_s_wave_does_not_hide_the_p_wave():
    for seed in range(10):
        samples = record(seed, onset=560, ratio=8)
        samples[700:] *= 6
        index, _ = pick_onset(samples, RATE_HZ)
        assert abs(index - 560) <= 10


def test_ringing_ahead_of_a_strong_onset_is_not_taken_for_it():
    samples = record(3, onset=560, ratio=1000)
    t = np.arange(40) / RATE_HZ
    samples[520:560] += (np.abs(samples).max() * 0.004 * np.sin(2 * np.pi * 15 * t)).astype(np.float32)
    index, _ = pick_onset(samples, RATE_HZ)
    assert abs(index - 560) <= 5


def test_a_clipped_onset_is_found():
    samples = np.clip(record(4, onset=560, ratio=100), -20, 20)
    index, _ = pick_onset(samples, RATE_HZ)
    assert abs(index - 560) <= 4


def test_samples_that_only_fade_have_no_onset():
    fading = record(5, onset=0, ratio=1) * np.exp(-np.arange(N) / 150).astype(np.float32)
    index, uncertainty_s = pick_onset(fading, RATE_HZ)
    assert index == N / 2
    assert uncertainty_s == pytest.approx(N / RATE_HZ / math.sqrt(12))


@pytest.mark.parametrize("rate_hz", [20, 50])
def test_an_onset_of_a_slow_station_is_found(rate_hz):
    for seed in range(10):
        slow = record(seed, onset=560, ratio=20)
        spectrum = np.fft.rfft(slow)
        spectrum[np.fft.rfftfreq(N, 1 / RATE_HZ) > 0.4 * rate_hz] = 0
        index, _ = pick_onset(np.fft.irfft(spectrum, N).astype(np.float32), RATE_HZ)
        assert abs(index - 560) <= 400 / rate_hz + 2


def test_the_same_samples_give_the_same_bits_wherever_they_lie_in_memory():
    samples = record(6, onset=560, ratio=3)
    shifted = np.empty(N + 1, np.float32)[1:]
    shifted[:] = samples
    assert pick_onset(samples, RATE_HZ) == pick_onset(shifted, RATE_HZ)


@given(st.lists(st.floats(-1e6, 1e6, width=32), max_size=80))
def test_any_samples_give_an_index_inside_and_a_finite_uncertainty(values):
    index, uncertainty_s = pick_onset(np.array(values, np.float32), RATE_HZ)
    assert 0 <= index <= len(values)
    assert math.isfinite(uncertainty_s)
    assert uncertainty_s >= 1 / RATE_HZ


def assert_is_that_of_obspy(values):
    """To the last bit, unless a compiler has joined products and sums, as it does for other processors."""
    expected, found = aic_simple(values)[1:-2], split_aic(values)[1:-2]
    if platform.machine() == "x86_64":
        assert found.tobytes() == expected.tobytes()
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@given(
    n=st.integers(4, 1300),
    split=st.floats(0, 1),
    levels=st.tuples(st.sampled_from([0.0, 1e-9, 1.0, 1e4]), st.sampled_from([0.0, 1e-9, 3.0, 1e9])),
    offset=st.sampled_from([0.0, 0.1, -1e6]),
    seed=st.integers(0, 2**32),
)
def test_the_criterion_is_that_of_obspy_for_any_noise_and_signal(n, split, levels, offset, seed):
    values = np.random.default_rng(seed).standard_normal(n)
    values[: round(split * n)] *= levels[0]
    values[round(split * n) :] *= levels[1]
    assert_is_that_of_obspy(values + offset)


def test_the_criterion_is_that_of_obspy_for_real_records(tmp_path):
    for path in write_demo_records(tmp_path):
        (trace,) = obspy.read(path)
        for start in range(0, len(trace) - 1200, 5000):
            assert_is_that_of_obspy(trace.data[start : start + 1200].astype(np.float64))


def test_a_split_that_leaves_fewer_than_two_samples_is_none():
    found = split_aic(np.random.default_rng(0).standard_normal(9))
    assert np.isfinite(found).tolist() == [False, *[True] * 6, False, False]


def test_the_service_imports_no_matplotlib():
    """It came with ``obspy.signal`` and took 30 MB and a second of each start."""
    code = "import sys, quake_stream.service; print([m for m in ('matplotlib', 'obspy.signal') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "[]\n"


def test_real_onsets_are_found_where_a_person_sees_them(tmp_path):
    """The clear earthquakes of the demo, cut as a detector does: 6 s before P to 2.5 s after it."""
    n_picked = 0
    for path in write_demo_records(tmp_path):
        (trace,) = obspy.read(path)
        if not trace.stats.channel.endswith("Z"):
            continue
        trace.detrend("constant").filter("highpass", freq=1, corners=2)
        for event in (event for event in KNOWN_EVENTS if event.is_clear):
            p_s = event.p_arrivals_ns[f"BW.{trace.stats.station}"] / 1e9
            cut = trace.slice(obspy.UTCDateTime(p_s - 6), obspy.UTCDateTime(p_s + 2.5))
            index, uncertainty_s = pick_onset(cut.data.astype(np.float32), trace.stats.sampling_rate)
            found_s = cut.stats.starttime.timestamp + index / trace.stats.sampling_rate
            assert abs(found_s - p_s) <= 0.1
            assert uncertainty_s < 0.2
            n_picked += 1
    assert n_picked == 8
