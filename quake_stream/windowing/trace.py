"""
One component of an instrument: packets in any order → samples at the model's rate.

What was kept first stays, nothing is invented, and all that is dropped is counted.  Knows nothing about
windows and other components.
"""

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Gap, Packet
from quake_stream.windowing.clock import TraceClock, rational_rate
from quake_stream.windowing.highpass import HighPass
from quake_stream.windowing.resampler import Resampler
from quake_stream.windowing.ring import RingBuffer, Run

SAME_RATE = 1e-4  # relative; declared rates that differ by less are one rate, and the clock follows
JITTER = 1 / 8  # samples; headers further off than this are counted


class Trace:
    """
    Samples of one component, with and without high-pass, by absolute index at the model's rate.

    Parameters
    ----------
    source_id
        The component.
    sample_rate_hz
        The model's rate; a trace of exactly this rate is not resampled.
    highpass
        Filter at the model's rate, or None.
    ring_s
        Seconds of samples to keep.
    counters
        Where drops, gaps and oddities are counted.
    """

    def __init__(
        self,
        *,
        source_id: SourceId,
        sample_rate_hz: float,
        highpass: HighPass | None,
        ring_s: float,
        counters: Counters,
    ) -> None:
        self._source_id = source_id
        self._model_rate = rational_rate(sample_rate_hz)
        self._highpass = highpass
        self._ring_s = ring_s
        self._counters = counters
        self._rate_hz = 0.0
        self._clock: TraceClock | None = None
        self._resampler: Resampler | None = None
        self.raw = RingBuffer(round(ring_s * self._model_rate))
        """Samples at the model's rate."""
        self._native = self.raw
        self.ready = RingBuffer(self.raw.capacity) if highpass else self.raw
        """Samples at the model's rate after the high-pass, or `raw` without one."""
        self.n_warm_up = highpass.n_taps - 1 if highpass else 0
        """Number of raw samples of a gap-free run before the first that is ready."""
        self.end_ns: int | None = None
        """Time after the newest sample received, UTC ns; None before the first."""
        self._moves: list[tuple[int, int]] = []  # (decided, step) of each relabelling that still matters

    @property
    def serves_from(self) -> int:
        """First index of the newest gap-free run that is ready, or will be; `raw` must not be empty."""
        return self.raw.runs[-1][0] + self.n_warm_up

    def receive(self, packet: Packet, *, decided: int = 0) -> list[Gap]:
        """
        Take the samples of a packet.

        Parameters
        ----------
        packet
            With samples, not refused by `admission.refusal`.
        decided
            Index at the model's rate: windows that start before it have been decided, and go on to read
            the samples that they were decided on, even if labels move now.

        Returns
        -------
        list of Gap
            The gap that the packet has opened, if any.
        """
        if not self._follow_rate(packet):
            return []
        clock, ring = self._clock, self._native
        assert clock is not None
        samples = packet.samples.astype(np.float32)
        start, gaps = self._locate(clock, packet)
        stop, head = start + len(samples), start if ring.is_empty else ring.head
        if stop <= ring.tail and not ring.is_empty:
            self._count("packets.dropped", reason="too_old")
            return []
        self._write(start, samples)
        if start <= head < stop:
            self._follow_clock(clock, packet, start, decided)
        self.end_ns = clock.time_ns(ring.head)
        return gaps

    def read_into(self, out: NDArray[np.float32], start: int, *, filtered: bool) -> bool:
        """
        Copy samples from index ``start`` on into ``out`` [n].

        Without a high-pass ``filtered`` makes no difference.  Returns False, with ``out`` as it was,
        where a sample is missing.
        """
        ring = self.ready if filtered else self.raw
        return ring.read_into(out, start + sum(step for decided, step in self._moves if start < decided))

    def reserve(self, ring_s: float) -> None:
        """Keep at least ``ring_s`` seconds from now on."""
        if ring_s <= self._ring_s:
            return
        self._ring_s = ring_s
        n = round(ring_s * self._model_rate)
        self.raw.grow(n)
        if self.ready is not self.raw:
            self.ready.grow(n)
        if self._native is not self.raw and self._clock is not None:
            self._native.grow(round(ring_s * self._clock.rate))

    def release(self) -> None:
        """Forget all samples and give back their memory; what comes next is judged by the end of what was."""
        for ring in (self.raw, self.ready, self._native):
            ring.clear()

    def _follow_rate(self, packet: Packet) -> bool:
        """Restart where the rate has changed; False where the packet cannot be used."""
        if self._clock is not None:
            if abs(packet.sample_rate_hz / self._rate_hz - 1) < SAME_RATE:
                return True
            if self.end_ns is not None and packet.end_ns <= self.end_ns:
                self._count("packets.dropped", reason="rate_change")  # a late one of before the change
                return False
            self._count("traces.restarted", reason="rate_change")
        rate = rational_rate(packet.sample_rate_hz)
        self._rate_hz = packet.sample_rate_hz
        self._clock = TraceClock(rate)
        # What is in `raw` stays: windows may still be waiting to read it.
        is_same = rate == self._model_rate
        self._resampler = None if is_same else Resampler(rate, self._model_rate)
        self._native = self.raw if is_same else RingBuffer(round(self._ring_s * rate))
        return True

    def _locate(self, clock: TraceClock, packet: Packet) -> tuple[int, list[Gap]]:
        start = clock.locate(packet.start_ns)
        if clock.is_anchored and start <= self._native.head:
            return start, []
        start = clock.anchor(packet.start_ns)
        half_sample_ns = round(NS_PER_S / clock.rate / 2)
        if self.end_ns is None or packet.start_ns <= self.end_ns + half_sample_ns:
            return start, []
        self._count("gaps")
        return start, [Gap(source_id=self._source_id, start_ns=self.end_ns, end_ns=packet.start_ns)]

    def _write(self, start: int, samples: NDArray[np.float32]) -> None:
        ring, stop = self._native, start + len(samples)
        head = start if ring.is_empty else ring.head
        if start < head:
            conflicting = ring.n_conflicting(start, samples)
            if conflicting:
                self._count("samples.conflicting", conflicting)
        new = ring.write(start, samples)
        if not new:
            self._count("packets.repeated")
        elif stop <= head:
            self._count("packets.late")
        elif start < head:
            self._count("packets.overlapping")
        for run in new:
            if self._resampler is None:
                self._filter(run)
            else:
                self._resample(self._resampler, run)

    def _resample(self, resampler: Resampler, new: Run) -> None:
        """Evaluate the outputs that new samples have made possible, each once."""
        assert self._clock is not None
        run = self._native.run_at(new[0])
        assert run is not None
        # Two samples more than the span: the phase may have moved since the last outputs.
        margin = resampler.n_taps + 2
        start, stop = max(run[0], new[0] - margin), min(run[1], new[1] + margin)
        phase = self._clock.phase_16ths
        holes = self.raw.holes(*resampler.outputs_for(start, stop, phase))
        samples = self._native.read(start, stop) if holes else None
        if samples is None:
            return
        for hole in holes:
            for written in self.raw.write(hole[0], resampler.evaluate(samples, start, hole, phase)):
                self._filter(written)

    def _filter(self, new: Run) -> None:
        """Filter what new raw samples have completed the span of, each once."""
        run = self.raw.run_at(new[0])
        if self._highpass is None or run is None:
            return
        start, stop = max(new[0], run[0] + self.n_warm_up), min(run[1], new[1] + self.n_warm_up)
        for first, last in self.ready.holes(start, stop):
            samples = self.raw.read(first - self.n_warm_up, last)
            if samples is not None:
                self.ready.write(first, self._highpass.apply(samples))

    def _follow_clock(self, clock: TraceClock, packet: Packet, start: int, decided: int) -> None:
        residual = clock.residual(packet.start_ns, start)
        if abs(residual) > JITTER:
            self._count("packets.jittered")
        step = clock.track(residual, packet.n_samples)
        if step == 0:
            return
        self._native.shift(step)
        if self._native is self.raw:
            if self.ready is not self.raw:
                self.ready.shift(step)
            self._moves = [move for move in self._moves if move[0] > self.raw.tail] + [(decided, step)]

    def _count(self, name: str, n: int = 1, *, reason: str = "") -> None:
        station = self._source_id.instrument.nsl
        self._counters.add(name, n, reason=reason, station=station)
