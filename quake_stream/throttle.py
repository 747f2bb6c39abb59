"""
Keep a log readable where something changes all day: the first changes are told, the rest summed up.  Pure.

Time is an argument.  Only lines are saved here: every change is still on the feed and in the counters.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_N_NAMED = 5
_TOGETHER_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """
    What was held back of one subject, or of many at once.

    ``changes`` counts the changes by the state that they led to; none: the subjects have come to rest.
    ``states`` counts the subjects by the state that they are in now.
    """

    subjects: tuple[str, ...]  # the first few
    n_subjects: int
    changes: Mapping[str, int]
    states: Mapping[str, int]


@dataclass(slots=True)
class _Subject:
    until_s: float
    state: str = ""
    n_free: int = 0
    held: Counter[str] = field(default_factory=Counter)
    flaps: bool = False
    is_crowded: bool = False


class Throttle:
    """
    Decide which changes of many subjects (stations, servers) are told at once.

    A subject may change ``n_free`` times in ``interval_s``.  What it does beyond that is held back and summed
    up at the end of the interval, and of each one after that, until it is at rest for a whole interval, which
    is said once.  All subjects together may change ``n_together`` times a minute; what is beyond that is
    summed up at the end of the minute.  `summaries` has to be asked for again and again.

    Memory is bounded by the subjects that changed in the last interval.
    """

    def __init__(self, *, interval_s: float = 3600.0, n_free: int = 4, n_together: int = 20) -> None:
        self._interval_s = interval_s
        self._n_free = n_free
        self._n_together = n_together
        self._n_told = 0  # in this minute
        self._next_s = float("-inf")
        self._subjects: dict[str, _Subject] = {}

    def admit(self, subject: str, state: str, now_s: float) -> bool:
        """Whether a change may be told at once; else it will be in a summary."""
        entry = self._subjects.get(subject)
        if entry is None or (now_s >= entry.until_s and not entry.held and not entry.flaps):
            entry = self._subjects[subject] = _Subject(now_s + self._interval_s, n_free=self._n_free)
        entry.state = state
        if entry.n_free == 0:
            entry.flaps = True
        elif self._n_told == self._n_together:
            entry.n_free -= 1
            entry.is_crowded = True
        else:
            entry.n_free -= 1
            self._n_told += 1
            return True
        entry.held[state] += 1
        return False

    def summaries(self, now_s: float) -> list[Summary]:
        """Sum up what was held back and is due; at most ``n_together`` of each kind, and once a minute."""
        if now_s < self._next_s:
            return []
        self._next_s = now_s + _TOGETHER_S
        self._n_told = 0
        restless, at_rest = [], []
        for name, entry in list(self._subjects.items()):
            is_over = now_s >= entry.until_s
            if entry.held and (is_over or entry.is_crowded):
                restless.append(_summary(name, entry))
                entry.held, entry.is_crowded = Counter(), False
            elif is_over and entry.flaps:
                at_rest.append(_summary(name, entry))
                entry.flaps = False
            if is_over:
                entry.until_s = now_s + self._interval_s
                if not entry.flaps:
                    del self._subjects[name]
        return [*self._together(restless), *self._together(at_rest)]

    def _together(self, found: Sequence[Summary]) -> Sequence[Summary]:
        """Make one summary of too many."""
        if len(found) <= self._n_together:
            return found
        changes: Counter[str] = Counter()
        states: Counter[str] = Counter()
        for summary in found:
            changes.update(summary.changes)
            states.update(summary.states)
        return [
            Summary(
                subjects=tuple(summary.subjects[0] for summary in found[:_N_NAMED]),
                n_subjects=len(found),
                changes=changes,
                states=states,
            )
        ]


def _summary(name: str, entry: _Subject) -> Summary:
    return Summary(subjects=(name,), n_subjects=1, changes=dict(entry.held), states={entry.state: 1})
