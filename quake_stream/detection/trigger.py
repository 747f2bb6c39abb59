"""
Probabilities of one instrument → the life of its detections.  Pure: data time only, no clock.

Rule 1: ``new`` after ``min_windows`` consecutive windows at or above ``on``; it began with the first of them.
Rule 2: while a detection is on, windows at or above ``off`` belong to it; below ``off`` for ``hold_s`` ends
it once the ground is at rest again, so that S finds the detection of its P still on.
Rule 3: windows missing for longer than ``hold_s``, or for a window's length as after any gap, end it as well;
so does the caller's word that the instrument has fallen silent, as without data no time passes in here.
Rule 4: ``max_duration_s`` ends it; the next can begin only after a window below ``off``, so that one large
earthquake is one detection.
Rule 5: one that was below ``off`` again before it had ``confirm_windows`` windows is retracted.
Rule 6: none begins within ``refractory_s`` after the last one.
Rule 7: ground motion that rises anew, see `Shaking`, and ``min_windows`` consecutive windows at or above
``on`` within `RISE_WAIT_S` of it end it (``retrigger``), and these windows are the next one; within
``max_s_minus_p_s``, what may be S or a growing P does not, see `Shaking.may_be_s`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from quake_stream.detection.episode import Episode, Score, TriggerChange
from quake_stream.detection.shaking import RecentMotion, highest_known
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, DetectionState, ModelSpec, Window

__all__ = ["Trigger", "TriggerChange", "TriggerSettings", "detection_id"]

RISE_WAIT_S = 2.0  # a network knows what rose when the window holds a second or so of it
ID_LENGTH = 20  # hexadecimal digits: 80 bits, no collision in the life of any network


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSettings:
    """
    When a detection begins and ends; the rules are those of the module.

    ``max_s_minus_p_s`` is how long after P the S waves of the same earthquake may come,
    ``update_interval_s`` the shortest data time between two messages of a detection that goes on,
    ``classes`` those that trigger, the model's own where none is named.

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
    max_s_minus_p_s: float = 30.0
    refractory_s: float = 0.0
    confirm_windows: int = 3
    update_interval_s: float = 2.0
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.off > self.on:
            raise ValueError(f"off ({self.off}) must not be above on ({self.on})")


