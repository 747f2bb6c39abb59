"""
Probabilities of one instrument → the life of its detections.  Pure: data time only, no clock.

Rule 1: ``new`` after ``min_windows`` consecutive windows at or above ``on``; it began with the first of them.
Rule 2: while a detection is on, windows at or above ``off`` belong to it; below ``off`` for ``hold_s`` ends it.
Rule 3: windows missing for longer than ``hold_s``, or for a window's length as after any gap, end it as well;
so does the caller's word that the instrument has fallen silent, as without data no time passes in here.
Rule 4: ``max_duration_s`` ends it; the next can begin only after a window below ``off``, so that one large
earthquake is one detection.
Rule 5: one that was below ``off`` again before it had ``confirm_windows`` windows is retracted.
Rule 6: none begins within ``refractory_s`` after the last one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from quake_stream.types import NS_PER_S, DetectionState, InstrumentId, ModelSpec, Window

DECIMALS = 5  # of probabilities: the last bits of a floating-point unit must never decide
MIN_RISE = 0.02  # of the peak probability, that is worth an update
ID_LENGTH = 20  # hexadecimal digits: 80 bits, no collision in the life of any network


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSettings:
    """
    When a detection begins and ends; the rules are those of the module.

    ``update_interval_s`` is the shortest data time between two messages of a detection that goes on.

    Raises
    ------
    ValueError
        ``off`` is above ``on``.
    """

    on: float
    off: float
    min_windows: int
    hold_s: float = 3.0
    max_duration_s: float = 300.0
    refractory_s: float = 0.0
    confirm_windows: int = 3
    update_interval_s: float = 2.0

    def __post_init__(self) -> None:
        if self.off > self.on:
            raise ValueError(f"off ({self.off}) must not be above on ({self.on})")


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
class _Score:
    """One window with its rounded probabilities; ``probability`` sums those of the trigger classes."""

    window: Window
    probability: float
    class_name: str
    probabilities: tuple[tuple[str, float], ...]


@dataclass(slots=True, kw_only=True)
class _Episode:
    """Consecutive windows at or above ``on``, which are or may become a detection."""

    first: Window
    last: Window
    peak: _Score
    n_windows: int = 1
    revision: int = -1  # of the last message; -1: nothing announced yet
    told_ns: int = 0
    told: _Score | None = None

    def add(self, score: _Score) -> None:
        self.last = score.window
        self.n_windows += 1
        if score.probability > self.peak.probability:
            self.peak = score

    def has_news(self) -> bool:
        """Whether peak or class changed enough since the last message."""
        if self.told is None:
            return True
        rise = round(self.peak.probability - self.told.probability, DECIMALS)
        return rise >= MIN_RISE or self.peak.class_name != self.told.class_name


class Trigger:
    """
    On/off hysteresis of one instrument: new → update → end | retract.

    States: *off* (no episode), *rising* (an episode that is not announced yet), *on* (announced).
    Windows must come in their order.
    """

    def __init__(
        self, *, instrument_id: InstrumentId, spec: ModelSpec, hop_samples: int, settings: TriggerSettings
    ) -> None:
        self.settings = settings
        self._instrument_id = instrument_id
        self._spec = spec
        self._hop_samples = hop_samples
        self._hop_ns = round(hop_samples * NS_PER_S / spec.sample_rate_hz)
        self._window_ns = round(spec.n_samples * NS_PER_S / spec.sample_rate_hz)
        self._trigger_classes = [spec.classes.index(name) for name in spec.trigger_classes]
        self._episode: _Episode | None = None
        self._last: Window | None = None
        self._is_armed = True
        self._quiet_until_ns = 0

    @property
    def is_on(self) -> bool:
        """Whether a detection is announced and has not ended."""
        return self._episode is not None and self._episode.revision >= 0

    def receive(self, window: Window, probabilities: Sequence[float]) -> list[TriggerChange]:
        """Take the next window with its class probabilities, in the order of the model's classes."""
        score = self._score(window, probabilities)
        changes = self.expect(window.end_ns)
        if self._last is not None and window.start_index != self._last.start_index + self._hop_samples:
            self._forget_unless_on()
        self._last = window
        changes += self._while_on(score) if self.is_on else self._while_off(score)
        return changes

    def expect(self, next_end_ns: int) -> list[TriggerChange]:
        """Learn that no window will end before ``next_end_ns``: rule 3 may already apply."""
        max_step_ns = min(_ns(self.settings.hold_s) + self._hop_ns, self._window_ns)
        if self._last is None or next_end_ns - self._last.end_ns <= max_step_ns:
            return []
        self._is_armed = True  # whether it was below ``off`` meanwhile, nobody knows
        return self.close("gap")

    def close_silent(self) -> list[TriggerChange]:
        """
        End what is on, as windows that came after a gap would; what is rising may still go on.

        Data that continue without a gap after all cannot take it back; then the next detection can begin
        only after a window below ``off``, so that one earthquake does not become two.
        """
        if self._episode is None or not self.is_on:
            return []
        self._is_armed = self._episode.last is not self._last
        return self.close("gap")

    def close(self, reason: str) -> list[TriggerChange]:
        """End what is on, at its last window at or above ``off``."""
        episode = self._episode
        self._episode = None
        if episode is None or episode.revision < 0:
            return []
        self._quiet_until_ns = episode.last.end_ns + _ns(self.settings.refractory_s)
        # Only the model's own judgement retracts: after a gap nobody knows what would have followed.
        if reason == "off" and episode.n_windows < self.settings.confirm_windows:
            return [self._tell(episode, DetectionState.RETRACT, reason="too_short")]
        return [self._tell(episode, DetectionState.END, reason=reason)]

    def _while_off(self, score: _Score) -> list[TriggerChange]:
        if not score.probability >= self.settings.off:
            self._is_armed = True
        may_begin = self._is_armed and score.window.end_ns >= self._quiet_until_ns
        if not (may_begin and score.probability >= self.settings.on):
            self._episode = None
            return []
        if self._episode is None:
            self._episode = _Episode(first=score.window, last=score.window, peak=score)
        else:
            self._episode.add(score)
        if self._episode.n_windows < self.settings.min_windows:
            return []
        return [self._tell(self._episode, DetectionState.NEW)]

    def _while_on(self, score: _Score) -> list[TriggerChange]:
        episode = self._episode
        assert episode is not None
        is_above_off = score.probability >= self.settings.off
        if is_above_off:
            episode.add(score)
        now_ns = score.window.end_ns
        if not is_above_off and now_ns - episode.last.end_ns >= _ns(self.settings.hold_s):
            return self.close("off")
        if now_ns - episode.first.end_ns >= _ns(self.settings.max_duration_s):
            self._is_armed = not is_above_off
            return self.close("max_duration")
        if now_ns - episode.told_ns >= _ns(self.settings.update_interval_s) and episode.has_news():
            return [self._tell(episode, DetectionState.UPDATE)]
        return []

    def _forget_unless_on(self) -> None:
        if not self.is_on:
            self._episode = None

    def _score(self, window: Window, probabilities: Sequence[float]) -> _Score:
        row = [round(float(p), DECIMALS) for p in probabilities]
        best = max(self._trigger_classes, key=lambda i: row[i])
        return _Score(
            window=window,
            probability=round(sum(row[i] for i in self._trigger_classes), DECIMALS),
            class_name=self._spec.classes[best],
            probabilities=tuple(zip(self._spec.classes, row, strict=True)),
        )

    def _tell(self, episode: _Episode, state: DetectionState, *, reason: str = "") -> TriggerChange:
        assert self._last is not None
        episode.revision += 1
        episode.told_ns = self._last.end_ns
        episode.told = episode.peak
        is_over = state in {DetectionState.END, DetectionState.RETRACT}
        return TriggerChange(
            id=detection_id(self._spec, self._instrument_id, episode.first),
            state=state,
            revision=episode.revision,
            first=episode.first,
            peak=episode.peak.window,
            off_ns=episode.last.end_ns if is_over else None,
            class_name=episode.peak.class_name,
            probabilities=episode.peak.probabilities,
            peak_probability=episode.peak.probability,
            n_windows=episode.n_windows,
            reason=reason,
        )


def detection_id(spec: ModelSpec, instrument_id: InstrumentId, first: Window) -> str:
    """Name a detection by model, instrument and triggering window: the same after a restart and on replay."""
    text = f"{spec.sha256} {instrument_id} {first.start_index}"
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)
