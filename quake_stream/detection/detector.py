"""
The core in one object: packets → batches → detections.  Pure and sans-I/O.

The caller feeds packets, asks for batches, runs the model and hands the scores back; time is an argument.
No call blocks, waits or raises because of bad data.  Where the code itself fails on an instrument's data and
the caller's ``attempt`` holds that, this instrument begins anew behind them, and no other notices.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.detection.batcher import Batcher
from quake_stream.detection.building import BatchBuilder
from quake_stream.detection.features import get_transform
from quake_stream.detection.instrument import Instrument, InstrumentStatus
from quake_stream.detection.measure import OnsetPicker
from quake_stream.detection.roster import MAX_INSTRUMENTS, Roster
from quake_stream.detection.told import Told
from quake_stream.detection.trigger import Trigger, TriggerSettings
from quake_stream.protocols import Attempt
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, Batch, Detection, Gap, Latency, ModelSpec, Packet, RestPoint, Window
from quake_stream.windowing.assembler import Assembler

__all__ = ["Detector", "DetectorSettings", "InstrumentStatus"]

_Made = TypeVar("_Made")


def _directly(step: Callable[[], _Made], instrument_id: InstrumentId | None = None) -> _Made | None:
    """Take a step that may end all."""
    del instrument_id
    return step()


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """
    How windows are made and batched.

    ``max_wait_s`` is how long a window may wait for a batch to fill, ``max_latency_s`` after how long it
    is dropped.
    """

    hop_s: float
    ring_s: float
    max_future_s: float
    component_wait_s: float
    max_batch_windows: int
    max_wait_s: float
    max_latency_s: float


class Detector:
    """
    Make windows and batches, and turn scores into detections.

    Parameters
    ----------
    spec
        What the model needs.
    settings
        How windows are made and batched.
    trigger_for
        Thresholds of an instrument.
    pick_onset
        Refines onsets; None leaves them at the middle of the triggering window.
    counters
        Where every drop and refusal is counted; owned by the thread that owns the detector.
    resumed
        Where an earlier process left instruments; they go on from there.
    max_instruments
        Packets of more instruments are refused, until others have been silent for a day.
    attempt
        Takes each step for one instrument; the usual one lets every failure through, and so end all.

    Raises
    ------
    ValueError
        The model names an unknown feature transform.
    """

    def __init__(
        self,
        *,
        spec: ModelSpec,
        settings: DetectorSettings,
        trigger_for: Callable[[InstrumentId], TriggerSettings],
        pick_onset: OnsetPicker | None,
        counters: Counters,
        resumed: Mapping[InstrumentId, RestPoint] = MappingProxyType({}),
        max_instruments: int = MAX_INSTRUMENTS,
        attempt: Attempt | None = None,
    ) -> None:
        self.counters = counters
        self._resumed = resumed
        self._spec = spec
        self._settings = settings
        self._trigger_for = trigger_for
        self._pick_onset = pick_onset
        self._attempt = attempt or _directly
        self._hop_samples = max(1, round(settings.hop_s * spec.sample_rate_hz))
        self._instruments = Roster(self._new_instrument, max_instruments=max_instruments)
        self._builder = BatchBuilder(
            spec=spec, instruments=self._instruments, attempt=self._attempt, counters=counters
        )
        self._batcher = Batcher(
            max_windows=settings.max_batch_windows,
            max_wait_ns=round(settings.max_wait_s * NS_PER_S),
            max_age_ns=round(settings.max_latency_s * NS_PER_S),
            counters=counters,
        )
        self._told = Told()

    def receive(self, packet: Packet) -> list[Gap | Detection]:
        """Take a packet; return the gaps that it shows and the ends of detections that a gap has closed."""
        instrument_id = packet.source_id.instrument
        results = self._attempt(partial(self._receive, packet), instrument_id)
        if results is None:  # to its instrument, what cannot be handled did not come
            gap = Gap(source_id=packet.source_id, start_ns=packet.start_ns, end_ns=packet.end_ns)
            return [gap, *self._set_aside(instrument_id, min(packet.end_ns, packet.received_ns))]
        gaps, ends = results
        return [*gaps, *self._told.note(ends)]

    def deadline_ns(self) -> int | None:
        """Time at which the next batch is due (UTC ns); None when nothing waits."""
        return self._batcher.deadline_ns()

    def next_batch(self, now_ns: int, *, flush: bool = False) -> Batch | None:
        """
        Build the next batch, oldest windows first; None when it is neither full nor due.

        After this call you must score the batch and hand it to `receive_scores` before the next packet, as
        the samples stay where they are.  ``flush`` releases what waits, due or not: call it so until it
        returns None before `finish`.
        """
        while waiting := self._batcher.next_batch(now_ns, flush=flush):
            batch = self._builder.build(waiting, now_ns)
            if batch is not None:
                return batch
        return None

    def receive_scores(self, batch: Batch, scores: NDArray[np.float32], now_ns: int) -> list[Detection]:
        """
        Take the model's scores [batch, classes] of a batch, known at ``now_ns``.

        A window whose scores are not all finite has none: it is counted as dropped.

        Raises
        ------
        ValueError
            The scores have another shape.
        """
        shape = (len(batch.windows), len(self._spec.classes))
        if scores.shape != shape:
            raise ValueError(f"scores have shape {scores.shape}, not {shape}")
        detections: list[Detection] = []
        failed: set[InstrumentId] = set()
        is_scored = np.all(np.isfinite(scores), axis=1).tolist()
        for window, row, is_finite in zip(batch.windows, scores.tolist(), is_scored, strict=True):
            if window.instrument_id in failed:
                self.counters.add("windows.dropped", reason="failed", station=window.instrument_id.nsl)
                continue
            latency = _latency(window, batch.created_ns, now_ns)
            step = partial(self._take_scores, window, row if is_finite else None, latency)
            found = self._attempt(step, window.instrument_id)
            if found is None:
                failed.add(window.instrument_id)
                found = self._set_aside(window.instrument_id, window.end_ns)
            detections += self._told.note(found)
        for window in {window.instrument_id: window for window in batch.windows}.values():
            found = self._attempt(self._instruments[window.instrument_id].settle, window.instrument_id)
            if found is None:
                found = self._set_aside(window.instrument_id, window.end_ns)
            detections += self._told.note(found)
        return detections

    def close_silent(self, instrument_id: InstrumentId) -> list[Detection]:
        """
        Close the open detection of an instrument that has fallen silent, reason ``gap``.

        The end is the one that data after a gap would have brought, only sooner: whether a station is
        silent, the host's clock alone can tell.  Call `next_batch` with ``flush`` until it returns None before.
        """
        instrument = self._instruments.get(instrument_id)
        if instrument is None:
            return []
        ends = self._attempt(instrument.close_silent, instrument_id)
        if ends is None:
            return self._set_aside(instrument_id, instrument.status().last_data_ns or 0)
        return self._told.note(ends)

    def rest_point(self, instrument_id: InstrumentId) -> RestPoint | None:
        """Tell where an instrument last stood with no detection open; None where that is not known."""
        instrument = self._instruments.get(instrument_id)
        return None if instrument is None else instrument.rest_point()

    def finish(self) -> list[Detection]:
        """
        Close every open detection, reason ``shutdown``.

        Windows still waiting are counted as dropped; `next_batch` with ``flush`` leaves none.
        """
        self._batcher.clear()
        ends: list[Detection] = []
        for instrument_id, instrument in self._instruments.items():
            found = self._attempt(instrument.finish, instrument_id)
            ends += self._told.end(instrument_id, "shutdown") if found is None else self._told.note(found)
        return ends

    def instruments(self) -> Sequence[InstrumentStatus]:
        """Say how each instrument is doing, in the order in which they appeared."""
        return [instrument.status() for instrument in self._instruments]

    def set_triggers(self, trigger_for: Callable[[InstrumentId], TriggerSettings]) -> None:
        """Use other thresholds, for instruments known and to come, from their next window on."""
        self._trigger_for = trigger_for
        for instrument_id, instrument in self._instruments.items():
            instrument.set_trigger(trigger_for(instrument_id))

    def _receive(self, packet: Packet) -> tuple[list[Gap], list[Detection]]:
        instrument_id = packet.source_id.instrument
        instrument = self._instruments.hear(instrument_id, packet.received_ns)
        if instrument is None:
            self.counters.add("packets.refused", reason="too_many_instruments", station=instrument_id.nsl)
            return [], []
        gaps, waiting = instrument.receive(packet)
        for window in waiting:
            self._batcher.add(window)
        return gaps, instrument.settle()

    def _take_scores(self, window: Window, row: Sequence[float] | None, latency: Latency) -> list[Detection]:
        """Hand an instrument the scores of a window, None where it has none."""
        instrument = self._instruments[window.instrument_id]
        if row is None:
            instrument.leave_out(window)
            return []
        return instrument.receive_scores(window, row, latency)

    def _set_aside(self, instrument_id: InstrumentId, until_ns: int) -> list[Detection]:
        """Let an instrument that our code failed on begin anew, with what comes after a time; as after a gap."""
        self._batcher.drop(instrument_id)
        lost = RestPoint(decided_ns=until_ns, needed_ns=until_ns, is_armed=True)
        if self._instruments.get(instrument_id) is not None:
            self._instruments.replace(instrument_id, self._new_instrument(instrument_id, lost))
        return self._told.end(instrument_id, "gap")

    def _new_instrument(self, instrument_id: InstrumentId, resumed: RestPoint | None = None) -> Instrument:
        settings = self._settings
        assembler = Assembler(
            instrument_id=instrument_id,
            spec=self._spec,
            hop_samples=self._hop_samples,
            ring_s=settings.ring_s,
            max_future_s=settings.max_future_s,
            component_wait_s=settings.component_wait_s,
            counters=self.counters,
        )
        trigger = Trigger(
            instrument_id=instrument_id,
            spec=self._spec,
            hop_samples=self._hop_samples,
            settings=self._trigger_for(instrument_id),
        )
        return Instrument(
            instrument_id=instrument_id,
            spec=self._spec,
            assembler=assembler,
            trigger=trigger,
            needs_background=get_transform(self._spec.transform).needs_background,
            pick_onset=self._pick_onset,
            counters=self.counters,
            resumed=resumed or self._resumed.get(instrument_id),
        )


def _latency(window: Window, created_ns: int, now_ns: int) -> Latency:
    return Latency(
        data_s=max(0, window.received_ns - window.end_ns) / NS_PER_S,
        queue_s=max(0, created_ns - window.received_ns) / NS_PER_S,
        inference_s=max(0, now_ns - created_ns) / NS_PER_S,
    )
