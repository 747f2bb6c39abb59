"""How sure a number is: bootstrap by event for shares, Poisson for rates.  Pure, seeded."""

from collections.abc import Callable, Hashable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

LEVEL: Final = 0.95
N_RESAMPLES: Final = 1000

Interval = tuple[float, float]


def bootstrap(
    groups: Sequence[Hashable],
    statistic: Callable[[NDArray[np.float64]], float],
    *,
    seed: int = 0,
    n: int = N_RESAMPLES,
) -> Interval | None:
    """
    Percentile interval of a statistic when whole groups are drawn again (Efron & Tibshirani 1993).

    Parameters
    ----------
    groups
        Group of each observation: what comes from one earthquake is no independent evidence.
    statistic
        Weight of each observation [n_observations] (how often its group was drawn) → number; draws for
        which it is not finite are left out.
    seed
        Of the draws.
    n
        Number of draws.

    Returns
    -------
    Bounds at 95 %; None with fewer than two groups.
    """
    names = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    if len(names) < 2:
        return None
    member = np.array([names[group] for group in groups])
    rng = np.random.default_rng(seed)
    draws = (np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names)) for _ in range(n))
    values = [v for times in draws if np.isfinite(v := statistic(times[member].astype(np.float64)))]
    if not values:
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def bootstrap_share(hits: Sequence[bool], groups: Sequence[Hashable], *, seed: int = 0) -> Interval | None:
    """Interval of the share of hits, by group."""
    found = np.array(hits, dtype=np.float64)

    def share(weights: NDArray[np.float64]) -> float:
        return float((weights * found).sum() / weights.sum())

    return bootstrap(groups, share, seed=seed)


def poisson_rate(n: int, hours: float) -> Interval:
    """
    Exact interval of a rate per hour at 95 % (Garwood 1936), from a count.

    ``hours`` must be above 0.
    """
    tail = (1 - LEVEL) / 2
    low = 0.0 if n == 0 else float(chi2.ppf(tail, 2 * n)) / 2
    high = float(chi2.ppf(1 - tail, 2 * n + 2)) / 2
    return low / hours, high / hours
