"""
Choose windows in recordings, and turn windows with what precedes them into features.

A `Cut` carries the window and the memory of its background.  Where a recording is too short for the whole
memory the rest is marked missing, exactly as after a gap in a stream: nothing is padded into a background.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.detection.background import (
    MAX_FRAMES,
    MIN_FRAMES,
    background_from_frames,
    frame_starts,
    memory_samples,
)
from quake_stream.detection.features import FeatureTransform, log_spectrum
from quake_stream.training.examples import N_COMPONENTS, Example

N_WINDOW: Final = 512
N_STEP: Final = N_WINDOW // 2  # of the grid of background frames
N_MEMORY: Final = memory_samples(N_WINDOW)
N_CUT: Final = N_MEMORY + N_WINDOW
N_SHORTEST_MEMORY: Final = N_WINDOW + (MIN_FRAMES - 1) * N_STEP

# Ends of earthquake windows after P, in samples.
_EARLIEST_END: Final = 60
_LATEST_MAIN_END: Final = 300
_LATEST_END: Final = 400
_AFTER_S: Final = 200
_MAIN_SHARE: Final = 0.75

_NOISE_BEFORE_P: Final = 50  # nothing within this of a P time that may be a little late


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cut:
    """
    A window and what precedes it.

    ``samples`` is float32 [3, N_CUT], of which the first ``n_missing`` do not exist (they are 0);
    ``phase`` is the window's distance in samples from the grid of background frames.
    """

    samples: NDArray[np.float32]
    n_missing: int
    phase: int


def cut_at(example: Example, start: int, rng: np.random.Generator) -> Cut:
    """Cut the window that starts at an index, which must leave `N_SHORTEST_MEMORY` before it."""
    if start < N_SHORTEST_MEMORY or start + N_WINDOW > example.n_samples:
        raise ValueError(f"a window at {start} does not fit into {example.n_samples} samples")
    first = max(0, start - N_MEMORY)
    samples = np.zeros((N_COMPONENTS, N_CUT), dtype=np.float32)
    n = start + N_WINDOW - first
    samples[:, N_CUT - n :] = example.samples[:, first : start + N_WINDOW]
    phase = int(rng.integers(min(N_STEP, start - N_SHORTEST_MEMORY + 1)))
    return Cut(samples=samples, n_missing=N_CUT - n, phase=phase)


def earthquake_ends(example: Example) -> tuple[int, int, int]:
    """
    Range of the ends of windows that show an earthquake: earliest, latest common, latest of all.

    From 0.6 s after P: mostly within 3 s, some within 4 s, or into the S wave where its time is known.
    Nothing fits where earliest > latest of all.
    """
    p, s = example.p_index, example.s_index
    earliest = max(p + _EARLIEST_END, N_SHORTEST_MEMORY + N_WINDOW)
    latest = min(example.n_samples, max(p + _LATEST_END, s + _AFTER_S if s >= 0 else 0))
    return earliest, min(p + _LATEST_MAIN_END, latest), latest


def noise_starts(example: Example) -> tuple[int, int]:
    """Range (inclusive) of the starts of windows that show background only; empty where first > last."""
    first = max(example.noise[0], N_SHORTEST_MEMORY)
    last = min(example.noise[1], example.n_samples)
    if example.is_event:
        last = min(last, example.p_index - _NOISE_BEFORE_P)
    return first, last - N_WINDOW


def has_earthquake_window(example: Example) -> bool:
    """Whether any window of the earthquake has enough before it."""
    earliest, _, latest = earthquake_ends(example)
    return example.is_event and earliest <= latest


def has_noise_window(example: Example) -> bool:
    """Whether any window of the background has enough before it."""
    first, last = noise_starts(example)
    return first <= last


def draw_earthquake(example: Example, rng: np.random.Generator) -> tuple[Cut, int]:
    """Cut a window that ends after P, most within 3 s; the cut and the index of its end."""
    earliest, common, latest = earthquake_ends(example)
    last = common if rng.random() < _MAIN_SHARE and common >= earliest else latest
    end = int(rng.integers(earliest, last + 1))
    return cut_at(example, end - N_WINDOW, rng), end


def draw_noise(example: Example, rng: np.random.Generator) -> Cut:
    """Cut a window of background."""
    first, last = noise_starts(example)
    return cut_at(example, int(rng.integers(first, last + 1)), rng)


def features_of(cuts: Sequence[Cut], transform: FeatureTransform) -> NDArray[np.float32]:
    """
    Turn cuts into float32 [batch, bins, channels] by the service's own transform and background.

    Parameters
    ----------
    cuts
        At least one.
    transform
        Named feature transform.
    """
    samples = np.stack([cut.samples for cut in cuts]).transpose(0, 2, 1)
    windows = np.ascontiguousarray(samples[:, N_MEMORY:])
    if not transform.needs_background:
        return transform(windows)
    starts = np.zeros((len(cuts), MAX_FRAMES), dtype=np.intp)
    valid = np.zeros((len(cuts), MAX_FRAMES), dtype=np.bool_)
    for row, cut in enumerate(cuts):
        window_start = cut.phase + 2 * N_MEMORY  # 2 N_MEMORY lies on the grid
        for column, frame in enumerate(frame_starts(window_start, N_WINDOW)):
            starts[row, column] = frame - window_start + N_MEMORY
            valid[row, column] = starts[row, column] >= cut.n_missing
    index = starts[..., None] + np.arange(N_WINDOW)
    frames = samples[np.arange(len(cuts))[:, None, None], index]
    return transform(windows, background_from_frames(log_spectrum(frames), valid))
