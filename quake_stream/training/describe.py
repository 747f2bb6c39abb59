"""Write a trained network as a checkpoint whose card says where it comes from and how good it is."""

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from quake_stream.models.card import ModelCard, Network, Training, TrainingData
from quake_stream.models.checkpoint import save_checkpoint
from quake_stream.training.batches import CLASSES, EARTHQUAKE, NOISE
from quake_stream.training.conditioning import HIGHPASS_HZ
from quake_stream.training.cuts import N_WINDOW
from quake_stream.training.examples import ACCEPTED_SETS, N_COMPONENTS, RATE_HZ, Example
from quake_stream.training.scores import fit_temperature
from quake_stream.training.train import Trained, TrainSettings

SPLIT: Final = (
    "by event and station-day (labelled recordings) and by station (continuous background); "
    "weights, temperature and stopping chosen on the validation part"
)
KNOWN_FAILURES: Final = (
    "single knocks of a few tenths of a second close to the sensor may pass for small local earthquakes",
    "an earthquake inside the coda of a larger one rises little over its background and may be missed",
    "regional and teleseismic arrivals without energy above 1 Hz are not seen",
)
HOP_S: Final = 0.5


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
    best = max(trained.history, key=lambda evaluation: evaluation.merit)
    labels = trained.validation.labels
    metrics = {
        "validation_auc": best.auc,
        "validation_recall_at_1_percent": best.recall_at_1_percent,
        "validation_recall_at_0.1_percent": best.recall_at_01_percent,
        "validation_n_earthquake_windows": float((labels == EARTHQUAKE).sum()),
        "validation_n_noise_windows": float((labels == NOISE).sum()),
        "best_step": float(best.step),
    }
    card = ModelCard(
        name=settings.network,
        version="1",
        sample_rate_hz=RATE_HZ,
        n_samples=N_WINDOW,
        component_sets=ACCEPTED_SETS,
        highpass_hz=HIGHPASS_HZ,
        transform=settings.transform,
        classes=CLASSES,
        trigger_classes=(CLASSES[EARTHQUAKE],),
        on=on,
        off=off,
        min_windows=min_windows,
        hop_s=HOP_S,
        network=_network(settings),
        temperature=fit_temperature(trained.logits, labels),
        training=Training(
            data=training_data(examples),
            split=SPLIT,
            recipe=dataclasses.asdict(settings),
            seed=settings.seed,
        ),
        metrics={name: float(np.round(value, 5)) for name, value in metrics.items()},
        known_failures=KNOWN_FAILURES,
        created=dt.datetime.now(dt.UTC),
    )
    return save_checkpoint(out, trained.network, card)


def training_data(examples: Sequence[Example]) -> tuple[TrainingData, ...]:
    """List the sources of the training part with their licences; ``n_windows`` counts recordings."""
    licences: dict[str, set[str]] = defaultdict(set)
    counts: dict[str, int] = defaultdict(int)
    for example in examples:
        if example.split == "train":
            licences[example.dataset].add(example.licence)
            counts[example.dataset] += 1
    return tuple(
        TrainingData(name=name, licence="; ".join(sorted(licences[name])), n_windows=counts[name])
        for name in sorted(counts)
    )


def _network(settings: TrainSettings) -> Network:
    return Network(
        kind="lstm" if settings.network == "lstm" else "lstm-mhsa",
        channels=N_COMPONENTS,
        hidden=settings.hidden,
        layers=settings.layers,
        heads=settings.heads if settings.network == "lstm-mhsa" else None,
        dropout=settings.dropout,
    )
