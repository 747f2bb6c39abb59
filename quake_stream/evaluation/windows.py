"""
Evaluate models on fixed windows of labelled recordings: how well single windows tell the classes apart.

Only the validation part is read, and nothing is augmented.  Variants show the same windows otherwise: the
vertical alone, or with what a slower recording would have lost.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from quake_stream.detection.features import get_transform
from quake_stream.errors import SourceError
from quake_stream.evaluation.curves import Ranked, calibration, label_bins
from quake_stream.evaluation.intervals import bootstrap
from quake_stream.evaluation.points import spread
from quake_stream.protocols import Model
from quake_stream.training.conditioning import band_limit
from quake_stream.training.cuts import (
    N_SHORTEST_MEMORY,
    N_WINDOW,
    Cut,
    cut_at,
    features_of,
    has_earthquake_window,
    has_noise_window,
    noise_starts,
)
from quake_stream.training.examples import RATE_HZ, Example

ENDS_AFTER_P_S: Final = (1, 2, 3, 4, 5)
HEADLINE_SNR_DB: Final = 8.0
NOISE_STEP_S: Final = 2.0
NOISE_PER_STATION: Final = 150
SLOW_RATES_HZ: Final = (20.0, 31.25, 40.0, 50.0)

_CHUNK: Final = 256

Scores = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One window: example by its index, first sample, class (1 earthquake), seconds from P to its end."""

    example: int
    start: int
    label: int
    end_after_p_s: int = 0


def places_of(examples: Sequence[Example], *, seed: int = 0) -> list[Place]:
    """
    Choose the windows: of each earthquake those that end 1 to 5 s after P, of background one every 2 s.

    At most `NOISE_PER_STATION` of a station, drawn by ``seed``, so that no station drowns the others.

    Raises
    ------
    SourceError
        One of the classes is missing.
    """
    quakes: list[Place] = []
    by_station: dict[str, list[Place]] = defaultdict(list)
    for number, example in enumerate(examples):
        if has_earthquake_window(example):
            for end_s in ENDS_AFTER_P_S:
                start = example.p_index + round(end_s * RATE_HZ) - N_WINDOW
                if start >= N_SHORTEST_MEMORY and start + N_WINDOW <= example.n_samples:
                    quakes.append(Place(example=number, start=start, label=1, end_after_p_s=end_s))
        if has_noise_window(example):
            first, last = noise_starts(example)
            by_station[example.station] += [
                Place(example=number, start=start, label=0)
                for start in range(first, last + 1, round(NOISE_STEP_S * RATE_HZ))
            ]
    rng = np.random.default_rng(seed)
    background: list[Place] = []
    for found in by_station.values():
        chosen = np.sort(rng.permutation(len(found))[:NOISE_PER_STATION])
        background += [found[int(i)] for i in chosen]
    if not quakes or not background:
        raise SourceError("the validation part holds no window of an earthquake, or none of background")
    return quakes + background


def score_places(
    models: Sequence[Model],
    examples: Sequence[Example],
    places: Sequence[Place],
    *,
    seed: int = 0,
    change: Callable[[Cut], Cut] = lambda cut: cut,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Scores]:
    """
    Score windows by every model: the probability that triggers, [n] each.

    ``change`` alters what is seen; ``seed`` sets the phase of the background's frames.
    """
    rng = np.random.default_rng(seed)
    scores: list[list[NDArray[np.float32]]] = [[] for _ in models]
    for at in range(0, len(places), _CHUNK):
        cuts = [
            change(cut_at(examples[place.example], place.start, rng)) for place in places[at : at + _CHUNK]
        ]
        made: dict[str, NDArray[np.float32]] = {}
        for model, found in zip(models, scores, strict=True):
            name = model.spec.transform
            if name not in made:
                made[name] = features_of(cuts, get_transform(name))
            columns = [model.spec.classes.index(one) for one in model.spec.trigger_classes]
            found.append(model.predict(made[name])[:, columns].sum(axis=1))
        progress(min(1.0, (at + _CHUNK) / len(places)))
    return [np.concatenate(found).astype(np.float64) for found in scores]


def vertical_only(cut: Cut) -> Cut:
    """Show the vertical component alone."""
    samples = np.zeros_like(cut.samples)
    samples[0] = cut.samples[0]
    return dataclasses.replace(cut, samples=samples)


def recorded_at(rate_hz: float) -> Callable[[Cut], Cut]:
    """Take away what a recording at this rate would not hold."""

    def change(cut: Cut) -> Cut:
        return dataclasses.replace(cut, samples=band_limit(cut.samples, rate_hz))

    return change


