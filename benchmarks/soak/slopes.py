# ruff: noqa: INP001  part of a script, no package
"""
Say of repeated samples whether they grow without end.  Pure.

A slope is a median of slopes (Theil 1950, Sen 1968), so single samples that are far off do not move it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import stats

DAY_S = 86_400.0
_MAX_SAMPLES = 2000  # the slopes between all pairs are looked at: thinned to two million


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """
    What a quantity may grow.

    ``per_day`` is the bound of the slope, by day of data.  A short run cannot tell a slope from noise, so
    one counts only where it made at least ``least_growth`` over the run.
    """

    unit: str
    per_day: float
    least_growth: float


# 1 MB a day would take a machine of 4 GB some ten years; a descriptor or thread a day would be a leak.
LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "memory_mb": Limit(unit="MB", per_day=1.0, least_growth=8.0),
        "descriptors": Limit(unit="", per_day=0.2, least_growth=3.0),
        "threads": Limit(unit="", per_day=0.2, least_growth=1.0),
        "latency_ms": Limit(unit="ms", per_day=2.0, least_growth=100.0),
        "queue_packets": Limit(unit="", per_day=5.0, least_growth=100.0),
        "metrics_kb": Limit(unit="kB", per_day=1.0, least_growth=10.0),
        "state_mb": Limit(unit="MB", per_day=1.0, least_growth=2.0),
    }
)


# These tell of a machine that is too slow as well, so there they are not judged.
OF_LOAD = frozenset({"latency_ms", "queue_packets"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """
    How one quantity went after the warm-up.

    ``first`` and ``last`` are medians of the first and last fifth; ``low`` to ``high`` holds the slope
    ``per_day`` with 95 % confidence; ``growth`` is the slope times the length of the run.
    """

    name: str
    unit: str
    n_samples: int
    first: float
    last: float
    most: float
    per_day: float
    low: float
    high: float
    growth: float
    bound_per_day: float
    is_leak: bool


def slopes(samples: Sequence[Mapping[str, float]], *, warm_up: float) -> list[Slope]:
    """
    Fit a line to each quantity in `LIMITS` over the days of data, ``data_s``.

    Parameters
    ----------
    samples
        In order of time, each with ``data_s`` and the quantities that could be measured then.
    warm_up
        Share of the run that is left out at its beginning (0 to 1): caches fill, buffers find their size.
    """
    if not samples:
        return []
    begin_s = samples[0]["data_s"] + warm_up * (samples[-1]["data_s"] - samples[0]["data_s"])
    late = [sample for sample in samples if sample["data_s"] >= begin_s]
    found = [_slope(name, late) for name in LIMITS]
    return [slope for slope in found if slope is not None]


def _slope(name: str, samples: Sequence[Mapping[str, float]]) -> Slope | None:
    """Fit one quantity; None where there are too few samples or no time passed."""
    pairs = np.array([(sample["data_s"] / DAY_S, sample[name]) for sample in samples if name in sample])
    if len(pairs) < 5 or pairs[-1, 0] <= pairs[0, 0]:
        return None
    days, values = pairs.T
    per_day, low, high = _fit(days, values)
    growth = per_day * float(days[-1] - days[0])
    fifth = max(1, len(values) // 5)
    limit = LIMITS[name]
    return Slope(
        name=name,
        unit=limit.unit,
        n_samples=len(values),
        first=float(np.median(values[:fifth])),
        last=float(np.median(values[-fifth:])),
        most=float(values.max()),
        per_day=per_day,
        low=low,
        high=high,
        growth=growth,
        bound_per_day=limit.per_day,
        is_leak=low > limit.per_day and growth > limit.least_growth,
    )


def _fit(days: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Slope with the limits of its confidence."""
    if not np.ptp(values):
        return 0.0, 0.0, 0.0
    step = -(-len(values) // _MAX_SAMPLES)
    with np.errstate(invalid="ignore"):
        fit = stats.theilslopes(values[::step], days[::step], alpha=0.95)
    slope = float(fit.slope)
    # Whole numbers that hardly change give no confidence; then the slope itself has to do.
    limits = (float(fit.low_slope), float(fit.high_slope))
    return (slope, *limits) if np.isfinite(limits).all() else (slope, slope, slope)
