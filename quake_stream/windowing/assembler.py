"""
Components of one instrument → windows on the UTC grid.  Data time only: no clock, no thread.

1. Windows start at multiples of the hop since 1970 and are decided in that order, each once.
2. A window is emitted when every component of the set in use is complete over it.
3. A window with a hole in any of them is skipped, and counted, once data beyond its end have come;
   samples that come before that still save it.
4. A component that stays behind is left out until it can serve again.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, Gap, ModelSpec, Packet, Window
from quake_stream.windowing.admission import refusal
from quake_stream.windowing.clock import index_to_ns, rational_rate
from quake_stream.windowing.components import COMPONENT_SETS, choose_set, is_useful
from quake_stream.windowing.coverage import count_lost, next_start, undecided_start
from quake_stream.windowing.highpass import HighPass
from quake_stream.windowing.trace import Trace


class Assembler:
    """
    Windows of one instrument.

    Parameters
    ----------
    instrument_id
        The instrument; its packets alone are handed in.
    spec
        Window length, rate, component sets and high-pass.
    hop_samples
        Distance between the starts of windows, in samples at the model's rate.
    counters
        Where drops, gaps and skipped windows are counted.
    ring_s
        Seconds of samples to keep; twice the longest record is added, since components that come in long
        records are that far apart.
    max_future_s
        By how much a packet may begin after its arrival.
    component_wait_s
        Data time to wait for components, at the start and for one that stays behind; the length of a
        record is added, since no sample can be had before its record is full.
    """

    def __init__(
        self,
        *,
        instrument_id: InstrumentId,
        spec: ModelSpec,
        hop_samples: int,
        counters: Counters,
        ring_s: float = 60.0,
        max_future_s: float = 60.0,
        component_wait_s: float = 10.0,
    ) -> None:
        self._instrument_id = instrument_id
        self._spec = spec
        self._hop = hop_samples
        self._counters = counters
        self._ring_s = ring_s
        self._max_future_ns = round(max_future_s * NS_PER_S)
        self._wait_ns = round(component_wait_s * NS_PER_S)
        self._rate = rational_rate(spec.sample_rate_hz)
        self._highpass = HighPass(spec.highpass_hz, spec.sample_rate_hz) if spec.highpass_hz else None
        self._traces: dict[str, Trace] = {}
        self._longest_ns = 0
        self._packet_ns: dict[str, int] = {}  # length of the last packet of each component
        self._first_ns: int | None = None
        self._resumed_ns = 0  # start of the data after the last time in which no component came
        self._absent: set[str] = set()  # components that windows do not wait for
        self._cursor: int | None = None  # start of the next window to decide
        self._floor = 0  # no window starts before it
        self.components: tuple[str, ...] = ()
        """Components of the last window decided, in channel order; empty where no set was complete."""
        self.is_warming_up = True
        """Whether no window has come since the start, or since the last one that was skipped."""

    @property
    def last_data_ns(self) -> int | None:
        """Time after the newest sample of any component, UTC ns; None before the first."""
        return max((t.end_ns for t in self._traces.values() if t.end_ns is not None), default=None)

    @property
    def next_start_index(self) -> int | None:
        """Start of the next window to decide: none before it will come; None while components are waited for."""
        return self._cursor

    @property
    def n_filter(self) -> int:
        """Number of samples before its own on which a sample behind the high-pass depends."""
        return self._highpass.n_taps - 1 if self._highpass else 0

    @property
    def silent_components(self) -> tuple[str, ...]:
        """Components that were seen but that windows do not wait for now."""
        return tuple(sorted(self._absent))

    def receive(self, packet: Packet) -> tuple[list[Gap], list[Window]]:
        """
        Take one packet.

        Returns
        -------
        tuple of list
            The gap that the packet has opened, if any, and the windows that it has completed, in order
            of ``start_index``.
        """
        code = packet.source_id.subsource
        if packet.n_samples == 0:
            self._count("packets.empty")
            return [], []
        useful = is_useful(code, self._spec.component_sets)
        newest_ns = self.last_data_ns
        reason = refusal(packet, self._max_future_ns, newest_ns) if useful else "component"
        if reason:
            self._count("packets.refused", reason=reason)
            return [], []
        self._make_room(packet)
        if newest_ns is not None and packet.start_ns - newest_ns > self._wait_ns:
            self._resumed_ns = packet.start_ns
        if self._first_ns is None:
            self._first_ns = packet.start_ns
        trace = self._traces.get(code) or self._add_trace(packet)
        gaps = trace.receive(packet, decided=self._cursor or 0)
        self._packet_ns[code] = packet.end_ns - packet.start_ns
        return gaps, self._decide(packet.received_ns)

    def read(
        self, start_index: int, n: int, components: Sequence[str], *, filtered: bool
    ) -> NDArray[np.float32] | None:
        """
        Copy samples, of a window or of what was before it.

        Parameters
        ----------
        start_index
            First sample at the model's rate since 1970.
        n
            Number of samples.
        components
            Subsource codes in channel order.
        filtered
            Whether to read behind the model's high-pass, if it has one.

        Returns
        -------
        NDArray of float32 or None
            [n, n_components]; None where any sample is missing, or no longer held.
        """
        out = np.empty((n, len(components)), np.float32)
        for channel, code in enumerate(components):
            trace = self._traces.get(code)
            if trace is None or not trace.read_into(out[:, channel], start_index, filtered=filtered):
                return None
        return out

    def release(self) -> None:
        """Forget all samples and give back their memory; then wait for components as at the start."""
        for trace in self._traces.values():
            trace.release()
        self._floor, self._cursor = self._cursor or self._floor, None  # what is decided stays so
        self._first_ns = None
        self._absent.clear()

    def _make_room(self, packet: Packet) -> None:
        duration_ns = packet.end_ns - packet.start_ns
        if duration_ns > self._longest_ns:
            self._longest_ns = duration_ns
            for trace in self._traces.values():
                trace.reserve(self._capacity_s())

    def _capacity_s(self) -> float:
        # Whole seconds, so that records of slightly different length do not move the samples each time.
        return self._ring_s + 2 * -(-self._longest_ns // NS_PER_S)

    def _add_trace(self, packet: Packet) -> Trace:
        code = packet.source_id.subsource
        trace = Trace(
            source_id=packet.source_id,
            sample_rate_hz=self._spec.sample_rate_hz,
            highpass=self._highpass,
            ring_s=self._capacity_s(),
            counters=self._counters,
        )
        self._traces[code] = trace
        if self._cursor is not None:
            self._absent.add(code)  # it joins once it can serve
        return trace

    def _decide(self, received_ns: int) -> list[Window]:
        """Decide all windows that can be decided."""
        newest_ns = self.last_data_ns
        assert newest_ns is not None
        self._leave_out_silent(newest_ns)
        components = self._choose()
        if self._cursor is None:
            self._cursor = self._first_start(components, newest_ns)
        n, hop = self._spec.n_samples, self._hop
        windows: list[Window] = []
        while self._cursor is not None:
            start = self._cursor
            if self._rejoin(start, newest_ns):
                components = self._choose()
            if components is None:
                self._skip_without_components(start)
                break
            traces = [self._traces[code] for code in components]
            if all(trace.ready.is_complete(start, start + n) for trace in traces):
                windows.append(self._window(start, components, received_ns))
                self._cursor += hop
                continue
            lost = next((lost for t in traces if any(lost := count_lost(t, start, n, hop))), None)
            if lost is None:
                break
            self._skip("gap", lost.n_gap)
            self._skip("warming_up", lost.n_warming_up)
        return windows

    def _patience_ns(self) -> int:
        return self._wait_ns + max(self._packet_ns.values())

    def _leave_out_silent(self, newest_ns: int) -> None:
        """Wait no longer for components that are too far behind."""
        patience_ns = self._patience_ns()
        for code, trace in self._traces.items():
            if code in self._absent or trace.end_ns is None:
                continue
            # Time in which nothing came at all is no sign of one component being silent.
            if newest_ns - max(trace.end_ns, self._resumed_ns) > patience_ns:
                self._absent.add(code)
                self._count("components.silent")

    def _present(self) -> set[str]:
        return {c for c, trace in self._traces.items() if not trace.raw.is_empty} - self._absent

    def _choose(self) -> tuple[str, ...] | None:
        return choose_set(self._present(), self._spec.component_sets)

    def _first_start(self, chosen: tuple[str, ...] | None, newest_ns: int) -> int | None:
        """First window, once the components are known; None while they are not."""
        present = self._present()
        n_full = max(len(COMPONENT_SETS[name]) for name in self._spec.component_sets)
        is_full = chosen is not None and 0 < n_full <= len(chosen)
        assert self._first_ns is not None
        has_waited = newest_ns - self._first_ns > self._patience_ns()
        if not present or not (is_full or has_waited):
            return None
        starts = [self._traces[code].raw.runs[0][0] for code in chosen or present]
        return next_start(max(self._floor, *starts), self._hop)

    def _rejoin(self, start: int, newest_ns: int) -> bool:
        """Take back the components that serve again from ``start`` on; False where there is none."""
        back = set()
        for code in self._absent:
            trace = self._traces[code]
            if trace.end_ns is None or trace.raw.is_empty or trace.serves_from > start:
                continue
            if newest_ns - trace.end_ns <= self._patience_ns():
                back.add(code)
        self._absent -= back
        return bool(back)

    def _skip_without_components(self, start: int) -> None:
        head = max((t.raw.head for t in self._traces.values() if not t.raw.is_empty), default=start)
        until = undecided_start(head, self._spec.n_samples, self._hop)
        self.components = ()
        self._skip("component_missing", max(0, until - start) // self._hop)

    def _skip(self, reason: str, n: int) -> None:
        assert self._cursor is not None
        if n:
            # Of an outage of years only the windows at its two edges hold samples that are lost.
            n_edges = 2 * -(-self._spec.n_samples // self._hop)
            self._count("windows.skipped", min(n, n_edges), reason=reason)
            self._cursor += n * self._hop
            self.is_warming_up = True

    def _window(self, start: int, components: tuple[str, ...], received_ns: int) -> Window:
        self.components = components
        self.is_warming_up = False
        return Window(
            instrument_id=self._instrument_id,
            start_index=start,
            start_ns=index_to_ns(start, self._rate),
            end_ns=index_to_ns(start + self._spec.n_samples, self._rate),
            components=components,
            received_ns=received_ns,
        )

    def _count(self, name: str, n: int = 1, *, reason: str = "") -> None:
        self._counters.add(name, n, reason=reason, station=self._instrument_id.nsl)
