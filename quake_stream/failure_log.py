"""
Log which instruments have windows that the model cannot score: each at once, then at most once an hour.

Decides nothing; every such window is counted elsewhere.
"""

import time
from collections.abc import Callable, Sequence

import structlog

from quake_stream.source_id import InstrumentId

log = structlog.get_logger()

_INTERVAL_S = 3600.0
_MAX_NAMED = 20  # instruments in one line, which must stay below the 4 KiB that journald keeps whole


class FailureLog:
    """Log failures of the model; ``now_s`` is a monotonic clock."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._next_s: dict[str, float] = {}
        self._n_windows = 0

    def note(self, instruments: Sequence[InstrumentId], error: str) -> None:
        """
        Note that a batch failed, and the instruments of the windows that have no scores because of it.

        There are none where the batch failed as a whole, but none of its windows alone.
        """
        now_s = self._now_s()
        self._n_windows += len(instruments)
        names = dict.fromkeys(map(str, instruments)) or {"": None}
        due = [name for name in names if now_s >= self._next_s.get(name, now_s)]
        if not due:
            return
        log.error(
            "inference.failed",
            error=error,
            instruments=[name for name in due if name][:_MAX_NAMED],
            n_instruments=len([name for name in due if name]),
            n_windows=self._n_windows,  # since the last such line
        )
        self._n_windows = 0
        # What is over is forgotten, so that memory is bounded by what fails in one hour.
        self._next_s = {name: next_s for name, next_s in self._next_s.items() if next_s > now_s}
        self._next_s |= dict.fromkeys(due, now_s + _INTERVAL_S)
