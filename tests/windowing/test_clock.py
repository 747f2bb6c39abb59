from fractions import Fraction
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from quake_stream.types import NS_PER_S
from quake_stream.windowing.clock import MAX_OFFSET, TraceClock, index_to_ns, rational_rate

T0 = 1_700_000_000 * NS_PER_S
MS = 1_000_000
RATES = [20.0, 31.25, 40.0, 99.998, 99.99800109863281, 100.0, 200.0, 500.0]


@pytest.mark.parametrize(
    ("rate_hz", "exact"),
    [
        (100.0, Fraction(100)),
        (31.25, Fraction(125, 4)),
        (99.99800109863281, Fraction(49999, 500)),
        (66.66666412353516, Fraction(200, 3)),
        (18.2, Fraction(91, 5)),
        (99.99998, Fraction(4999999, 50000)),
    ],
)
def test_a_rate_becomes_the_simplest_fraction_that_a_float32_may_mean(rate_hz, exact):
    assert rational_rate(rate_hz) == exact


@given(st.floats(20, 500))
def test_a_rational_rate_is_as_exact_as_a_float32(rate_hz):
    assert abs(float(rational_rate(rate_hz)) - rate_hz) <= rate_hz * 1e-7


@given(index=st.integers(0, 10**12), rate=st.sampled_from(RATES))
def test_an_index_and_its_time_belong_together_to_the_nanosecond(index, rate):
    clock = TraceClock(rational_rate(rate))
    assert clock.locate(index_to_ns(index, clock.rate)) == index


def test_indices_count_samples_since_1970():
    clock = TraceClock(Fraction(100))
    assert clock.anchor(T0) == 1_700_000_000 * 100
    assert clock.offset == 0
    assert clock.time_ns(clock.locate(T0)) == T0


@settings(max_examples=50)
@given(
    rate=st.sampled_from(RATES),
    jitter=st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=60),
    n=st.integers(1, 5000),
)
def test_jitter_below_half_a_sample_never_moves_a_label(rate, jitter, n):
    clock = TraceClock(rational_rate(rate))
    expected = clock.anchor(T0)
    start_ns = clock.time_ns(expected)
    for i, late in enumerate(jitter):
        header_ns = start_ns + round((i * n + late) * NS_PER_S / clock.rate)
        assert clock.locate(header_ns) == expected
        assert clock.track(clock.residual(header_ns, expected), n) == 0
        expected += n


@pytest.mark.parametrize("true_hz", [99.998, 100.002, 99.995, 100.005])
@pytest.mark.parametrize("n", [10, 280, 1000, 4000])
def test_drift_moves_all_labels_by_one_and_is_never_a_gap(true_hz, n):
    clock = TraceClock(Fraction(100))
    expected = first = clock.anchor(T0)
    steps = []
    seconds = 4000
    for i in range(int(seconds * true_hz) // n):
        header_ns = T0 + round(i * n * NS_PER_S / true_hz)
        residual = clock.residual(header_ns, expected)
        assert abs(residual) < 0.5
        step = clock.track(residual, n)
        steps.append(step)
        expected += n + step
        assert abs(clock.offset) <= MAX_OFFSET
    drift = (100 / true_hz - 1) * (expected - first)
    assert set(steps) == {0, 1 if true_hz < 100 else -1}
    assert abs(sum(steps) - drift) <= 1.3
    # Labels and headers stay together.
    assert abs(expected / 100 - header_ns / NS_PER_S - n / true_hz) <= 0.0125


def test_rounded_headers_never_change_the_phase():
    clock = TraceClock(Fraction(500))
    start = T0 + round(2.55 / 16 / 500 * NS_PER_S)  # next to where the phase would flip without slack
    expected = clock.anchor(start)
    phase = clock.phase_16ths
    assert phase == 3
    for i in range(500):
        exact = start + round(i * 77 * NS_PER_S / 500)
        header_ns = round(exact / 100_000) * 100_000
        assert clock.track(clock.residual(header_ns, expected), 77) == 0
        expected += 77
        assert clock.phase_16ths == phase


def test_the_phase_follows_a_drift_in_small_steps():
    clock = TraceClock(Fraction(100))
    expected = first = clock.anchor(T0)
    phases = []
    for i in range(1000):
        step = clock.track(clock.residual(T0 + round(i * 280 * NS_PER_S / 99.998), expected), 280)
        expected += 280 + step
        phases.append(clock.phase_16ths + 16 * (expected - first - (i + 1) * 280))
    assert max(abs(b - a) for a, b in pairwise(phases)) <= 3
    assert phases[-1] > 16


def test_after_a_gap_the_offset_is_measured_anew():
    clock = TraceClock(Fraction(100))
    clock.anchor(T0)
    assert clock.anchor(T0 + 60 * NS_PER_S + 3 * MS) == (1_700_000_060) * 100
    assert clock.offset == pytest.approx(0.3)
    assert clock.phase_16ths == 5


def test_a_phase_near_one_half_keeps_its_label_over_gaps():
    clock = TraceClock(Fraction(100))
    late = 4_900_000
    first = clock.anchor(T0 + late)
    for gap, jitter in enumerate([200_000, -200_000, 300_000, -100_000], start=1):
        assert clock.anchor(T0 + gap * 60 * NS_PER_S + late + jitter) == first + gap * 6000


def test_an_offset_beyond_three_quarters_is_folded_into_the_label():
    clock = TraceClock(Fraction(100))
    clock.anchor(T0 + 4 * MS)
    assert clock.anchor(T0 + 100 * NS_PER_S + 8 * MS) == 1_700_000_100 * 100 + 1
    assert clock.offset == pytest.approx(-0.2)
