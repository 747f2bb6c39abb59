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
from quake_stream.detection.features import FeatureTransform
from quake_stream.detection.spectra import log_spectrum
from quake_stream.training.examples import N_COMPONENTS, Example

N_WINDOW: Final = 512
N_STEP: Final = N_WINDOW // 2  # of the grid of background frames
N_MEMORY: Final = memory_samples(N_WINDOW)
N_CUT: Final = N_MEMORY + N_WINDOW
N_SHORTEST_MEMORY: Final = N_WINDOW + (MIN_FRAMES - 1) * N_STEP
_FIRST_END: Final = N_SHORTEST_MEMORY + N_WINDOW

# Ends of earthquake windows, in samples after an arrival.  A window that ends later than `_LATEST_END` after P
# holds neither P nor the rise that it made, unless S brings another.
_EARLIEST_END: Final = 60
_LATEST_MAIN_END: Final = 300
_LATEST_END: Final = 510
_LATEST_S_END: Final = 200
_LATE_SHARE: Final = 0.3
_S_SHARE: Final = 0.12

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


def without_beginning(samples: NDArray[np.float32], n_missing: int, phase: int) -> Cut:
    """Make a cut of which the first ``n_missing`` samples do not exist; ``samples`` are changed."""
    samples[:, :n_missing] = 0.0
    # A memory that mixing made shorter must still hold the frames that every background needs.
    phase = min(phase, N_MEMORY - N_SHORTEST_MEMORY - n_missing)
    return Cut(samples=samples, n_missing=n_missing, phase=phase)


def earthquake_ends(example: Example) -> list[tuple[int, int, float]]:
    """
    Ranges (first, last) of the ends of windows that show an earthquake, each with its share.

    Most end within 0.6-3 s after P, some until P is about to leave the window, a few within 0.6-2 s after S
    where that is known.  What lies between, the coda of P, teaches confusion.  Ranges without room for the
    background before them are left out.
    """
    p, s = example.p_index, example.s_index
    ranges = [
        (p + _EARLIEST_END, p + _LATEST_MAIN_END, 1 - _LATE_SHARE - _S_SHARE),
        (p + _LATEST_MAIN_END + 1, p + _LATEST_END, _LATE_SHARE),
    ]
    if s >= 0:
        ranges.append((s + _EARLIEST_END, s + _LATEST_S_END, _S_SHARE))
    fitting = [(max(first, _FIRST_END), min(last, example.n_samples), share) for first, last, share in ranges]
    return [(first, last, share) for first, last, share in fitting if first <= last]


def noise_starts(example: Example) -> tuple[int, int]:
    """Range (inclusive) of the starts of windows that show background only; empty where first > last."""
    first = max(example.noise[0], N_SHORTEST_MEMORY)
    last = min(example.noise[1], example.n_samples)
    if example.is_event:
        last = min(last, example.p_index - _NOISE_BEFORE_P)
    return first, last - N_WINDOW


def has_earthquake_window(example: Example) -> bool:
    """Whether any window of the earthquake has enough before it."""
    return example.is_event and bool(earthquake_ends(example))


def has_noise_window(example: Example) -> bool:
    """Whether any window of the background has enough before it."""
    first, last = noise_starts(example)
    return first <= last


def draw_earthquake(example: Example, rng: np.random.Generator) -> tuple[Cut, int]:
    """Cut a window that ends after P or S, most within 3 s of P; the cut and the index of its end."""
    ranges = earthquake_ends(example)
    shares = np.array([share for _, _, share in ranges])
    first, last, _ = ranges[int(rng.choice(len(ranges), p=shares / shares.sum()))]
    end = int(rng.integers(first, last + 1))
    return cut_at(example, end - N_WINDOW, rng), end


def draw_noise(example: Example, rng: np.random.Generator) -> Cut:
    """Cut a window of background."""
    first, last = noise_starts(example)
    return cut_at(example, int(rng.integers(first, last + 1)), rng)


def features_of(cuts: Sequence[Cut], transform: FeatureTransform) -> NDArray[np.float32]:
    """
    Turn cuts into float32 [batch, steps, channels] by the service's own transform and background.

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
