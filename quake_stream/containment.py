"""
Let a fault of this program in one instrument's data cost that instrument, and no other.

Such a fault is counted, and logged with its traceback: each place in the code at once, then at most once an hour.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from quake_stream.counters import Counters
from quake_stream.errors import QuakeStreamError
from quake_stream.source_id import InstrumentId

log = structlog.get_logger()

_INTERVAL_S = 3600.0
# Not the fault of any data: these end the service, and a restart may help.
_FATAL = (MemoryError, QuakeStreamError)

_Made = TypeVar("_Made")


class Containment:
    """
    An `quake_stream.protocols.Attempt`; used by the one thread that owns ``counters``.

    Without it the service would end, ask for the same data again after its restart, and end again.
    """

    def __init__(self, counters: Counters, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._counters = counters
        self._now_s = now_s
        self._next_s: dict[
            str, float
        ] = {}  # by place in the code, so that it does not grow with the stations
        self._n_failures = 0

    def __call__(self, step: Callable[[], _Made], instrument_id: InstrumentId | None = None) -> _Made | None:
        """Take a step; None, and told unless ``instrument_id`` is None, where it failed."""
        try:
            return step()
        except _FATAL:
            raise
        except Exception as exc:  # noqa: BLE001  whatever it is, the other instruments must go on
            if instrument_id is not None:
                self._note(instrument_id, exc)
            return None

    def _note(self, instrument_id: InstrumentId, exc: Exception) -> None:
        kind = type(exc).__name__
        self._counters.add("instruments.failed", reason=kind, station=instrument_id.nsl)
        self._n_failures += 1
        now_s, place = self._now_s(), f"{kind} {_place(exc)}"
        if now_s < self._next_s.get(place, now_s):
            return
        self._next_s[place] = now_s + _INTERVAL_S
        log.error(
            "instrument.failed",
            instrument=str(instrument_id),
            error=repr(exc),
            n_failures=self._n_failures,  # of any instrument and place, since the last such line
            exc_info=exc,
        )
        self._n_failures = 0


def _place(exc: Exception) -> str:
    """Line of code that raised."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
