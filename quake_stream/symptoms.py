"""
Find in the counters what an operator should know: which of them grew lately, in words.  Pure.

Time is an argument.  What is not listed here is normal life (gaps, reconnects, refused records), told by
the counters, the log and the states of the stations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from quake_stream.counters import Key

_DAY_S: Final = 86_400.0
_N_NAMED: Final = 3
_OPENED: Final = "connections.opened"
_LOST: Final = "connections.lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong: ``kind`` stays the same as long as it lasts, ``words`` may change."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """
    A counter that should not grow.

    In ``words``, {who} becomes the stations or servers of its keys, {why} the reason.  It stands for
    ``lasts_s`` after the counter last grew, or until the counter ``ends_with`` grows.
    """

    name: str
    words: str
    lasts_s: float = inf
    reason: str = ""  # of this reason only
    ends_with: str = ""


SYMPTOMS: Final = (
    Symptom(name="positions.unsaved", words="positions cannot be saved ({why})", ends_with="positions.saved"),
    Symptom(
        name="positions.refused",
        reason="corrupt",
        words="the file of positions was damaged and set aside: all stations began anew",
        lasts_s=_DAY_S,
    ),
    Symptom(name="positions.unread", words="the file of positions cannot be read ({why})", lasts_s=_DAY_S),
    Symptom(name="segments.damaged", words="a damaged part of the journal was set aside", lasts_s=_DAY_S),
    Symptom(name="segments.unreadable", words="a part of the journal cannot be read", lasts_s=_DAY_S),
    Symptom(
        name="reloads.refused",
        words="the configuration has mistakes: the last reload was refused, the old one stays in force",
        ends_with="reloads.done",
    ),
    Symptom(name="health_files.failed", words="the health report cannot be written ({why})", lasts_s=10.0),
    Symptom(name="metrics.unavailable", words="nobody can ask for metrics ({why})", lasts_s=30.0),
    Symptom(name="batches.failed", words="the model fails on some windows", lasts_s=600.0),
    Symptom(name="instruments.failed", words="the detector fails on data of {who} ({why})", lasts_s=600.0),
    # Servers are asked again for what they refused every hour.
    Symptom(name="stations.refused", words="refused by their server: {who}", lasts_s=2 * 3600.0),
    Symptom(
        name="records.refused",
        reason="too_many_stations",
        words="{who} sends more stations than are allowed; what is beyond that is dropped",
        lasts_s=600.0,
    ),
    Symptom(
        name="packets.refused",
        reason="too_many_instruments",
        words="more instruments send than are allowed; what is beyond that is dropped",
        lasts_s=600.0,
    ),
)


class Symptoms:
    """Follow the counters; ``now_s`` is monotonic."""

    def __init__(self, symptoms: tuple[Symptom, ...] = SYMPTOMS) -> None:
        self._symptoms = symptoms
        self._watched = {s.name for s in symptoms} | {s.ends_with for s in symptoms} | {_OPENED, _LOST}
        self._before: dict[Key, int] = {}
        self._grew_s: dict[Key, float] = {}
        self.lost: dict[str, str] = {}
        """Servers without connection, each with the reason of the last loss."""

    def look(self, counts: Mapping[Key, int], now_s: float) -> tuple[Problem, ...]:
        """Problems that stand now; what was counted before the first look has just happened."""
        grown = self._grown(counts)
        self._note_links(grown)
        self._grew_s |= dict.fromkeys(grown, now_s)
        ended = {key.name for key in grown}
        problems = []
        for symptom in self._symptoms:
            keys = self._standing(symptom, now_s)
            # What failed and went well since the last look may have done so in either order.
            if symptom.ends_with in ended and not grown & keys:
                for key in keys:
                    del self._grew_s[key]
            elif keys:
                problems.append(Problem(kind=_kind(symptom), words=_words(symptom, keys)))
        return tuple(problems)

    def _grown(self, counts: Mapping[Key, int]) -> set[Key]:
        watched = {key: n for key, n in counts.items() if key.name in self._watched}
        grown = {key for key, n in watched.items() if n > self._before.get(key, 0)}
        self._before = watched
        return grown

    def _note_links(self, grown: set[Key]) -> None:
        for key in grown:
            if key.name == _OPENED:
                self.lost.pop(key.station, None)
        # Lost and opened since the last look: a link that holds will say so by its data.
        self.lost |= {key.station: key.reason for key in grown if key.name == _LOST}

    def _standing(self, symptom: Symptom, now_s: float) -> set[Key]:
        return {
            key
            for key, grew_s in self._grew_s.items()
            if key.name == symptom.name
            and symptom.reason in {"", key.reason}
            and now_s - grew_s <= symptom.lasts_s
        }


def _kind(symptom: Symptom) -> str:
    return f"{symptom.name}.{symptom.reason}" if symptom.reason else symptom.name


def _words(symptom: Symptom, keys: set[Key]) -> str:
    stations = sorted({key.station for key in keys} - {""})
    more = f" and {len(stations) - _N_NAMED} more" if len(stations) > _N_NAMED else ""
    why = ", ".join(sorted({key.reason for key in keys} - {""})) or "unknown reason"
    return symptom.words.format(who=", ".join(stations[:_N_NAMED]) + more, why=why)
