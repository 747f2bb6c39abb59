"""What a check has found, as values; no I/O, and no layout: that is the command line's."""

import enum
from dataclasses import asdict, dataclass
from typing import Literal

CONFIGURATION, MODEL = "configuration", "model"
_EX_CONFIG = 78

State = Literal["ok", "silent", "late", "clock_ahead", "future", "sample_rate", "components"]


class Level(enum.StrEnum):
    """How bad a finding is: a warning lets the service run, a problem does not, or makes it pointless."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about one part (``model``, ``rtserve.example:18000``) that an operator can act on."""

    level: Level
    about: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentReport:
    """
    One instrument of one source.

    ``components`` are the subsource codes that were found, ``used`` those that the model will see, in its
    channel order (empty: none of its component sets is complete).  ``rates_hz`` are the distinct sampling
    rates; ``record_s`` is the length of the longest record, ``latency_s`` the worst age of a newest sample
    on arrival, negative where the station's clock is ahead; None where it is not known.  ``state`` is the
    worst that there is to say, ``note`` says it in words.
    """

    source: str
    instrument: str
    components: tuple[str, ...]
    used: tuple[str, ...]
    rates_hz: tuple[float, ...]
    record_s: float | None
    latency_s: float | None
    state: State
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Windows a second: what this machine scores, and what the instruments need (None: not known)."""

    scored_per_s: float
    needed_per_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found, in the order in which it was looked at."""

    config: str
    findings: tuple[Finding, ...]
    instruments: tuple[InstrumentReport, ...]
    load: Load | None

    @property
    def exit_status(self) -> int:
        """0 all well, warnings or not; 78 a wrong configuration or model; 1 any other problem."""
        problems = {finding.about for finding in self.findings if finding.level is Level.PROBLEM}
        if problems & {CONFIGURATION, MODEL}:
            return _EX_CONFIG
        return 1 if problems else 0

    def as_dict(self) -> dict[str, object]:
        """Everything as plain values, ready for JSON."""
        return {"exit_status": self.exit_status, **asdict(self)}


def ok(about: str, text: str) -> Finding:
    """Make a finding of something that is well."""
    return Finding(level=Level.OK, about=about, text=text)


def warning(about: str, text: str) -> Finding:
    """Make a finding that the service can live with."""
    return Finding(level=Level.WARNING, about=about, text=text)


def problem(about: str, text: str) -> Finding:
    """Make a finding that must be mended."""
    return Finding(level=Level.PROBLEM, about=about, text=text)


def problems(about: str, error: Exception) -> list[Finding]:
    """Make one finding of each line of an error's message."""
    return [problem(about, line) for line in str(error).split("\n")]


def duration(seconds: float) -> str:
    """Write a duration for a person: ``0.4 s``, ``12 min``, ``5 h``, ``40 d``."""
    for limit_s, unit_s, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if abs(seconds) < limit_s:
            return f"{seconds / unit_s:.1f} {unit}" if unit == "s" else f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def some(names: list[str], limit: int = 5) -> str:
    """Name the first few and count the rest."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{', '.join(names[:limit])}{more}"
