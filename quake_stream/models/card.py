"""
Model card: all that is needed to serve a network rightly, and to judge it.

A JSON file beside the weights.  No torch here, so that a card can be read without loading a network.
"""

import json
from dataclasses import fields
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from quake_stream.detection.features import get_transform
from quake_stream.types import ModelSpec

ComponentSet = Literal["ZNE", "Z12", "123", "ZXY", "Z", "1C"]

N_COMPONENTS = 3
"""Components of every batch: vertical and two horizontals, 0 where one is absent."""

_SPEC_FIELDS = tuple(field.name for field in fields(ModelSpec))
_Probability = Annotated[float, Field(gt=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Network(_Section):
    """
    Architecture of a network: ``lstm`` is `LSTMModel`, ``lstm-mhsa`` is `LSTMAttentionModel`.

    The upper bounds only keep a damaged card from asking for gigabytes.
    """

    kind: Literal["lstm", "lstm-mhsa"]
    channels: Annotated[int, Field(ge=1, le=256)]
    hidden: Annotated[int, Field(ge=1, le=1024)]
    layers: Annotated[int, Field(ge=1, le=8)]
    heads: Annotated[int, Field(ge=1, le=64)] | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if (self.heads is None) != (self.kind == "lstm"):
            raise ValueError(f"heads is {self.heads}, but the network is {self.kind}")
        if self.heads is not None and self.hidden % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide hidden ({self.hidden})")
        return self


class TrainingData(_Section):
    """One data set that the weights were trained on."""

    name: str
    licence: str
    n_windows: Annotated[int, Field(ge=0)] | None = None
    citation: str = ""


class Training(_Section):
    """Where the weights come from: enough to make them again."""

    data: tuple[TrainingData, ...]
    split: str
    recipe: dict[str, str | int | float | bool]
    seed: int


class ModelCard(_Section):
    """
    All about one checkpoint.

    The first part is `quake_stream.types.ModelSpec`, field by field; ``sha256`` is that of the weights
    file.  Logits are divided by ``temperature`` before the softmax (Guo et al. 2017, On Calibration of
    Modern Neural Networks).
    """

    name: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""  # empty until saved
    sample_rate_hz: Annotated[float, Field(gt=0, le=1000)]
    n_samples: Annotated[int, Field(ge=4, le=65_536)]
    component_sets: Annotated[tuple[ComponentSet, ...], Field(min_length=1)]
    highpass_hz: Annotated[float, Field(ge=0)]
    transform: str
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    trigger_classes: Annotated[tuple[str, ...], Field(min_length=1)]
    on: _Probability
    off: _Probability
    min_windows: Annotated[int, Field(ge=1, le=100)]
    hop_s: Annotated[float, Field(gt=0, le=60)]

    network: Network
    temperature: Annotated[float, Field(gt=0)] = 1.0

    training: Training
    metrics: dict[str, float]
    known_failures: tuple[str, ...]
    created: AwareDatetime

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        transform = get_transform(self.transform)
        transform.n_steps(self.n_samples)
        if self.network.channels != (n_channels := transform.n_channels(N_COMPONENTS)):
            raise ValueError(
                f"network.channels must be {n_channels} for {transform.id}, not {self.network.channels}"
            )
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes {self.classes} are not distinct")
        if not set(self.trigger_classes) < set(self.classes):
            raise ValueError(
                f"trigger_classes {self.trigger_classes} must be some of {self.classes}, not all"
            )
        if self.off > self.on:
            raise ValueError(f"off ({self.off}) must not be above on ({self.on})")
        if self.highpass_hz >= self.sample_rate_hz / 2:
            raise ValueError(f"highpass_hz ({self.highpass_hz}) must be below half of sample_rate_hz")
        return self

    @property
    def spec(self) -> ModelSpec:
        """What the service needs to know of the model."""
        return ModelSpec(**{name: getattr(self, name) for name in _SPEC_FIELDS})

    @property
    def contract(self) -> str:
        """
        What decides how the weights are served, as one line of JSON.

        The weights file carries the same line, so a card edited afterwards is noticed; what only
        describes (training, metrics, known failures) may be edited.
        """
        names = {*_SPEC_FIELDS, "network", "temperature"} - {"sha256"}
        return json.dumps(self.model_dump(mode="json", include=names), sort_keys=True)
