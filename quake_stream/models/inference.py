"""Serve a network: batches of features → probabilities, the same bits for a row in any batch."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from quake_stream.detection.features import get_transform
from quake_stream.errors import InferenceError
from quake_stream.models.checkpoint import LoadedModel
from quake_stream.types import ModelSpec

_ROWS = 8
"""
Batches are padded to a multiple of this.

Matrix kernels for one row round differently from those for many: measured with oneDNN on AVX2, rows of
batches of 1 differ in the last bit from those of any even number, for 1 to 8 threads.  Eight leaves room
for wider vectors.
"""


class TorchModel:
    """
    A loaded network as the worker's `quake_stream.protocols.Model`.

    ``threads`` and the choice of attention kernel hold for all of torch in this process.  ``batch_windows``
    (at least 8) bounds the rows that are computed at once.  Used by one thread.

    Raises
    ------
    InferenceError
        ``device`` is "cuda" and there is none: its driver may still be loading, so a restart is worth it.
    """

    def __init__(
        self, loaded: LoadedModel, *, device: Literal["cpu", "cuda"], threads: int, batch_windows: int
    ) -> None:
        if batch_windows < _ROWS:
            raise ValueError(f"batch_windows must be at least {_ROWS}, not {batch_windows}")
        if device == "cuda" and not torch.cuda.is_available():
            raise InferenceError('device "cuda": torch finds no usable GPU here')
        torch.set_num_threads(threads)
        # In evaluation mode torch takes another attention kernel than in training; on CPU that slows the whole
        # network down (325 against 500 windows a second at batches of 64 on one AVX2 core).
        torch.backends.mha.set_fastpath_enabled(False)
        self.spec: ModelSpec = loaded.spec
        self._network = loaded.network.to(device)
        self._device = device
        self._temperature = loaded.card.temperature
        self._max_rows = batch_windows - batch_windows % _ROWS
        # GPU libraries choose kernels by batch size, so there every batch has the same one.
        self._row_multiple = _ROWS if device == "cpu" else self._max_rows
        n_steps = get_transform(self.spec.transform).n_steps(self.spec.n_samples)
        self._row_shape = (n_steps, loaded.card.network.channels)

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Score a batch.

        Parameters
        ----------
        features
            float32 [batch, bins, channels], any batch size.

        Returns
        -------
        float32 [batch, classes], each row softmax(logits / temperature).

        Raises
        ------
        ValueError
            Bins or channels are not the network's.
        """
        if features.ndim != 3 or features.shape[1:] != self._row_shape:
            raise ValueError(f"features have shape {features.shape}, not (batch, *{self._row_shape})")
        scores = np.empty((len(features), len(self.spec.classes)), dtype=np.float32)
        for start in range(0, len(features), self._max_rows):
            rows = features[start : start + self._max_rows]
            scores[start : start + len(rows)] = self._score(rows)[: len(rows)]
        return scores

    def warm_up(self) -> None:
        """Run the smallest and the largest batch, so that the first real one does not wait for kernels."""
        for n_rows in (1, self._max_rows):
            self.predict(np.zeros((n_rows, *self._row_shape), dtype=np.float32))

    def _score(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        n_padded = -(-len(rows) // self._row_multiple) * self._row_multiple
        padded = np.empty((n_padded, *self._row_shape), dtype=np.float32)
        padded[: len(rows)] = rows
        padded[len(rows) :] = rows[-1]
        with torch.inference_mode():
            logits = self._network(torch.from_numpy(padded).to(self._device))
            # float64: a probability of 1 - 1e-9 would otherwise depend on the order of the sum.
            scores = torch.softmax(logits.double() / self._temperature, dim=-1).float()
        result: NDArray[np.float32] = scores.cpu().numpy()
        return result
