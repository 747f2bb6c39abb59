"""
Score what can be scored of a batch, so that a window that makes the model fail costs no other its score.

Knows no clock, log or station.  What is wrong with the model itself, and not with its input, is raised.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quake_stream.errors import InferenceError
from quake_stream.protocols import Model

# What numerical libraries raise because of their input; torch raises RuntimeError for nearly everything.
_FAILURES = (ArithmeticError, LookupError, RuntimeError, ValueError)
# Enough for any 100 rows; what is still open then goes unscored, so that the watchdog need not bark.
_MAX_FAILURES = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Salvaged:
    """
    What came of a batch.

    ``scores`` [batch, classes] has a NaN in each of the rows ``failed``; ``error`` says what was wrong, empty
    where nothing was.  A batch may have failed as a whole although none of its rows does.
    """

    scores: NDArray[np.float32]
    failed: tuple[int, ...]
    error: str


def salvage(model: Model, features: NDArray[np.float32]) -> Salvaged:
    """
    Score a batch; where the model raises, score its halves, down to the rows that are to blame.

    A row has the same bits in any company, so the others lose nothing by that.

    Parameters
    ----------
    model
        Scores features.
    features
        float32 [batch, bins, channels], at least one row.

    Raises
    ------
    InferenceError
        No row has finite scores, and neither have features that are all zero: the fault is not in the data.
    """
    errors: list[str] = []
    scores = _score(model, features, errors)
    is_good = np.isfinite(scores).all(axis=1)
    if is_good.all():
        return Salvaged(scores=scores, failed=(), error=errors[0] if errors else "")
    if not is_good.any():
        _check(model, features.shape[1:])
    failed = tuple(np.flatnonzero(~is_good).tolist())
    return Salvaged(scores=scores, failed=failed, error=errors[-1] if errors else "scores are not finite")


def _score(model: Model, rows: NDArray[np.float32], errors: list[str]) -> NDArray[np.float32]:
    if len(errors) < _MAX_FAILURES:
        try:
            return model.predict(rows)
        except _FAILURES as exc:
            errors.append(_words(exc))
    if len(rows) == 1 or len(errors) >= _MAX_FAILURES:
        return np.full((len(rows), len(model.spec.classes)), np.nan, np.float32)
    half = len(rows) // 2
    return np.concatenate([_score(model, part, errors) for part in (rows[:half], rows[half:])])


def _check(model: Model, row_shape: tuple[int, ...]) -> None:
    """Score silence, which any model that works can."""
    try:
        scores = model.predict(np.zeros((1, *row_shape), np.float32))
    except _FAILURES as exc:
        raise InferenceError(f"the model {model.spec.name} fails on any input: {_words(exc)}") from exc
    if not np.isfinite(scores).all():
        raise InferenceError(f"the model {model.spec.name} gives no finite scores on any input")


def _words(exc: Exception) -> str:
    """Type and first line of an error: what CUDA raises goes on for pages."""
    first = str(exc).partition("\n")[0][:300]
    return f"{type(exc).__name__}: {first}" if first else type(exc).__name__
