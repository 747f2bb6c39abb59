"""
ROC, recall at a false-positive rate, and calibration, for windows that may count several times.  Pure.

Label 1 is earthquake, 0 is background; weights let a bootstrap draw events again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

N_BINS: Final = 10
N_CURVE: Final = 400

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranked:
    """
    Scores in order, ready for many weightings.

    ``place`` [n] is the rank of each window among the ``scores`` that differ, which rise.
    """

    scores: Values
    place: NDArray[np.intp]
    is_earthquake: NDArray[np.bool_]

    @classmethod
    def of(cls, scores: Values, labels: NDArray[np.integer]) -> "Ranked":
        """Rank scores [n] with labels [n]."""
        unique, place = np.unique(scores, return_inverse=True)
        return cls(scores=unique, place=place, is_earthquake=labels == 1)

    def auc(self, weights: Values | None = None) -> float:
        """Area under the ROC curve, ties counting half; NaN where a class is missing."""
        positive, negative = self._counts(weights)
        below = np.cumsum(negative) - negative / 2
        pairs = positive.sum() * negative.sum()
        return float((positive * below).sum() / pairs) if pairs else float("nan")

    def recall_at(self, false_positive_rate: float, weights: Values | None = None) -> float:
        """Share of earthquakes above the lowest score that at most this share of background exceeds."""
        positive, negative = self._counts(weights)
        if not positive.sum() or not negative.sum():
            return float("nan")
        above = negative.sum() - np.cumsum(negative)
        allowed = int(np.argmax(above <= false_positive_rate * negative.sum() + 1e-9))
        return float(positive[allowed + 1 :].sum() / positive.sum())

    def curve(self) -> dict[str, list[float]]:
        """Points of the ROC curve from the highest threshold down, thinned where there are many."""
        positive, negative = self._counts(None)
        recall = np.cumsum(positive[::-1]) / max(positive.sum(), 1)
        false = np.cumsum(negative[::-1]) / max(negative.sum(), 1)
        kept = np.unique(np.geomspace(1, len(recall), N_CURVE).astype(int)) - 1
        return {
            "threshold": self.scores[::-1][kept].tolist(),
            "false_positive_rate": false[kept].tolist(),
            "recall": recall[kept].tolist(),
        }

    def _counts(self, weights: Values | None) -> tuple[Values, Values]:
        each = np.ones(len(self.place)) if weights is None else weights
        n = len(self.scores)
        positive = np.bincount(self.place, weights=each * self.is_earthquake, minlength=n)
        negative = np.bincount(self.place, weights=each * ~self.is_earthquake, minlength=n)
        return positive.astype(np.float64), negative.astype(np.float64)


def calibration(probabilities: Values, labels: NDArray[np.integer]) -> dict[str, Any]:
    """
    Hold probabilities against what was the case, both classes weighing alike.

    Returns
    -------
    ``bins`` with mean probability, share of earthquakes and share of the weight; ``ece``, the expected
    calibration error (Guo et al. 2017, "On calibration of modern neural networks"); ``brier``, the mean
    squared error (Brier 1950).
    """
    positive = labels == 1
    weights = np.where(positive, 0.5 / max(positive.sum(), 1), 0.5 / max((~positive).sum(), 1))
    weights /= weights.sum()
    place = np.minimum((probabilities * N_BINS).astype(int), N_BINS - 1)
    bins, ece = [], 0.0
    for number in range(N_BINS):
        inside = place == number
        weight = float(weights[inside].sum())
        if not weight:
            continue
        said = float((weights * probabilities)[inside].sum() / weight)
        true = float((weights * positive)[inside].sum() / weight)
        bins.append({"probability": said, "share_earthquake": true, "weight": weight})
        ece += weight * abs(said - true)
    return {"bins": bins, "ece": ece, "brier": float((weights * (probabilities - positive) ** 2).sum())}


def label_bins(values: Sequence[float | None], edges: Sequence[float], unit: str) -> list[str]:
    """Name the interval of each value: ``< 8 dB``, ``8-15 dB``, ``>= 25 dB``, or ``unknown``."""
    names = [f"< {edges[0]:g} {unit}"]
    names += [f"{low:g}-{high:g} {unit}" for low, high in pairwise(edges)]
    names.append(f">= {edges[-1]:g} {unit}")
    return [
        "unknown" if value is None else names[int(np.searchsorted(edges, value, side="right"))].strip()
        for value in values
    ]
