"""
Draw batches of features: batch k of a seed is the same whoever computes it, in any order.

So training resumes after a kill with the batches that it would have had, on any number of processes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.detection.features import FeatureTransform
from quake_stream.training.augment import augment_earthquake, augment_noise
from quake_stream.training.coda import late_coda, lay_on_coda
from quake_stream.training.cuts import (
    N_CUT,
    N_SHORTEST_MEMORY,
    N_WINDOW,
    Cut,
    cut_at,
    draw_earthquake,
    draw_noise,
    features_of,
    has_earthquake_window,
    has_noise_window,
    noise_starts,
)
from quake_stream.training.examples import EARTHQUAKE, Example, event_weights, noise_weights
from quake_stream.training.stretching import stretch

BACKGROUND: Final = "noise"
CLASSES: Final = (BACKGROUND, EARTHQUAKE)
"""Classes unless others are asked for; background is the first of any."""

NOISE: Final = 0  # its index

HARD_SHARE: Final = 0.5
"""Share of the noise rows that are drawn around windows that fooled an earlier state of the network."""

LATE_CODA_SHARE: Final = 0.3
"""Share of the background rows that are late coda, for each event that begins in coda."""

_JITTER: Final = 50  # samples by which a hard window is moved
_CODA_DRAWS: Final = 3  # earlier earthquakes that are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class HardWindow:
    """A background window that scored high: index of its example, and its start in samples."""

    example: int
    start: int


Batch = tuple[NDArray[np.float32], NDArray[np.int64]]


class BatchMaker:
    """
    Compute batches from a fixed set of examples.

    Parameters
    ----------
    examples
        Of one split; those without a usable window are left aside.
    transform
        Feature transform of the model.
    batch_size
        Rows a batch, half of them events.
    seed
        Batches depend on it and on their number only.
    classes
        Background, then labels of events; these share their half of a batch.  Other events are not shown.
    hard
        Background windows to show more often.
    stretched_share
        Of the recordings, hard windows aside, are played at another speed.
    coda_share
        Of the events begin in the coda of an earlier one, and a third as much of the background is late coda.

    Raises
    ------
    ValueError
        There is no usable event of a class, or no usable background.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        transform: FeatureTransform,
        batch_size: int,
        seed: int,
        classes: Sequence[str] = CLASSES,
        hard: Sequence[HardWindow] = (),
        stretched_share: float = 0.0,
        coda_share: float = 0.0,
    ) -> None:
        self._examples = examples
        self._transform = transform
        self._batch_size = batch_size
        self._seed = seed
        self._hard = hard
        self._stretched_share = stretched_share
        self._coda_share = coda_share
        is_event = [has_earthquake_window(e) for e in examples]
        self._event_chances = [
            _usable(event_weights(examples, label), is_event, label) for label in classes[1:]
        ]
        self._noise_chance = _usable(
            noise_weights(examples), [has_noise_window(e) for e in examples], "background"
        )
        self._late_chance = _late_chance(examples, classes) if coda_share else None

    def __call__(self, number: int) -> Batch:
        """Compute batch ``number``: features float32 [batch, steps, channels] and labels int64 [batch]."""
        rng = np.random.default_rng((self._seed, number))
        n_events = self._batch_size // 2
        n_labels = len(self._event_chances)
        labels = np.full(self._batch_size, NOISE, dtype=np.int64)
        labels[:n_events] = 1 + np.arange(n_events) % n_labels
        cuts = [self._event(self._event_chances[label - 1], rng) for label in labels[:n_events]]
        cuts += [self._noise(rng) for _ in range(self._batch_size - n_events)]
        return features_of(cuts, self._transform), labels

    def _event(self, chance: NDArray[np.float64], rng: np.random.Generator) -> Cut:
        example = self._at_some_speed(self._draw(chance, rng), has_earthquake_window, rng)
        cut, end = draw_earthquake(example, rng)
        onset = N_CUT - (end - example.p_index)
        if self._coda_share and rng.random() < self._coda_share:
            cut = self._in_coda(cut, onset, chance, rng)
        noise = draw_noise(self._draw(self._noise_chance, rng), rng)
        return augment_earthquake(cut, noise, onset, rng)

    def _in_coda(self, cut: Cut, onset: int, chance: NDArray[np.float64], rng: np.random.Generator) -> Cut:
        """Lay an earthquake on the coda of another, preferably a louder one, if any that is drawn fits."""
        for attempt in range(_CODA_DRAWS):
            earlier = self._at_some_speed(self._draw(chance, rng), has_earthquake_window, rng)
            is_last = attempt == _CODA_DRAWS - 1
            laid = lay_on_coda(cut, onset, earlier, rng, only_louder=not is_last)
            if laid is not None:
                return laid
        return cut

    def _noise(self, rng: np.random.Generator) -> Cut:
        other = draw_noise(self._draw(self._noise_chance, rng), rng)
        if self._hard and rng.random() < HARD_SHARE:
            return augment_noise(self._hard_cut(rng), other, rng)
        if self._late_chance is not None and rng.random() < LATE_CODA_SHARE * self._coda_share:
            example = self._draw(self._late_chance, rng)
            first, last = late_coda(example)
            return augment_noise(cut_at(example, int(rng.integers(first, last + 1)), rng), other, rng)
        example = self._at_some_speed(self._draw(self._noise_chance, rng), has_noise_window, rng)
        return augment_noise(draw_noise(example, rng), other, rng)

    def _hard_cut(self, rng: np.random.Generator) -> Cut:
        window = self._hard[int(rng.integers(len(self._hard)))]
        example = self._examples[window.example]
        first, last = noise_starts(example)
        start = window.start + int(rng.integers(-_JITTER, _JITTER + 1))
        return cut_at(example, min(max(start, first), last), rng)

    def _at_some_speed(
        self, example: Example, is_usable: Callable[[Example], bool], rng: np.random.Generator
    ) -> Example:
        """Play a recording at another speed now and then, as far as something is left to cut from."""
        if not self._stretched_share or rng.random() >= self._stretched_share:
            return example
        other = stretch(example, rng)
        return other if is_usable(other) else example

    def _draw(self, cumulative: NDArray[np.float64], rng: np.random.Generator) -> Example:
        return self._examples[int(np.searchsorted(cumulative, rng.random(), side="right"))]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledWindows:
    """Features float32 [n, steps, channels] with labels int64 [n] and the index of the example of each row."""

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    examples: NDArray[np.int64]


