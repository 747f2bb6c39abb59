"""Group windows into batches.  Pure: no I/O, clock or logging."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.source_id import InstrumentId
from quake_stream.types import Window


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaitingWindow:
    """
    A window, and the log spectra [bins, components] of the frames before it.

    There are none where the feature transform needs no background.
    """

    window: Window
    spectra: tuple[NDArray[np.float32], ...] = ()


class Batcher:
    """
    Release a batch when it is full or when its oldest window is due.

    First in, first out, so the windows of one instrument keep their order.  Nothing is lost: every window
    added is released once, or counted as ``windows.dropped`` (``max_latency``: it waited longer than
    ``max_age_ns`` since its last sample arrived, and fresh windows matter more).
    """

    def __init__(self, *, max_windows: int, max_wait_ns: int, max_age_ns: int, counters: Counters) -> None:
        self._max_windows = max_windows
        self._max_wait_ns = max_wait_ns
        self._max_age_ns = max_age_ns
        self._counters = counters
        self._waiting: deque[WaitingWindow] = deque()

    def __len__(self) -> int:
        """Count the windows that wait."""
        return len(self._waiting)

    def add(self, waiting: WaitingWindow) -> None:
        """Append a window."""
        self._waiting.append(waiting)

    def deadline_ns(self) -> int | None:
        """Time at which the next batch is due (UTC ns), in the past if it is full; None if nothing waits."""
        if not self._waiting:
            return None
        received_ns = self._waiting[0].window.received_ns
        return received_ns if self._is_full() else received_ns + self._max_wait_ns

    def next_batch(self, now_ns: int, *, flush: bool = False) -> list[WaitingWindow]:
        """
        Release the next batch, oldest first; empty when it is neither full nor due.

        ``flush`` releases what waits, due or not.
        """
        self._drop_old(now_ns)
        if not (self._waiting and (flush or self._is_full() or self._is_due(now_ns))):
            return []
        batch: list[WaitingWindow] = []
        while self._waiting and len(batch) < self._max_windows:
            batch.append(self._waiting.popleft())
            self._drop_old(now_ns)
        return batch

    def drop(self, instrument_id: InstrumentId) -> None:
        """Drop what waits of an instrument that begins anew, counted as ``windows.dropped`` (``failed``)."""
        kept: deque[WaitingWindow] = deque()
        for waiting in self._waiting:
            if waiting.window.instrument_id == instrument_id:
                self._drop(waiting, "failed")
            else:
                kept.append(waiting)
        self._waiting = kept

    def clear(self) -> None:
        """Drop what waits, counted as ``windows.dropped`` (``shutdown``)."""
        for waiting in self._waiting:
            self._drop(waiting, "shutdown")
        self._waiting.clear()

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._max_windows

    def _is_due(self, now_ns: int) -> bool:
        # A window from the future means that the clock was set back: it must not wait for that again.
        waited_ns = now_ns - self._waiting[0].window.received_ns
        return not 0 <= waited_ns < self._max_wait_ns

    def _drop_old(self, now_ns: int) -> None:
        while self._waiting and now_ns - self._waiting[0].window.received_ns > self._max_age_ns:
            self._drop(self._waiting.popleft(), "max_latency")

    def _drop(self, waiting: WaitingWindow, reason: str) -> None:
        station = waiting.window.instrument_id.nsl
        self._counters.add("windows.dropped", reason=reason, station=station)
