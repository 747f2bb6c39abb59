"""
Remember where an instrument last stood with no detection open, so that a new process can go on as this one.

At rest a trigger holds nothing but what the samples just before show again.  Pure: nothing is saved here.
"""

from quake_stream.detection.background import memory_samples
from quake_stream.detection.measure import ONSET_MARGIN_S
from quake_stream.detection.shaking import REST_S
from quake_stream.detection.trigger import Trigger
from quake_stream.types import NS_PER_S, ModelSpec, RestPoint, Window

_MARGIN_S = 1.0  # the resampler reads less than this beyond what it makes


class RestKeeper:
    """
    Follow a trigger from rest to rest, and hold it still over windows that were decided before a restart.

    Parameters
    ----------
    trigger
        Of the instrument.
    lookback_ns
        See `lookback_ns`.
    resumed
        What an earlier process left, or the instrument itself before it began anew; None where there was none.
    """

    def __init__(self, *, trigger: Trigger, lookback_ns: int, resumed: RestPoint | None) -> None:
        self._trigger = trigger
        self._lookback_ns = lookback_ns
        self._resumed = resumed
        self._point = resumed

    def was_decided(self, window: Window) -> bool:
        """Whether a window was judged, or lost, before; the trigger then only learns that it was there."""
        resumed = self._resumed
        if resumed is None or window.end_ns > resumed.decided_ns:
            return False
        self._trigger.pass_over(window, is_armed=resumed.is_armed)
        return True

    def await_window(self, window: Window) -> None:
        """Note whether the trigger is at rest, just before it is told of a window."""
        if self._trigger.is_at_rest:
            self._point = self._at_rest(window.end_ns - 1, window.start_ns)

    def point(self, done: Window | None, next_start_ns: int | None) -> RestPoint | None:
        """
        Tell where the trigger last was at rest; before its first window ``resumed``.

        ``done`` is the last window that it was told of, ``next_start_ns`` the start of the next one, where
        that is known.
        """
        if done is not None and self._trigger.is_at_rest:
            start_ns = done.start_ns if next_start_ns is None else next_start_ns
            self._point = self._at_rest(done.end_ns, start_ns)
        return self._point

    def _at_rest(self, decided_ns: int, start_ns: int) -> RestPoint:
        needed_ns = start_ns - self._lookback_ns
        return RestPoint(decided_ns=decided_ns, needed_ns=needed_ns, is_armed=self._trigger.is_armed)


def lookback_ns(spec: ModelSpec, *, n_filter: int, needs_background: bool) -> int:
    """
    How far before its start (ns) samples bear on what becomes of a window.

    They make its background, the level of the ground at rest and the noise before an onset, all of them
    behind a high-pass that looks back ``n_filter`` samples itself.
    """
    n_samples = n_filter + (memory_samples(spec.n_samples) if needs_background else 0)
    return round((n_samples / spec.sample_rate_hz + max(REST_S, ONSET_MARGIN_S) + _MARGIN_S) * NS_PER_S)
