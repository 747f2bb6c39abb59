"""How to train: all that a run depends on, besides the recordings.  No torch here."""

import math
from dataclasses import dataclass

from quake_stream.detection.features import get_transform
from quake_stream.training.batches import BACKGROUND, CLASSES
from quake_stream.training.examples import EARTHQUAKE


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """
    A run is reproducible from these and the training set.

    ``patience`` counts evaluations without improvement before the run stops early; ``mine_every`` steps
    ``mine_windows`` of the background are searched for those that fool the network (0: never).
    ``choose_best`` keeps the weights of the best evaluation; without it those after the last step are kept
    and nothing stops early, so that validation chooses nothing and its figures are of unseen recordings.
    ``average_decay`` is that of a running average of the weights over the steps, which is then what is
    evaluated and kept (0: the weights themselves).  ``stretched_share`` of the recordings are played at
    another speed, ``coda_share`` of the events begin in the coda of an earlier one.
    ``attention_dropout`` is that of the attention weights (None: ``dropout``); at 0 a step of
    ``lstm-mhsa`` takes half the time on a CPU.
    ``classes`` begin with background; a detection is about those in ``trigger_classes``.
    """

    network: str = "lstm"
    hidden: int = 64
    layers: int = 2
    heads: int = 4
    dropout: float = 0.15
    transform: str = "rfft-over-background/1"
    steps: int = 3000
    batch_size: int = 256
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    label_smoothing: float = 0.05
    evaluate_every: int = 250
    patience: int = 8
    choose_best: bool = True
    mine_every: int = 1000
    mine_windows: int = 20_000
    average_decay: float = 0.0
    stretched_share: float = 0.0
    coda_share: float = 0.0
    attention_dropout: float | None = None
    seed: int = 0
    classes: tuple[str, ...] = CLASSES
    trigger_classes: tuple[str, ...] = (EARTHQUAKE,)

    def __post_init__(self) -> None:
        get_transform(self.transform)  # raises where there is none of this name
        for name in ("average_decay", "stretched_share", "coda_share", "attention_dropout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {value}")
        if self.average_decay == 1:
            raise ValueError("average_decay must be below 1: the average would stay what it is at the start")
        events = self.classes[1:]
        if self.classes[:1] != (BACKGROUND,) or not events or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes {self.classes} must be {BACKGROUND!r} and then others, each once")
        if not self.trigger_classes or not set(self.trigger_classes) <= set(events):
            raise ValueError(f"trigger classes {self.trigger_classes} must be some of {events}")

    @property
    def trigger_columns(self) -> list[int]:
        """Indices of the trigger classes."""
        return [self.classes.index(name) for name in self.trigger_classes]


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Rise linearly over the warm-up, then fall to zero along a cosine."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
