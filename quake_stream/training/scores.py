"""
Say how well scores tell earthquakes from background.  NumPy and SciPy only.

Label 1 is earthquake, 0 is background.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import rankdata


def roc_auc(scores: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Area under the ROC curve: chance that an earthquake scores above background, ties counting half."""
    positive = labels == 1
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        raise ValueError("the area under the curve needs both earthquakes and background")
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def recall_at(scores: NDArray[np.floating], labels: NDArray[np.integer], false_positive_rate: float) -> float:
    """Share of earthquakes above the threshold that at most this share of background exceeds."""
    background = np.sort(scores[labels == 0])[::-1]
    allowed = int(false_positive_rate * len(background))
    threshold = background[allowed] if allowed < len(background) else -np.inf
    return float((scores[labels == 1] > threshold).mean())


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logarithm of the class probabilities, [..., classes]."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def evidence(logits: NDArray[np.floating], columns: Sequence[int]) -> NDArray[np.float64]:
    """
    Log odds [n] that a window belongs to one of the classes in ``columns``, from logits [n, classes].

    It grows with the sum of their probabilities, and tells windows apart where that sum rounds to 1.
    """
    values = np.asarray(logits, dtype=np.float64)
    others = [column for column in range(values.shape[-1]) if column not in columns]
    odds = logsumexp(values[:, list(columns)], axis=-1) - logsumexp(values[:, others], axis=-1)
    return np.asarray(odds, dtype=np.float64)


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """
    Find the temperature that makes probabilities honest (Guo et al. 2017, "On calibration of modern
    neural networks"): the one of least negative log likelihood, all classes weighing alike.

    Parameters
    ----------
    logits
        [n, classes].
    labels
        [n], indices of classes.
    """  # noqa: D205  the citation runs on
    counts = np.bincount(labels, minlength=logits.shape[-1])
    weights = 1.0 / counts[labels]

    def loss(log_temperature: float) -> float:
        log_p = log_softmax(logits / np.exp(log_temperature))
        return float(-(weights * log_p[np.arange(len(labels)), labels]).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded").x))
