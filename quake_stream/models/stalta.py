"""
Short-term over long-term average inside one window: the baseline, and a model without torch.

Not the recursive filter of the same name: every window is judged by itself.
"""

import hashlib
import json
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.types import ModelSpec

SAMPLE_RATE_HZ: Final = 100.0
N_SAMPLES: Final = 512
STA_S: Final = 0.5
SEARCH_S: Final = 2.0
"""Short averages end inside the last two seconds, which leaves 2.6 s or more for the long one."""

RATIO: Final = 5.0
"""Ratio of energies that scores one half; noise stays below 2, clear arrivals rise above 20."""

_LTA_FLOOR: Final = 1e-6  # of the window's variance: silence before a step is no reason to divide by 0


class StaLtaModel:
    """
    Classic STA/LTA (Allen 1978, Automatic earthquake recognition and timing from single traces) per window.

    On the first channel, which is the vertical unless the instrument has none: the largest ratio r of the
    energy in 0.5 s to that of all samples before it in the window becomes the probability
    r³ / (r³ + 5³), which is a logistic function of log r.
    """

    def __init__(self) -> None:
        parameters = (SAMPLE_RATE_HZ, N_SAMPLES, STA_S, SEARCH_S, RATIO, _LTA_FLOOR)
        self.spec: ModelSpec = ModelSpec(
            name="stalta",
            version="1",
            sha256=hashlib.sha256(json.dumps(["stalta/1", *parameters]).encode()).hexdigest(),
            sample_rate_hz=SAMPLE_RATE_HZ,
            n_samples=N_SAMPLES,
            component_sets=("ZNE", "Z12", "123", "ZXY", "Z", "1C"),
            highpass_hz=1.0,
            transform="zscore-waveform/1",
            classes=("noise", "earthquake"),
            trigger_classes=("earthquake",),
            on=0.5,
            off=0.2,
            min_windows=2,
            hop_s=0.5,
        )

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Score a batch.

        ``features`` is float32 [batch, 512, channels], z-scored samples; the result float32 [batch, 2]
        sums to 1.  ValueError for any other shape.
        """
        if features.ndim != 3 or features.shape[1] != N_SAMPLES or features.shape[2] < 1:
            raise ValueError(f"features have shape {features.shape}, not [batch, {N_SAMPLES}, channels]")
        cubed = _largest_ratio(features[:, :, 0]) ** 3
        probability = cubed / (cubed + RATIO**3)
        return np.stack([1 - probability, probability], axis=1).astype(np.float32)


def _largest_ratio(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """[batch, n] → [batch]: largest STA/LTA of averages that touch and end in the last two seconds."""
    energy = np.zeros((samples.shape[0], N_SAMPLES + 1))
    np.cumsum(np.square(samples, dtype=np.float64), axis=1, out=energy[:, 1:])
    n_sta = round(STA_S * SAMPLE_RATE_HZ)
    ends = np.arange(N_SAMPLES - round(SEARCH_S * SAMPLE_RATE_HZ), N_SAMPLES + 1)
    starts = ends - n_sta
    sta = (energy[:, ends] - energy[:, starts]) / n_sta
    lta = energy[:, starts] / starts
    ratio: NDArray[np.float64] = (sta / (lta + _LTA_FLOOR)).max(axis=1)
    return ratio