def evaluate_windows(
    named: Sequence[tuple[str, Model]],
    examples: Sequence[Example],
    *,
    progress: Callable[[str, float], None] = lambda _name, _share: None,
) -> dict[str, Any]:
    """
    Evaluate models, each with its label, on the validation part of examples; plain data, ready for JSON.

    Raises
    ------
    SourceError
        One of the classes is missing.
    """
    kept = [example for example in examples if example.split == "val"]
    places = places_of(kept)
    whole = [place for place in places if kept[place.example].samples.any(axis=1).all()]
    models = [model for _, model in named]

    def score(name: str, which: Sequence[Place], change: Callable[[Cut], Cut]) -> list[Scores]:
        return score_places(models, kept, which, change=change, progress=lambda share: progress(name, share))

    plain = score("all windows", places, lambda cut: cut)
    changes = [("three components", whole, lambda cut: cut), ("vertical only", whole, vertical_only)]
    changes += [(f"as at {rate_hz:g} Hz", places, recorded_at(rate_hz)) for rate_hz in SLOW_RATES_HZ]
    variants = [(name, which, score(name, which, change)) for name, which, change in changes]
    rows = [
        {
            "model": label,
            "family": model.spec.name,
            "sha256": model.spec.sha256,
            **_headline(kept, places, plain[number]),
            "parts": _parts(kept, places, plain[number])
            + [_variant(name, which, scores[number]) for name, which, scores in variants],
        }
        for number, (label, model) in enumerate(named)
    ]
    return {"models": rows, "families": _families(rows)}


def _headline(examples: Sequence[Example], places: Sequence[Place], scores: Scores) -> dict[str, Any]:
    clear = np.array(
        [
            place.label == 0 or (examples[place.example].snr_db or -np.inf) >= HEADLINE_SNR_DB
            for place in places
        ]
    )
    kept = [place for place, keep in zip(places, clear, strict=True) if keep]
    labels = np.array([place.label for place in kept], dtype=np.int64)
    groups = [examples[place.example].group for place in kept]
    ranked = Ranked.of(scores[clear], labels)
    measured: dict[str, Any] = _measure(scores[clear], labels)
    measured["auc_95"] = bootstrap(groups, ranked.auc)
    measured["recall_01_95"] = bootstrap(groups, lambda weights: ranked.recall_at(0.001, weights))
    measured["recall_1_95"] = bootstrap(groups, lambda weights: ranked.recall_at(0.01, weights))
    return {
        "headline": measured,
        "roc": ranked.curve(),
        "calibration": calibration(scores[clear], labels),
    }


def _parts(examples: Sequence[Example], places: Sequence[Place], scores: Scores) -> list[dict[str, Any]]:
    """Measure the earthquakes of each part against all background."""
    labels = np.array([place.label for place in places], dtype=np.int64)
    shown = [examples[place.example] for place in places]
    named = {
        "SNR": label_bins([e.snr_db for e in shown], (3, 8, 15, 25), "dB"),
        "magnitude": label_bins([e.magnitude for e in shown], (1, 2, 3, 4, 5), ""),
        "distance": label_bins([e.distance_km for e in shown], (10, 30, 100, 300), "km"),
        "recorded at": [f"{e.native_rate_hz:g} Hz" for e in shown],
        "instrument": [e.instrument or "unknown" for e in shown],
        "components": ["three" if e.samples.any(axis=1).all() else "fewer" for e in shown],
        "end after P": [f"{place.end_after_p_s} s" for place in places],
        "data set": [e.dataset for e in shown],
    }
    rows = []
    for by, values in named.items():
        column = np.array(values)
        for value in sorted(set(column[labels == 1].tolist())):
            keep = (labels == 0) | (column == value)
            rows.append({"by": by, "value": value, **_measure(scores[keep], labels[keep])})
    return rows


def _variant(name: str, places: Sequence[Place], scores: Scores) -> dict[str, Any]:
    labels = np.array([place.label for place in places], dtype=np.int64)
    return {"by": "variant", "value": name, **_measure(scores, labels)}


def _measure(scores: Scores, labels: Labels) -> dict[str, Any]:
    ranked = Ranked.of(scores, labels)
    found = {
        "auc": ranked.auc(),
        "recall_01": ranked.recall_at(0.001),
        "recall_1": ranked.recall_at(0.01),
    }
    counts = {"n_earthquake": int((labels == 1).sum()), "n_noise": int((labels == 0).sum())}
    return {**counts, **{key: value if np.isfinite(value) else None for key, value in found.items()}}


def _families(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    together: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        together[row["family"]].append(row["headline"])
    return [
        {
            "family": family,
            "n_members": len(members),
            **{key: spread([one[key] for one in members]) for key in ("auc", "recall_01", "recall_1")},
        }
        for family, members in together.items()
    ]