def validation_windows(
    examples: Sequence[Example],
    transform: FeatureTransform,
    *,
    seed: int,
    classes: Sequence[str] = CLASSES,
    noise_per_station: int = 150,
) -> LabelledWindows:
    """
    Cut the fixed windows of a validation set, without augmentation.

    Of each event the windows that end 1, 2, 3, 4 and 5 s after P, as far as they exist; of the background one
    window every 2 s, at most ``noise_per_station`` of a station.

    Raises
    ------
    ValueError
        There is no window of a class.
    """
    rng = np.random.default_rng(seed)
    places: list[tuple[int, int, int]] = []  # example, start, label
    by_station: dict[str, list[tuple[int, int, int]]] = {}
    for index, example in enumerate(examples):
        if example.label in classes[1:] and has_earthquake_window(example):
            starts = (example.p_index + after - N_WINDOW for after in (100, 200, 300, 400, 500))
            label = classes.index(example.label)
            places += [(index, start, label) for start in starts if _fits(example, start)]
        if has_noise_window(example):
            first, last = noise_starts(example)
            station = by_station.setdefault(example.station, [])
            station += [(index, start, NOISE) for start in range(first, last + 1, 200)]
    for found in by_station.values():
        chosen = rng.permutation(len(found))[:noise_per_station]
        places += [found[int(i)] for i in np.sort(chosen)]
    for label, name in enumerate(classes):
        if not any(place[2] == label for place in places):
            raise ValueError(f"it has no window of {name}")
    cuts = [cut_at(examples[index], start, rng) for index, start, _ in places]
    features = [features_of(cuts[i : i + 256], transform) for i in range(0, len(cuts), 256)]
    return LabelledWindows(
        features=np.concatenate(features),
        labels=np.array([label for _, _, label in places], dtype=np.int64),
        examples=np.array([index for index, _, _ in places], dtype=np.int64),
    )


def _fits(example: Example, start: int) -> bool:
    return start >= N_SHORTEST_MEMORY and start + N_WINDOW <= example.n_samples


def _late_chance(examples: Sequence[Example], classes: Sequence[str]) -> NDArray[np.float64] | None:
    """Cumulative chances of the events whose late coda can be shown; None where there is none."""
    weights = np.sum([event_weights(examples, label) for label in classes[1:]], axis=0)
    keep = [first <= last for first, last in map(late_coda, examples)]
    return _usable(weights, keep, "coda") if np.any(weights[keep] > 0) else None


def _usable(weights: NDArray[np.float64], keep: Sequence[bool], what: str) -> NDArray[np.float64]:
    """Cumulative chances of the examples that can be drawn."""
    chances = np.where(keep, weights, 0.0)
    if chances.sum() <= 0:
        raise ValueError(f"no {what} is long enough to cut a window with its background from")
    cumulative: NDArray[np.float64] = np.cumsum(chances / chances.sum())
    cumulative[-1] = 1.0
    return cumulative
