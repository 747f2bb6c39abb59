"""Write a trained network as a checkpoint whose card says where it comes from and how good it is."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from quake_stream.detection.features import get_transform
from quake_stream.models.card import ModelCard, Network, Training, TrainingData
from quake_stream.models.checkpoint import save_checkpoint
from quake_stream.training.conditioning import HIGHPASS_HZ
from quake_stream.training.cuts import N_WINDOW
from quake_stream.training.examples import ACCEPTED_SETS, N_COMPONENTS, RATE_HZ, Example
from quake_stream.training.identity import digest, versions
from quake_stream.training.scores import fit_temperature
from quake_stream.training.settings import TrainSettings
from quake_stream.training.train import Trained

SPLIT: Final = "by event and station-day (labelled recordings) and by station (continuous background); "
CHOSEN: Final = "weights, temperature and stopping chosen on the validation part"
NOT_CHOSEN: Final = "the validation part chose the temperature and nothing else"
KNOWN_FAILURES: Final = (
    "single knocks of a few tenths of a second close to the sensor may pass for small local earthquakes",
    "an earthquake inside the coda of a larger one rises little over its background and may be missed",
    "regional and teleseismic arrivals without energy above 1 Hz are not seen",
)
HOP_S: Final = 0.5

_DIGEST: Final = "data_sha256"
_LISTS: Final = frozenset({"classes", "trigger_classes"})  # of a recipe, which holds plain values only


def write_checkpoint(
    out: Path,
    trained: Trained,
    settings: TrainSettings,
    examples: Sequence[Example],
    *,
    on: float,
    off: float,
    min_windows: int,
) -> ModelCard:
    """Fit the temperature on validation and save weights and card; the card as written."""
    card = ModelCard(
        name=settings.network,
        version="1",
        sample_rate_hz=RATE_HZ,
        n_samples=N_WINDOW,
        component_sets=ACCEPTED_SETS,
        highpass_hz=HIGHPASS_HZ,
        transform=settings.transform,
        classes=settings.classes,
        trigger_classes=settings.trigger_classes,
        on=on,
        off=off,
        min_windows=min_windows,
        hop_s=HOP_S,
        network=_network(settings),
        temperature=fit_temperature(trained.logits, trained.validation.labels),
        training=Training(
            data=training_data(examples),
            split=SPLIT + (CHOSEN if settings.choose_best else NOT_CHOSEN),
            recipe=_recipe(settings, examples),
            seed=settings.seed,
        ),
        metrics=_metrics(trained, settings.classes),
        known_failures=KNOWN_FAILURES,
        created=dt.datetime.now(dt.UTC),
    )
    return save_checkpoint(out, trained.network, card)


def training_data(examples: Sequence[Example]) -> tuple[TrainingData, ...]:
    """List the sources of the training part with their licences; ``n_windows`` counts recordings."""
    by_dataset: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.split == "train":
            by_dataset[example.dataset].append(example)
    return tuple(
        TrainingData(
            name=name,
            licence="; ".join(sorted({e.licence for e in members} - {""})),
            n_windows=len(members),
            citation="; ".join(sorted({e.citation for e in members} - {""})),
        )
        for name, members in sorted(by_dataset.items())
    )


def recipe_of(card: ModelCard) -> tuple[TrainSettings, str]:
    """
    Find the settings of the run that made a checkpoint, and the digest of its recordings ("" if unknown).

    An option that the card does not know is newer than it, and its default is what was done before.
    """
    recipe = card.training.recipe
    names = {field.name for field in dataclasses.fields(TrainSettings)}
    said: dict[str, Any] = {name: value for name, value in recipe.items() if name in names}
    for name in _LISTS & said.keys():
        said[name] = tuple(str(said[name]).split(","))
    return TrainSettings(**said), str(recipe.get(_DIGEST, ""))


def _recipe(settings: TrainSettings, examples: Sequence[Example]) -> dict[str, Any]:
    """All that makes the run repeatable: settings that say something, digest of the set, versions."""
    said = {name: value for name, value in dataclasses.asdict(settings).items() if value is not None}
    for name in _LISTS:
        said[name] = ",".join(said[name])
    return {**said, _DIGEST: digest(examples), **versions()}


def _metrics(trained: Trained, classes: Sequence[str]) -> dict[str, float]:
    """Tell what the evaluation of the weights found, and on how many windows."""
    best = trained.kept
    metrics = {
        "validation_auc": best.auc,
        "validation_recall_at_1_percent": best.recall_at_1_percent,
        "validation_recall_at_0.1_percent": best.recall_at_01_percent,
        "best_step": float(best.step),
    }
    for label, name in enumerate(classes):
        metrics[f"validation_n_{name}_windows"] = float((trained.validation.labels == label).sum())
    return {name: float(np.round(value, 5)) for name, value in metrics.items()}


def _network(settings: TrainSettings) -> Network:
    return Network(
        kind="lstm" if settings.network == "lstm" else "lstm-mhsa",
        channels=get_transform(settings.transform).n_channels(N_COMPONENTS),
        hidden=settings.hidden,
        layers=settings.layers,
        heads=settings.heads if settings.network == "lstm-mhsa" else None,
        dropout=settings.dropout,
    )
