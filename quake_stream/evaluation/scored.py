"""
Windows with the scores of a model, as arrays: what the service's trigger is run on again and again.

Holds values only; `quake_stream.evaluation.scoring` makes them, `quake_stream.evaluation.cache` keeps them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quake_stream.source_id import InstrumentId
from quake_stream.types import ModelSpec, Window


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredWindows:
    """
    The windows of one instrument in their order, with class probabilities float32 [n, classes].

    ``end_ns`` is int64 [n].
    """

    instrument_id: InstrumentId
    windows: Sequence[Window]
    end_ns: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.windows)

    def triggering(self, spec: ModelSpec) -> NDArray[np.float64]:
        """Sum of the probabilities of the classes that trigger, [n]."""
        columns = [spec.classes.index(name) for name in spec.trigger_classes]
        total: NDArray[np.float64] = self.probabilities[:, columns].sum(axis=1, dtype=np.float64)
        return total


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreCurve:
    """The probability that triggers, float32 [n], by the ends of the windows of one instrument, int64 [n]."""

    instrument_id: InstrumentId
    end_ns: NDArray[np.int64]
    probability: NDArray[np.float32]
