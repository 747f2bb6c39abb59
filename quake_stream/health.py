"""
Say how the service is doing: written by the service every second, read by ``quake-stream health``.

*Live* (all parts make progress) and *ready* (data come in) are told apart: a silent server upstream makes the
service degraded, never down.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from quake_stream.safe_open import create_anew, open_regular
from quake_stream.symptoms import Problem

State = Literal["ok", "degraded", "down"]

EXIT_CODES: Mapping[State, int] = {"ok": 0, "degraded": 1, "down": 2}

# The service writes every second; ten missed writes mean that it does not run any more.
_FRESH_S = 10.0
_MAX_BYTES = 2**20  # a few kilobytes are written


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One source: how many packets came, and how long ago the last one (None: none yet)."""

    name: str
    n_packets: int
    last_packet_age_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """
    State of the service with its reasons in words.

    ``live``: all its parts make progress.  ``ready``: data come in.
    """

    state: State
    live: bool
    ready: bool
    reasons: tuple[str, ...]
    written_s: float  # Unix time
    pid: int
    uptime_s: float
    version: str
    model: str
    model_sha256: str
    sources: tuple[SourceHealth, ...]
    stations: Mapping[str, int]  # number of instruments by state
    queue_depth: int
    windows_per_s: float
    n_detections: int
    counts: Mapping[str, int]


def assess(
    *,
    sources: Sequence[SourceHealth],
    lost: Mapping[str, str],
    stations: Mapping[str, int],
    n_dropped_lately: int,
    feed_problem: str,
    stuck: Iterable[str],
    stale_after_s: float,
    uptime_s: float,
) -> tuple[Problem, ...]:
    """
    Judge the service from what it sees, most important first.

    ``lost`` maps the servers without connection to the reason, ``stations`` states to numbers of
    instruments; ``stuck`` names the loops that do not turn.
    """
    problems = [Problem(kind=f"stuck {name}", words=f"{name} makes no progress") for name in sorted(stuck)]
    for source in sources:
        age_s = uptime_s if source.last_packet_age_s is None else source.last_packet_age_s
        if age_s > stale_after_s:
            why = f" (no connection: {lost[source.name]})" if source.name in lost else ""
            words = f"no data from {source.name} for {age_s:.0f} s{why}"
            problems.append(Problem(kind=f"source {source.name}", words=words))
    n_instruments = sum(stations.values())
    problems += [
        Problem(
            kind=f"instruments {state}", words=f"{stations[state]} of {n_instruments} instruments: {state}"
        )
        for state in ("stale", "gap", "refused")
        if stations.get(state)
    ]
    if n_dropped_lately:
        words = f"{n_dropped_lately} packets, windows or messages dropped in the last minute"
        problems.append(Problem(kind="drops", words=words))
    if feed_problem:
        problems.append(Problem(kind="feed", words=f"feed: {feed_problem}"))
    return tuple(problems)


def state_of(problems: Sequence[Problem], *, live: bool) -> State:
    """Down when parts of it hang, else degraded when anything is wrong."""
    if not live:
        return "down"
    return "degraded" if problems else "ok"


def is_ready(sources: Iterable[SourceHealth], stale_after_s: float) -> bool:
    """Whether data come in from any source."""
    ages_s = [source.last_packet_age_s for source in sources]
    return any(age_s is not None and age_s <= stale_after_s for age_s in ages_s)


_HEALTH = TypeAdapter(Health)


class HealthFile:
    """The file through which service and command meet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, health: Health) -> None:
        """Replace the file as a whole; raises OSError."""
        part = self._path.with_suffix(".part")
        with create_anew(part) as file:
            file.write(json.dumps(asdict(health)).encode())
        part.replace(self._path)

    def read(self, now_s: float) -> Health:
        """Read what the service wrote last; ``down`` with the reason when it is missing, torn or old."""
        try:
            with open_regular(self._path) as file:
                health = _HEALTH.validate_json(file.read(_MAX_BYTES))
        except FileNotFoundError:
            return _down(f"no service is running: {self._path} does not exist")
        except (OSError, ValidationError) as exc:
            return _down(f"{self._path} cannot be read: {str(exc).splitlines()[0]}")
        age_s = now_s - health.written_s
        if not _runs(health.pid):
            return _down(f"process {health.pid} has ended")
        if age_s > _FRESH_S:
            return _down(f"process {health.pid} has not reported for {age_s:.0f} s")
        return health

    def remove(self) -> None:
        """Remove the file at an orderly stop."""
        self._path.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # the latter: no such number
        return False
    except PermissionError:  # it runs, as another user
        return True
    return True


def _down(reason: str) -> Health:
    return Health(
        state="down",
        live=False,
        ready=False,
        reasons=(reason,),
        written_s=0.0,
        pid=0,
        uptime_s=0.0,
        version="",
        model="",
        model_sha256="",
        sources=(),
        stations={},
        queue_depth=0,
        windows_per_s=0.0,
        n_detections=0,
        counts={},
    )