class Trigger:
    """
    On/off hysteresis of one instrument: new → update → end | retract.

    States: *off* (no episode), *rising* (an episode that is not announced yet), *on* (announced); while on,
    windows that rise anew are set apart until they are the next episode or turn out to belong to this one.
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
        self._episode: Episode | None = None
        self._risen: list[Score] = []
        self._motion = RecentMotion()
        self._last: Window | None = None
        self._is_armed = True
        self._quiet_until_ns = 0

    @property
    def is_on(self) -> bool:
        """Whether a detection is announced and has not ended."""
        return self._on is not None

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is on, rising or held off: what comes next is up to the windows to come."""
        last = self._last
        return self._episode is None and (last is None or last.end_ns >= self._quiet_until_ns)

    @property
    def is_armed(self) -> bool:
        """Whether the next window may begin a detection, as far as the last one is concerned."""
        return self._is_armed

    @property
    def _on(self) -> Episode | None:
        episode = self._episode
        return episode if episode is not None and episode.revision >= 0 else None

    def receive(self, window: Window, probabilities: Sequence[float]) -> list[TriggerChange]:
        """Take the next window with its class probabilities, in the order of the model's classes."""
        classes = self.settings.classes or self._spec.trigger_classes
        score = Score.of(window, probabilities, self._spec, classes)
        changes = self.expect(window.end_ns)
        if self._last is not None and window.start_index != self._last.start_index + self._hop_samples:
            self._break_off()
        self._last = window
        changes += self._while_off(score) if self._on is None else self._while_on(self._on, score)
        self._motion.add(window.end_ns, window.level_db, window.vertical_db)
        return changes

    def pass_over(self, window: Window, *, is_armed: bool) -> None:
        """Take the next window as one that was judged before a restart, and left the trigger armed or not."""
        self._last = window
        self._is_armed = is_armed
        self._motion.add(window.end_ns, window.level_db, window.vertical_db)

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
        self._take_back()
        episode = self._on
        if episode is None:
            return []
        self._is_armed = episode.last is not self._last
        return self.close("gap")

    def close(self, reason: str) -> list[TriggerChange]:
        """End what is on, at its last window at or above ``off``."""
        self._take_back()
        episode, self._episode = self._on, None
        if episode is None:
            return []
        self._quiet_until_ns = episode.last.end_ns + _ns(self.settings.refractory_s)
        # Only the model's own judgement retracts: after a gap nobody knows what would have followed.
        if reason == "off" and episode.n_windows < self.settings.confirm_windows:
            return [self._tell(episode, DetectionState.RETRACT, reason="too_short")]
        return [self._tell(episode, DetectionState.END, reason=reason)]

    def _while_off(self, score: Score) -> list[TriggerChange]:
        if not score.probability >= self.settings.off:
            self._is_armed = True
        may_begin = self._is_armed and score.window.end_ns >= self._quiet_until_ns
        if not (may_begin and score.probability >= self.settings.on):
            self._episode = None
            return []
        if self._episode is None:
            end_ns = score.window.end_ns
            rest_db, upright_db = self._motion.rest_db(end_ns), self._motion.upright_db(end_ns)
            self._episode = Episode(score, rest_db=rest_db, upright_db=upright_db)
        else:
            self._episode.add(score)
        if self._episode.n_windows < self.settings.min_windows:
            return []
        return [self._tell(self._episode, DetectionState.NEW)]

    def _while_on(self, episode: Episode, score: Score) -> list[TriggerChange]:
        self._give_back_old(episode, score.window.end_ns)
        if self._rises_anew(episode, score):
            self._risen.append(score)
            return self._retrigger(episode) if self._n_risen_on() >= self.settings.min_windows else []
        self._take_back()
        is_above_off = self._belong(episode, score)
        now_ns = score.window.end_ns
        has_held = not is_above_off and now_ns - episode.last.end_ns >= _ns(self.settings.hold_s)
        if has_held and not episode.shaking.goes_on(score.window.level_db):
            return self.close("off")
        if now_ns - episode.first.end_ns >= _ns(self.settings.max_duration_s):
            self._is_armed = not is_above_off
            return self.close("max_duration")
        if now_ns - episode.told_ns >= _ns(self.settings.update_interval_s) and episode.has_news():
            return [self._tell(episode, DetectionState.UPDATE)]
        return []

    def _belong(self, episode: Episode, score: Score) -> bool:
        """Count a window to the detection that is on if it is at or above ``off``; returns whether it is."""
        is_above_off = score.probability >= self.settings.off
        if is_above_off:
            episode.add(score)
        else:
            episode.follow(score.window)
        return is_above_off

    def _rises_anew(self, episode: Episode, score: Score) -> bool:
        """Whether the ground at a window, with those set apart before it, moves as in another earthquake."""
        end_ns = score.window.end_ns
        if end_ns - episode.last.end_ns < _ns(self.settings.refractory_s):
            return False
        windows = [score.window, *(risen.window for risen in self._risen)]
        level_db = max(window.level_db for window in windows)
        in_time = end_ns - episode.first.end_ns <= _ns(self.settings.max_s_minus_p_s)
        may_be_s = in_time and episode.shaking.may_be_s(highest_known(w.vertical_db for w in windows))
        return episode.shaking.rises_anew(level_db, may_be_s=may_be_s)

    def _n_risen_on(self) -> int:
        """Count the windows at or above ``on`` at the end of those set apart."""
        return sum(1 for _ in takewhile(lambda s: s.probability >= self.settings.on, reversed(self._risen)))

    def _retrigger(self, episode: Episode) -> list[TriggerChange]:
        n_on, risen, self._risen = self._n_risen_on(), self._risen, []
        changes = self.close("retrigger")
        first, *others = risen[-n_on:]
        upright_db = self._motion.upright_db(first.window.end_ns)
        self._episode = Episode(first, rest_db=episode.shaking.trough_db, upright_db=upright_db)
        for score in others:
            self._episode.add(score)
        return [*changes, self._tell(self._episode, DetectionState.NEW)]

    def _give_back_old(self, episode: Episode, now_ns: int) -> None:
        """Give the windows whose rise the model did not know within `RISE_WAIT_S` to the detection that is on."""
        while (
            self._risen
            and now_ns - self._risen[0].window.end_ns > _ns(RISE_WAIT_S)
            and not self._n_risen_on()
        ):
            self._belong(episode, self._risen.pop(0))

    def _take_back(self) -> None:
        """Give the windows that were set apart to the detection that is on: they were no other earthquake."""
        risen, self._risen = self._risen, []
        for score in risen:
            assert self._episode is not None
            self._belong(self._episode, score)

    def _break_off(self) -> None:
        """Windows are missing: those before do not count as consecutive any more."""
        self._take_back()
        if not self.is_on:
            self._episode = None

    def _tell(self, episode: Episode, state: DetectionState, *, reason: str = "") -> TriggerChange:
        assert self._last is not None
        key = detection_id(self._spec, self._instrument_id, episode.first)
        return episode.tell(state, key=key, now_ns=self._last.end_ns, reason=reason)


def detection_id(spec: ModelSpec, instrument_id: InstrumentId, first: Window) -> str:
    """Name a detection by model, instrument and triggering window: the same after a restart and on replay."""
    text = f"{spec.sha256} {instrument_id} {first.start_index}"
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)
