"""
Waiting windows → batches of features.  Pure; a row has the same bits in any company.

A window that the code here fails on costs its instrument that window, and no other.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.detection.background import MAX_FRAMES, background_from_frames
from quake_stream.detection.batcher import WaitingWindow
from quake_stream.detection.features import get_transform
from quake_stream.detection.roster import Roster
from quake_stream.detection.spectra import n_spectrum_bins
from quake_stream.protocols import Attempt
from quake_stream.types import Batch, ModelSpec, Window

N_COMPONENTS = 3  # of every window: vertical and two horizontals; absent ones are zero


class BatchBuilder:
    """
    Read windows from their instruments and build what a model is given.

    Raises
    ------
    ValueError
        The model names an unknown feature transform.
    """

    def __init__(self, *, spec: ModelSpec, instruments: Roster, attempt: Attempt, counters: Counters) -> None:
        self._n_samples = spec.n_samples
        self._transform = get_transform(spec.transform)
        self._instruments = instruments
        self._attempt = attempt
        self._counters = counters

    def build(self, waiting: Sequence[WaitingWindow], now_ns: int) -> Batch | None:
        """Build a batch, created at ``now_ns``; None where no window can be used any more."""
        samples = np.zeros((len(waiting), self._n_samples, N_COMPONENTS), dtype=np.float32)
        kept: list[WaitingWindow] = []
        for candidate in waiting:
            window = candidate.window
            step = partial(self._read_into, samples[len(kept)], window)
            is_read = self._attempt(step, window.instrument_id)
            if is_read:
                kept.append(candidate)
            elif is_read is None:
                self._instruments[window.instrument_id].leave_out(window)
        if not kept:
            return None
        features = self._attempt(partial(self._features, kept, samples[: len(kept)]))
        if features is None:
            kept, features = self._one_by_one(kept, samples)
        windows = tuple(candidate.window for candidate in kept)
        return Batch(windows=windows, features=features, created_ns=now_ns) if kept else None

    def _read_into(self, samples: NDArray[np.float32], window: Window) -> bool:
        """Read a window into ``samples`` [n, components]; False where it cannot be had any more."""
        read = self._instruments[window.instrument_id].read(window)
        if read is None:
            return False
        samples[:, : len(window.components)] = read
        return True

    def _one_by_one(
        self, waiting: Sequence[WaitingWindow], samples: NDArray[np.float32]
    ) -> tuple[list[WaitingWindow], NDArray[np.float32]]:
        """Build the features of those windows of a batch of which that can be done; the others are left out."""
        self._counters.add("batches.split")
        kept, rows = [], []
        for n, candidate in enumerate(waiting):
            window = candidate.window
            step = partial(self._features, [candidate], samples[n : n + 1])
            row = self._attempt(step, window.instrument_id)
            if row is None:
                self._instruments[window.instrument_id].leave_out(window)
            else:
                kept.append(candidate)
                rows.append(row)
        return kept, np.concatenate(rows) if rows else samples[:0]

    def _features(
        self, waiting: Sequence[WaitingWindow], samples: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Build float32 [n_windows, steps, channels] from samples [n_windows, n, components]."""
        background = self._background(waiting) if self._transform.needs_background else None
        return self._transform(samples, background)

    def _background(self, waiting: Sequence[WaitingWindow]) -> NDArray[np.float32]:
        """Background of each window, float32 [n_windows, bins, components]; 0 for absent ones."""
        n_bins = n_spectrum_bins(self._n_samples)
        frames = np.zeros((len(waiting), MAX_FRAMES, n_bins, N_COMPONENTS), dtype=np.float32)
        valid = np.zeros((len(waiting), MAX_FRAMES), dtype=np.bool_)
        for row, window in enumerate(waiting):
            for slot, spectrum in enumerate(window.spectra):
                frames[row, slot, :, : spectrum.shape[1]] = spectrum
                valid[row, slot] = True
        return background_from_frames(frames, valid)
