from dataclasses import replace

import numpy as np
import pytest

from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Packet
from quake_stream.windowing.admission import MAX_TIME_NS, MIN_TIME_NS, refusal

T0 = 1_700_000_000 * NS_PER_S
GOOD = Packet(
    source_id=SourceId.from_nslc("XX.A..HHZ"),
    start_ns=T0,
    sample_rate_hz=100.0,
    samples=np.arange(100, dtype=np.int32),
    received_ns=T0 + NS_PER_S,
)


def _refusal(**changes):
    return refusal(replace(GOOD, **changes), max_future_ns=60 * NS_PER_S)


def test_an_ordinary_packet_is_admitted():
    assert _refusal() is None
    assert _refusal(samples=np.array([1.5, -1e30])) is None


@pytest.mark.parametrize("rate", [0.0, -100.0, 1.0, 19.9, 500.1, 1e9, float("nan"), float("inf")])
def test_a_rate_outside_20_to_500_is_refused(rate):
    assert _refusal(sample_rate_hz=rate) == "sample_rate"


@pytest.mark.parametrize("rate", [20.0, 31.25, 500.0])
def test_the_limits_of_the_rate_are_admitted(rate):
    assert _refusal(sample_rate_hz=rate) is None


@pytest.mark.fault(16)
def test_a_packet_from_the_future_is_refused():
    received = GOOD.received_ns
    assert _refusal(start_ns=received + 60 * NS_PER_S) is None
    assert _refusal(start_ns=received + 60 * NS_PER_S + 1) == "future"


@pytest.mark.fault(17)
def test_a_clock_that_was_set_back_does_not_make_the_future_of_data_that_go_on():
    two_hours_ago = replace(GOOD, received_ns=GOOD.received_ns - 7200 * NS_PER_S)
    limit_ns = 60 * NS_PER_S
    assert refusal(two_hours_ago, limit_ns, None) == "future"
    assert refusal(two_hours_ago, limit_ns, GOOD.start_ns) is None
    assert refusal(two_hours_ago, limit_ns, GOOD.start_ns - limit_ns) is None
    assert refusal(two_hours_ago, limit_ns, GOOD.start_ns - limit_ns - 1) == "future"


@pytest.mark.fault(16)
@pytest.mark.parametrize("start_ns", [0, -1, MIN_TIME_NS - 1, MAX_TIME_NS, 2**63 - 1])
def test_an_absurd_time_is_refused(start_ns):
    assert _refusal(start_ns=start_ns, received_ns=2**63) == "absurd_time"


@pytest.mark.fault(9)
@pytest.mark.fault(10)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_that_are_not_finite_are_refused(value, dtype):
    samples = np.zeros(100, dtype)
    samples[50] = value
    assert _refusal(samples=samples) == "not_finite"
