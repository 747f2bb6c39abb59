"""
What is never learned from: stations and days that figures are reported on, and the demonstration.

One table.  It holds for every source of training data, so that a station which stands in two sets under
one name is left out of both.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

ANY_TIME: Final = ("", "~")
"""First and last day of a recording whose time is unknown: every day might be in it."""

_YEAR_FIRST: Final = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})")
_YEAR_LAST: Final = re.compile(r"(\d{2})/(\d{2})/(\d{4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Stations (a pattern of ``NET.STA``) that are left out, on one UTC day or, where it is empty, always."""

    stations: str
    day: str = ""
    reason: str


HELD_OUT: Final = (
    HeldOut(stations="BW.UH*", reason="the demonstration"),
    HeldOut(stations="BW.RJOB", reason="the demonstration"),
    HeldOut(stations="BW.*", day="2010-05-27", reason="the demonstration"),
    HeldOut(stations="O2.WILZ", reason="evaluation: aftershocks in Oklahoma"),
    HeldOut(stations="CX.PB01", day="2014-05-01", reason="evaluation: northern Chile"),
    HeldOut(stations="CX.PB02", day="2014-05-01", reason="evaluation: northern Chile"),
    HeldOut(stations="CI.HEC", reason="evaluation: false alarms in California"),
    # One network of sensors under the name of its owner and under that of the evaluation.
    HeldOut(stations="OE.MX*", reason="evaluation: low-cost sensors in Mexico"),
    HeldOut(stations="OpenEEW.*", reason="evaluation: low-cost sensors in Mexico"),
)


def held_out(station: str, first_day: str, last_day: str) -> HeldOut | None:
    """Find what forbids learning from a station between two UTC days (``2014-05-01``, both included)."""
    for row in HELD_OUT:
        if fnmatchcase(station, row.stations) and (not row.day or first_day <= row.day <= last_day):
            return row
    return None


def day_span(time: str) -> tuple[str, str]:
    """
    Day of a time as tables write it (``2014-05-01T…``, ``2014/05/01 …``, ``01/05/2014 …``), twice.

    `ANY_TIME` where it holds no date.
    """
    if found := _YEAR_FIRST.match(time):
        day = "-".join(found.groups())
    elif found := _YEAR_LAST.match(time):
        day = "-".join(reversed(found.groups()))
    else:
        return ANY_TIME
    return day, day
