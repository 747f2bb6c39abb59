"""
Triggers of instruments → network detections: new → update → end | retract.  Pure: time is an argument.

Rule 1: ``new`` when ``min_stations`` triggers that agree pairwise are there; those that agree with at least
half of the stations belong to it as well, now or later (``update``), so that one false trigger among the
first does not split an earthquake in two.
Rule 2: a trigger belongs to one network detection at most: that with most stations that agree.
Rule 3: a trigger waits for company, and a network detection for further stations, as long as
`CoincidenceRule.keep_ns`; then the network detection ends when its last member has, or after
`MAX_DURATION_NS`.
Rule 4: a retracted trigger leaves; a network detection that keeps too few stations is retracted.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from quake_stream.counters import Counters
from quake_stream.network.rule import CoincidenceRule, StationTrigger
from quake_stream.types import NS_PER_S, DetectionState

MAX_DURATION_NS: Final = 600 * NS_PER_S  # twice what a detection lasts at most, for an end that never came
ID_LENGTH: Final = 20  # hexadecimal digits, as the ids of detections


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDetection:
    """
    One message of the life of one network detection.

    ``id`` is a hash of the ids of the triggers that made it; ``members`` are sorted by onset; ``on_ns`` is
    the time at which the last of the stations needed was on; ``off_ns`` the end of the last member, None
    while one is on.
    """

    id: str
    state: DetectionState
    revision: int
    min_stations: int
    members: tuple[StationTrigger, ...]
    on_ns: int
    off_ns: int | None
    reason: str = ""  # why it ended or was retracted: off, max_duration, retracted, shutdown

    @property
    def onset_ns(self) -> int:
        """First onset."""
        return self.members[0].onset_ns

    @property
    def stations(self) -> tuple[str, ...]:
        """``NET.STA`` of each station once, in the order of their onsets."""
        return tuple(dict.fromkeys(member.instrument_id.nsl for member in self.members))


@dataclass(slots=True, kw_only=True)
class _Open:
    """A network detection that has not ended."""

    id: str
    members: dict[str, StationTrigger]
    on_ns: int
    keep_until_ns: int
    revision: int = -1

    @property
    def n_stations(self) -> int:
        return len({member.instrument_id.nsl for member in self.members.values()})

    def off_ns(self) -> int | None:
        ends = [member.off_ns for member in self.members.values()]
        known = [end for end in ends if end is not None]
        return max(known) if len(known) == len(ends) else None


@dataclass(slots=True, kw_only=True)
class _Waiting:
    trigger: StationTrigger
    keep_until_ns: int


class Coincidence:
    """Follow the triggers of a network; ``now_ns`` is data time and never goes back."""

    def __init__(self, rule: CoincidenceRule, counters: Counters) -> None:
        self._rule = rule
        self._counters = counters
        self._waiting: dict[str, _Waiting] = {}
        self._open: list[_Open] = []
        self._now_ns = 0

    def receive(self, trigger: StationTrigger, state: DetectionState, now_ns: int) -> list[NetworkDetection]:
        """Take one message of the life of a detection; the first need not be its ``new``."""
        told = self.advance(now_ns)
        group = next((one for one in self._open if trigger.id in one.members), None)
        if state is DetectionState.RETRACT:
            self._waiting.pop(trigger.id, None)
            return told + (self._leave(group, trigger) if group else [])
        if group is not None:
            group.members[trigger.id] = trigger
        elif trigger.id in self._waiting:
            self._waiting[trigger.id].trigger = trigger
        elif state is DetectionState.NEW or self._now_ns - trigger.onset_ns <= self._rule.keep_ns:
            told += self._admit(trigger)
        return told + self.advance(now_ns)

    def advance(self, now_ns: int) -> list[NetworkDetection]:
        """Let data time pass: end what is over, forget what found no company."""
        self._now_ns = max(self._now_ns, now_ns)
        late = [key for key, one in self._waiting.items() if one.keep_until_ns < self._now_ns]
        self._drop(late)
        over = {one.id: reason for one in self._open if (reason := self._why_over(one))}
        told = [self._tell(one, DetectionState.END, over[one.id]) for one in self._open if one.id in over]
        self._open = [one for one in self._open if one.id not in over]
        return told

    def finish(self) -> list[NetworkDetection]:
        """End everything at the end of the data or of the program."""
        self._drop(list(self._waiting))
        over, self._open = self._open, []
        return [
            self._tell(one, DetectionState.END, "shutdown" if one.off_ns() is None else "off") for one in over
        ]

    def _drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            station = self._waiting.pop(key).trigger.instrument_id.nsl
            self._counters.add("triggers.dropped", reason="alone", station=station)

    def _why_over(self, one: _Open) -> str:
        if self._now_ns <= one.keep_until_ns:
            return ""
        if one.off_ns() is not None:
            return "off"
        return "max_duration" if self._now_ns - one.on_ns > MAX_DURATION_NS else ""

    def _admit(self, trigger: StationTrigger) -> list[NetworkDetection]:
        self._counters.add("triggers.received", station=trigger.instrument_id.nsl)
        joined = max(self._open, key=lambda one: self._n_agreeing(one, trigger), default=None)
        if joined is not None and self._belongs(joined, trigger):
            joined.members[trigger.id] = trigger
            return [self._tell(joined, DetectionState.UPDATE)]
        founders = self._company(trigger)
        if not founders:
            keep_until_ns = max(self._now_ns, trigger.onset_ns) + self._rule.keep_ns
            self._waiting[trigger.id] = _Waiting(trigger=trigger, keep_until_ns=keep_until_ns)
            return []
        return [self._found(founders)]

    def _company(self, trigger: StationTrigger) -> list[StationTrigger]:
        """Find triggers, of as many stations as needed, that agree pairwise with each other and this one."""
        candidates = [one.trigger for one in self._waiting.values() if self._rule.agree(one.trigger, trigger)]
        candidates.sort(key=lambda one: (abs(one.onset_ns - trigger.onset_ns), one.id))
        return next(self._cliques([trigger], candidates), [])

    def _cliques(
        self, chosen: list[StationTrigger], candidates: Sequence[StationTrigger]
    ) -> Iterator[list[StationTrigger]]:
        if len(chosen) == self._rule.min_stations:
            yield chosen
            return
        taken = {one.instrument_id.nsl for one in chosen}
        for n, one in enumerate(candidates):
            if one.instrument_id.nsl not in taken:
                rest = [other for other in candidates[n + 1 :] if self._rule.agree(one, other)]
                yield from self._cliques([*chosen, one], rest)

    def _found(self, founders: Iterable[StationTrigger]) -> NetworkDetection:
        members = {one.id: one for one in sorted(founders, key=_by_onset)}
        digest = hashlib.sha256("\n".join(sorted(members)).encode()).hexdigest()
        start_ns = max(self._now_ns, *(one.onset_ns for one in members.values()))
        one = _Open(
            id=digest[:ID_LENGTH],
            members=members,
            on_ns=max(member.on_ns for member in members.values()),
            keep_until_ns=start_ns + self._rule.keep_ns,
        )
        for key in members:
            self._waiting.pop(key, None)
        for waiting in sorted((other.trigger for other in self._waiting.values()), key=_by_onset):
            if self._belongs(one, waiting):
                members[waiting.id] = self._waiting.pop(waiting.id).trigger
        self._open.append(one)
        return self._tell(one, DetectionState.NEW)

    def _leave(self, one: _Open, trigger: StationTrigger) -> list[NetworkDetection]:
        before = dict(one.members)
        del one.members[trigger.id]
        if one.n_stations >= self._rule.min_stations:
            return [self._tell(one, DetectionState.UPDATE)]
        self._open.remove(one)
        for member in one.members.values():
            self._waiting[member.id] = _Waiting(trigger=member, keep_until_ns=one.keep_until_ns)
        one.members = before  # what was claimed is taken back as it was
        return [self._tell(one, DetectionState.RETRACT, "retracted")]

    def _n_agreeing(self, one: _Open, trigger: StationTrigger) -> int:
        """Count the stations that agree; a detection of the same instrument is another earthquake's."""
        members = one.members.values()
        if any(member.instrument_id == trigger.instrument_id for member in members):
            return 0
        return len({member.instrument_id.nsl for member in members if self._rule.agree(member, trigger)})

    def _belongs(self, one: _Open, trigger: StationTrigger) -> bool:
        return 2 * self._n_agreeing(one, trigger) >= one.n_stations

    def _tell(self, one: _Open, state: DetectionState, reason: str = "") -> NetworkDetection:
        one.revision += 1
        return NetworkDetection(
            id=one.id,
            state=state,
            revision=one.revision,
            min_stations=self._rule.min_stations,
            members=tuple(sorted(one.members.values(), key=_by_onset)),
            on_ns=one.on_ns,
            off_ns=one.off_ns(),
            reason=reason,
        )


def replay(
    triggers: Iterable[StationTrigger], rule: CoincidenceRule, counters: Counters
) -> Iterator[NetworkDetection]:
    """
    Run over recorded detections whose end is known, whatever their order.

    Each begins at its ``on_ns`` and ends at its ``off_ns``, as on a feed without delays.
    """
    steps: list[tuple[int, str, StationTrigger, DetectionState]] = []
    for trigger in triggers:
        begun = replace(trigger, off_ns=None)
        off_ns = trigger.on_ns if trigger.off_ns is None else trigger.off_ns
        steps.append((trigger.on_ns, trigger.id, begun, DetectionState.NEW))
        steps.append((off_ns, trigger.id, replace(trigger, off_ns=off_ns), DetectionState.END))
    coincidence = Coincidence(rule, counters)
    # `sorted` is stable, so that a detection of no length begins before it ends
    for time_ns, _, trigger, state in sorted(steps, key=lambda step: step[:2]):
        yield from coincidence.receive(trigger, state, time_ns)
    yield from coincidence.finish()


def _by_onset(trigger: StationTrigger) -> tuple[int, str]:
    return trigger.onset_ns, trigger.id
