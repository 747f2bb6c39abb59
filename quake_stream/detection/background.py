"""
Background spectrum of an instrument: what its spectrum was just before a window.  Pure.

Log spectra of frames on a fixed grid (one window long, half a window apart) are averaged over the 2.5
window lengths that precede a window.  So a background depends on those samples alone, whatever came
before: a replay or a restart gives the same bits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quake_stream.detection.spectra import log_spectrum

MIN_FRAMES = 2  # one frame alone would let a single knock pass for the background
MAX_FRAMES = 4  # as many as ever fit into the memory


def memory_samples(n_samples: int) -> int:
    """Length of the span that a background looks back: 1280 samples, or 12.8 s, for windows of 512."""
    return 5 * n_samples // 2


def frame_starts(window_start: int, n_samples: int) -> range:
    """
    Start indices of the frames that make the background of a window.

    Frames start at multiples of half their length ``n_samples``, lie within the memory and end at or
    before the window's start: three, or four where the window starts on the grid itself.
    """
    step = n_samples // 2
    oldest = window_start - memory_samples(n_samples)
    return range(-(-oldest // step) * step, window_start - n_samples + 1, step)


def background_from_frames(frames: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """
    Average log spectra over the frames that are there.

    Parameters
    ----------
    frames
        Log spectra, float32 [..., frames, bins, channels]; what stands where ``valid`` is false is ignored.
    valid
        Which frames are there, [..., frames].

    Returns
    -------
    float32 [..., bins, channels], log amplitude.

    Raises
    ------
    ValueError
        A background would rest on fewer than `MIN_FRAMES` frames.
    """
    n_valid = valid.sum(axis=-1)
    if np.any(n_valid < MIN_FRAMES):
        raise ValueError(f"a background needs {MIN_FRAMES} frames, not {n_valid.min()}")
    total = frames.sum(axis=-3, where=valid[..., None, None], dtype=np.float32)
    mean: NDArray[np.float32] = total / n_valid[..., None, None].astype(np.float32)
    return mean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """
    Log spectrum of a frame, float32 [bins, components], and which components are flat lines there.

    The spectrum of a flat line is no background: against it, a sensor that comes back looks like a quake.
    """

    spectrum: NDArray[np.float32]
    is_flat: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameSamples:
    """Samples [n_samples, components] of a frame, and which components are flat lines there."""

    samples: NDArray[np.float32]
    is_flat: NDArray[np.bool_]


class FrameCache:
    """
    Log spectra of one instrument's recent frames, each computed once.

    Memory is bounded: frames older than the memory of the latest window are forgotten.
    """

    def __init__(self, *, n_samples: int) -> None:
        self._n_samples = n_samples
        self._frames: dict[tuple[int, tuple[str, ...]], Frame] = {}

    def before(
        self, window_start: int, components: tuple[str, ...], read: Callable[[int], FrameSamples | None]
    ) -> tuple[Frame, ...]:
        """
        Return the frames before a window, oldest first.

        ``read`` gives the samples of the frame that starts at an index, or None where these are not
        complete; such a frame is left out now and asked for again at the next window, as late data may
        fill it.  Windows must come in order of their start.
        """
        self._forget(window_start - memory_samples(self._n_samples))
        found = []
        for start in frame_starts(window_start, self._n_samples):
            frame = self._frames.get((start, components))
            if frame is None:
                read_now = read(start)
                if read_now is None:
                    continue
                frame = Frame(spectrum=log_spectrum(read_now.samples), is_flat=read_now.is_flat)
                self._frames[start, components] = frame
            found.append(frame)
        return tuple(found)

    def clear(self) -> None:
        """Forget all frames."""
        self._frames.clear()

    def _forget(self, oldest_start: int) -> None:
        old = [key for key in self._frames if key[0] < oldest_start]
        for key in old:
            del self._frames[key]
