"""
Raw recordings → what windows are cut from: the model's rate, high-passed, whole.

The filter is the service's; only its start differs.  A recording of a minute cannot give up five seconds
of warm-up, so the first sample is taken to have lasted for ever, and `SETTLE_S` is cut off after it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from quake_stream.training.examples import RATE_HZ
from quake_stream.windowing.clock import rational_rate
from quake_stream.windowing.highpass import HighPass
from quake_stream.windowing.resampler import Resampler

HIGHPASS_HZ: Final = 1.0
SETTLE_S: Final = 1.5
"""After this long a step has decayed to 0.2 % in a second-order Butterworth high-pass at 1 Hz."""

N_SETTLE: Final = round(SETTLE_S * RATE_HZ)

_CHUNK: Final = 50_000  # outputs resampled at once: bounds memory


def highpass(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """
    High-pass causally along the last axis; `N_SETTLE` samples are lost at the start.

    Parameters
    ----------
    samples
        [..., n] at 100 Hz, demeaned or not.

    Returns
    -------
    float32 [..., max(0, n - N_SETTLE)], same unit.
    """
    service = HighPass(HIGHPASS_HZ, RATE_HZ)
    lead = np.repeat(samples[..., :1], service.n_taps - 1, axis=-1)
    return service.apply(np.concatenate([lead, samples], axis=-1))[..., N_SETTLE:]


def band_limit(samples: NDArray[np.float32], native_rate_hz: float) -> NDArray[np.float32]:
    """Silence what lies above 0.45 of the rate of the recording: there is nothing but rounding there."""
    corner_hz = 0.45 * native_rate_hz
    if corner_hz > 0.44 * RATE_HZ:
        return samples
    sections = lowpass_sections(corner_hz)
    return np.asarray(signal.sosfilt(sections, samples, axis=-1), dtype=np.float32)


def lowpass_sections(corner_hz: float) -> NDArray[np.float64]:
    """Steep low-pass as second-order sections: 60 dB down from 1.15 times the corner on."""
    stop_hz = min(1.15 * corner_hz, 0.49 * RATE_HZ)
    sections: NDArray[np.float64] = signal.cheby2(10, 60, stop_hz, "lowpass", fs=RATE_HZ, output="sos")
    return sections


def at_model_rate(samples: NDArray[np.floating], rate_hz: float) -> tuple[NDArray[np.float32], int]:
    """
    Resample one trace [n] to 100 Hz as the service does.

    Returns
    -------
    float32 [m], and the index at 100 Hz of its first sample, counted from the first input: the filter's
    half length is lost at either end.
    """
    values = np.asarray(samples, dtype=np.float32)
    if is_same_rate(rate_hz, RATE_HZ):
        return values, 0
    resampler = Resampler(rational_rate(rate_hz), rational_rate(RATE_HZ))
    start, stop = resampler.outputs_for(0, len(values), 0)
    start = max(0, start)
    parts = [
        resampler.evaluate(values, 0, (at, min(at + _CHUNK, stop)), 0) for at in range(start, stop, _CHUNK)
    ]
    return np.concatenate([np.empty(0, np.float32), *parts]), start


def is_same_rate(rate_hz: float, other_hz: float) -> bool:
    """Whether two declared rates mean the same: digitizers differ from their nominal rate by less."""
    return abs(rate_hz / other_hz - 1) < 1e-4
