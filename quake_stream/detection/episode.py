"""Windows that are, or may become, one detection, and what is told about it.  Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from quake_stream.detection.shaking import Shaking
from quake_stream.types import DetectionState, ModelSpec, Window

DECIMALS = 5  # of probabilities: the last bits of a floating-point unit must never decide
MIN_RISE = 0.02  # of the peak probability, that is worth an update


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerChange:
    """One step in the life of a detection, before anything is measured on its samples."""

    id: str
    state: DetectionState
    revision: int
    first: Window
    peak: Window
    off_ns: int | None
    class_name: str
    probabilities: tuple[tuple[str, float], ...]
    peak_probability: float
    n_windows: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One window with its rounded probabilities; ``probability`` sums those of the trigger classes."""

    window: Window
    probability: float
    class_name: str
    probabilities: tuple[tuple[str, float], ...]

    @classmethod
    def of(
        cls, window: Window, probabilities: Sequence[float], spec: ModelSpec, classes: Sequence[str]
    ) -> Self:
        """Join a window and its class probabilities, in the model's order; ``classes`` trigger."""
        row = [round(float(p), DECIMALS) for p in probabilities]
        columns = [spec.classes.index(name) for name in classes]
        return cls(
            window=window,
            probability=round(sum(row[i] for i in columns), DECIMALS),
            class_name=spec.classes[max(columns, key=lambda i: row[i])],
            probabilities=tuple(zip(spec.classes, row, strict=True)),
        )


class Episode:
    """
    Windows at or above a threshold that are or may become a detection, from the first one on.

    ``revision`` is that of the last message, -1 while nothing was announced; ``told_ns`` its data time.
    """

    def __init__(self, score: Score, *, rest_db: float, upright_db: float = math.nan) -> None:
        self.first = self.last = score.window
        self.peak = score
        self.n_windows = 1
        self.shaking = Shaking(begins_ns=score.window.end_ns, rest_db=rest_db, upright_db=upright_db)
        self.follow(score.window)
        self.revision = -1
        self.told_ns = 0
        self._told: Score | None = None

    def add(self, score: Score) -> None:
        """Take a window that belongs to it."""
        self.last = score.window
        self.n_windows += 1
        self.follow(score.window)
        if score.probability > self.peak.probability:
            self.peak = score

    def follow(self, window: Window) -> None:
        """Learn how the ground moves in a window, whether it belongs or not."""
        self.shaking.follow(window.end_ns, window.level_db, window.vertical_db)

    def has_news(self) -> bool:
        """Whether peak or class changed enough since the last message."""
        if self._told is None:
            return True
        rise = round(self.peak.probability - self._told.probability, DECIMALS)
        return rise >= MIN_RISE or self.peak.class_name != self._told.class_name

    def tell(self, state: DetectionState, *, key: str, now_ns: int, reason: str) -> TriggerChange:
        """Make the next message; ``key`` is the detection's id, ``now_ns`` the end of the latest window."""
        self.revision += 1
        self.told_ns = now_ns
        self._told = self.peak
        is_over = state in {DetectionState.END, DetectionState.RETRACT}
        return TriggerChange(
            id=key,
            state=state,
            revision=self.revision,
            first=self.first,
            peak=self.peak.window,
            off_ns=self.last.end_ns if is_over else None,
            class_name=self.peak.class_name,
            probabilities=self.peak.probabilities,
            peak_probability=self.peak.probability,
            n_windows=self.n_windows,
            reason=reason,
        )
