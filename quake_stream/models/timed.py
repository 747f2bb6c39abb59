"""Measure how long a model takes; it adds nothing to the scores and takes nothing from them."""

import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.histogram import Histogram
from quake_stream.protocols import Model
from quake_stream.types import ModelSpec

# From one window on a fast machine to a full batch on a slow one.
BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class TimedModel:
    """
    A `Model` that runs another and measures it.

    ``seconds`` has one value for each call that returned scores, so its number counts the batches.
    """

    def __init__(self, model: Model) -> None:
        self.seconds = Histogram(BOUNDS_S)
        self._model = model

    @property
    def spec(self) -> ModelSpec:
        """What the model needs and says."""
        return self._model.spec

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score a batch [batch, bins, channels] → [batch, classes]; raises what the model raises."""
        started_s = time.perf_counter()
        scores = self._model.predict(features)
        self.seconds.observe(time.perf_counter() - started_s)
        return scores
