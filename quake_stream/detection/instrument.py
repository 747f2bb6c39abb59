"""
One instrument: its windows with their background, its trigger, and what is measured.  Pure.

Whether a window can be used is decided when its last packet arrives, what it means when its scores
arrive, both in the order of the windows.  So neither packet cuts nor batch sizes change a result.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.detection.background import MIN_FRAMES, Frame, FrameCache, FrameSamples
from quake_stream.detection.batcher import WaitingWindow
from quake_stream.detection.level import level_samples, with_motion
from quake_stream.detection.measure import Measurement, Measurer, OnsetPicker
from quake_stream.detection.rest import RestKeeper, lookback_ns
from quake_stream.detection.trigger import Trigger, TriggerChange, TriggerSettings
from quake_stream.source_id import InstrumentId, SourceId
from quake_stream.types import (
    NS_PER_S,
    Detection,
    DetectionState,
    Gap,
    Latency,
    ModelSpec,
    Packet,
    RestPoint,
    Window,
)
from quake_stream.windowing.assembler import Assembler
from quake_stream.windowing.components import choose_set

State = Literal["ok", "warming_up", "triggered", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentStatus:
    """
    How an instrument is doing.

    ``components`` are the subsource codes in use, or where the model accepts no set of them (``refused``)
    those that were seen.
    """

    instrument_id: InstrumentId
    components: tuple[str, ...]
    last_data_ns: int | None
    state: State


class Instrument:
    """
    Packets → windows ready for a batch; scores → detections.

    Parameters
    ----------
    assembler
        Makes the windows and keeps their samples.
    trigger
        Decides; windows reach it in their order.
    needs_background
        Whether the model's feature transform needs the frames before a window.
    pick_onset
        Refines the onset, see `Measurer`.
    resumed
        Where an earlier process left the instrument, if it did.
    """

    def __init__(
        self,
        *,
        instrument_id: InstrumentId,
        spec: ModelSpec,
        assembler: Assembler,
        trigger: Trigger,
        needs_background: bool,
        pick_onset: OnsetPicker | None,
        counters: Counters,
        resumed: RestPoint | None = None,
    ) -> None:
        self._id = instrument_id
        self._spec = spec
        self._assembler = assembler
        self._trigger = trigger
        self._measurer = Measurer(spec=spec, reader=assembler, pick_onset=pick_onset)
        self._counters = counters
        self._frames = FrameCache(n_samples=spec.n_samples) if needs_background else None
        self._rest = RestKeeper(
            trigger=trigger,
            lookback_ns=lookback_ns(spec, n_filter=assembler.n_filter, needs_background=needs_background),
            resumed=resumed,
        )
        self._flat: frozenset[str] = frozenset()
        self._seen: set[str] = set()
        self._is_warming_up = True
        self._newest: Window | None = None  # handed to the batcher
        self._done: Window | None = None  # scored, or dropped since
        self._latency = Latency(data_s=0.0, queue_s=0.0, inference_s=0.0)
        self._measured: Measurement | None = None

    def receive(self, packet: Packet) -> tuple[list[Gap], list[WaitingWindow]]:
        """Take a packet; return the gaps it shows and the windows it completes, ready for the batcher."""
        self._seen.add(packet.source_id.subsource)
        gaps, windows = self._assembler.receive(packet)
        prepared = [w for w in map(self._prepare, windows) if w is not None]
        waiting = [w for w in prepared if not self._rest.was_decided(w.window)]
        if waiting:
            self._newest = waiting[-1].window
            self._is_warming_up = False
        return gaps, waiting

    def read(self, window: Window) -> NDArray[np.float32] | None:
        """Read a window for the model, float32 [n, components]; None, and counted, if overwritten since."""
        samples = self._read(window.start_index, window.components, filtered=True)
        if samples is None:
            self._done = window
            self._count("windows.dropped", "overwritten")
        return samples

    def receive_scores(
        self, window: Window, probabilities: Sequence[float], latency: Latency
    ) -> list[Detection]:
        """Take the class probabilities of a window, in the order of the windows."""
        self._rest.await_window(window)
        self._done = window
        self._latency = latency
        changes = self._trigger.receive(window, probabilities)
        is_new = any(change.state is DetectionState.NEW for change in changes)
        if self._trigger.is_on and not is_new and self._measured is not None:
            self._measured = self._measurer.go_on(self._measured, window)
        return [self._detection(change, window) for change in changes]

    def leave_out(self, window: Window) -> None:
        """Go on without a window that the model could not score; for the trigger it is a missing one."""
        self._done = window
        self._count("windows.dropped", "not_scored")

    def settle(self) -> list[Detection]:
        """Close a detection that a gap has ended, once no window before the gap is left to score."""
        window, ahead_ns = self._done, self._ahead_ns()
        if window is None or ahead_ns is None:
            return []
        return [self._detection(change, window) for change in self._trigger.expect(window.end_ns + ahead_ns)]

    def rest_point(self) -> RestPoint | None:
        """Tell where it last stood with no detection open; not to be called after `finish`."""
        window, ahead_ns = self._done, self._ahead_ns()
        next_ns = None if window is None or ahead_ns is None else window.start_ns + ahead_ns
        return self._rest.point(window, next_ns)

    def close_silent(self) -> list[Detection]:
        """Close what is on, as no data come any more; once no window is left to score."""
        if self._done is None:
            return []
        return [self._detection(change, self._done) for change in self._trigger.close_silent()]

    def finish(self) -> list[Detection]:
        """Close what is on, as the service stops."""
        if self._done is None:
            return []
        return [self._detection(change, self._done) for change in self._trigger.close("shutdown")]

    def release(self) -> None:
        """Give the memory of all samples back; after new ones it goes on as after a gap."""
        self._assembler.release()
        if self._frames is not None:
            self._frames.clear()

    def set_trigger(self, settings: TriggerSettings) -> None:
        """Use other thresholds from the next window on."""
        self._trigger.settings = settings

    def status(self) -> InstrumentStatus:
        """Say how the instrument is doing."""
        seen = self._seen - set(self._assembler.silent_components)
        chosen = self._assembler.components or choose_set(seen, self._spec.component_sets)
        is_void = bool(self._seen) and self._assembler.last_data_ns is None
        state: State = "ok"
        if self._trigger.is_on:
            state = "triggered"
        elif is_void or (chosen is None and self._assembler.next_start_index is not None):
            state = "refused"
        elif self._is_warming_up or self._assembler.is_warming_up:
            state = "warming_up"
        return InstrumentStatus(
            instrument_id=self._id,
            components=tuple(sorted(self._seen)) if chosen is None else chosen,
            last_data_ns=self._assembler.last_data_ns,
            state=state,
        )

    def _ahead_ns(self) -> int | None:
        """How long after the last window the next one starts; None while any is left to score, or none was."""
        window, following = self._done, self._assembler.next_start_index
        if window is None or window is not self._newest or following is None:
            return None
        return round((following - window.start_index) * NS_PER_S / self._spec.sample_rate_hz)

    def _prepare(self, window: Window) -> WaitingWindow | None:
        """Find what a window needs besides its samples; None, and counted, where it cannot be used."""
        samples = self._read(window.start_index, window.components, filtered=False)
        if samples is None:
            self._count("windows.dropped", "overwritten")
            return None
        is_flat = _is_flat(samples)
        frames: tuple[Frame, ...] = ()
        if self._frames is not None:
            frames = self._frames.before(
                window.start_index, window.components, lambda start: self._frame(start, window.components)
            )
            if len(frames) < MIN_FRAMES:
                self._is_warming_up = True
                self._count("windows.skipped", "warming_up")
                return None
            is_flat = np.logical_or.reduce([is_flat, *(frame.is_flat for frame in frames)])
        self._note_flat({code for code, flat in zip(window.components, is_flat, strict=True) if flat})
        spectra = tuple(frame.spectrum for frame in frames)
        if not self._flat:
            return WaitingWindow(window=self._with_level(window), spectra=spectra)
        return self._without_flat(window, spectra)

    def _without_flat(self, window: Window, spectra: tuple[NDArray[np.float32], ...]) -> WaitingWindow | None:
        """Treat components that are flat lines, here or in the background, as missing."""
        alive = set(window.components) - self._flat
        components = choose_set(alive, self._spec.component_sets)
        if components is None:
            self._is_warming_up = True
            self._count("windows.skipped", "flat")
            return None
        columns = [window.components.index(code) for code in components]
        return WaitingWindow(
            window=self._with_level(replace(window, components=components)),
            spectra=tuple(spectrum[:, columns] for spectrum in spectra),
        )

    def _with_level(self, window: Window) -> Window:
        n = level_samples(self._spec.sample_rate_hz)
        start = window.start_index + self._spec.n_samples - n
        samples = self._assembler.read(start, n, window.components, filtered=True)
        return window if samples is None else with_motion(window, samples)

    def _frame(self, start: int, components: tuple[str, ...]) -> FrameSamples | None:
        raw = self._read(start, components, filtered=False)
        samples = self._read(start, components, filtered=True)
        if raw is None or samples is None:
            return None
        return FrameSamples(samples=samples, is_flat=_is_flat(raw))

    def _read(self, start: int, components: tuple[str, ...], *, filtered: bool) -> NDArray[np.float32] | None:
        return self._assembler.read(start, self._spec.n_samples, components, filtered=filtered)

    def _note_flat(self, flat: set[str]) -> None:
        n_new = len(flat - self._flat)
        if n_new:
            self._counters.add("components.flat", n_new, station=self._id.nsl)
        self._flat = frozenset(flat)

    def _count(self, name: str, reason: str) -> None:
        self._counters.add(name, reason=reason, station=self._id.nsl)

    def _detection(self, change: TriggerChange, window: Window) -> Detection:
        """Join what the trigger says with what is measured; ``window`` is the latest one."""
        if change.state is DetectionState.NEW or self._measured is None:
            self._measured = self._measurer.begin(change.first, window)
        return Detection(
            id=change.id,
            instrument_id=self._id,
            channels=tuple(self._channel(code) for code in change.first.components),
            state=change.state,
            revision=change.revision,
            on_ns=change.first.end_ns,
            off_ns=change.off_ns,
            peak_ns=change.peak.end_ns,
            onset_ns=self._measured.onset_ns,
            onset_uncertainty_s=self._measured.onset_uncertainty_s,
            class_name=change.class_name,
            probabilities=change.probabilities,
            peak_probability=change.peak_probability,
            n_windows=change.n_windows,
            amplitude_counts=self._measured.amplitude_counts,
            snr_db=self._measured.snr_db,
            latency=self._latency,
            reason=change.reason,
        )

    def _channel(self, component: str) -> str:
        return SourceId(**asdict(self._id), subsource=component).channel


def _is_flat(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which components of ``samples`` [n, components] are constant."""
    flat: NDArray[np.bool_] = samples[0] == samples[-1]
    # Living sensors rarely begin and end on the same count: five times faster than looking at all.
    return (samples == samples[0]).all(axis=0) if flat.any() else flat
