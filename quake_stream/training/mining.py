"""
Search background for windows that the network takes for earthquakes, to show them more often.

The score of a window is any number that grows with the evidence; only the order counts.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.detection.features import FeatureTransform
from quake_stream.training.batches import HardWindow
from quake_stream.training.cuts import cut_at, features_of, has_noise_window, noise_starts
from quake_stream.training.examples import Example

FOUND_SHARE: Final = 0.02  # of the windows searched are taken: the worst
N_KEPT: Final = 2000
_CHUNK: Final = 256


def mine(
    examples: Sequence[Example],
    transform: FeatureTransform,
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    *,
    seed: tuple[int, ...],
    known: Sequence[HardWindow],
    n_searched: int,
) -> list[HardWindow]:
    """
    Score randomly chosen background windows and return the highest, before those already known.

    Parameters
    ----------
    examples
        Training examples; the result refers to them by index.
    transform
        Feature transform of the network.
    score
        Features [n, bins, 3] → evidence [n].
    seed
        Of the choice.
    known
        Windows of earlier searches; the newest `N_KEPT` of all are kept.
    n_searched
        How many windows to score; the worst `FOUND_SHARE` of them are taken.
    """
    rng = np.random.default_rng(seed)
    usable = [i for i, example in enumerate(examples) if has_noise_window(example)]
    seconds = np.array([examples[i].n_noise for i in usable], dtype=np.float64)
    chosen = rng.choice(usable, size=n_searched, p=seconds / seconds.sum())
    windows = [
        HardWindow(example=int(i), start=int(rng.integers(first, last + 1)))
        for i in chosen
        for first, last in (noise_starts(examples[i]),)
    ]
    evidence = np.concatenate(
        [
            score(
                features_of(
                    [cut_at(examples[w.example], w.start, rng) for w in windows[i : i + _CHUNK]], transform
                )
            )
            for i in range(0, n_searched, _CHUNK)
        ]
    )
    worst = np.argsort(-evidence, kind="stable")[: round(FOUND_SHARE * n_searched)]
    return [*(windows[int(i)] for i in worst), *known][:N_KEPT]
