"""Windows whose spectra are known, and the Fourier transform as it is defined."""

import math

import numpy as np

SQUARE = np.array([1, 1, -1, -1, 1, 1, -1, -1], dtype=np.float32)  # its z-score is itself


def window(*components):
    """[1, n, components] from one list of samples per component."""
    return np.array(components, dtype=np.float32).T[np.newaxis]


def naive_amplitude(samples):
    """|DFT| written out as its definition, bins 0 … n/2."""
    n = len(samples)
    return np.array(
        [
            abs(sum(x * complex(math.cos(a), math.sin(a)) for x, a in zip(samples, angles, strict=True)))
            for angles in ([-2 * math.pi * k * i / n for i in range(n)] for k in range(n // 2 + 1))
        ]
    )
