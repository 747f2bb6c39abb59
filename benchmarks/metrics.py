# ruff: noqa: INP001  a script, no package
"""
Time one scrape: ``python benchmarks/metrics.py [N]``, for N stations (2000).

Each has two gauges, gaps and three reasons for which windows were skipped; processor time of the thread is
measured, as a scrape takes it from the worker, and the best of twenty given, as other programs only slow it.
"""

import sys
import time
from types import SimpleNamespace

import numpy as np
from rich.console import Console

from quake_stream.arrivals import Arrivals
from quake_stream.counters import Counters, merge
from quake_stream.histogram import Histogram
from quake_stream.metrics.counts import counter_metrics
from quake_stream.models.stalta import StaLtaModel
from quake_stream.models.timed import BOUNDS_S, TimedModel
from quake_stream.packet_queue import PacketQueue
from quake_stream.scrape import Scrape
from quake_stream.source_id import SourceId
from quake_stream.types import Packet
from quake_stream.vitals import Vitals

N_ROUNDS = 20
REASONS = ("gap", "warming_up", "flat")


def scrape(n_stations: int) -> tuple[Scrape, Counters]:
    """Build a page of so many stations, with a worker that has nothing to do."""
    arrivals, counters = Arrivals(), Counters()
    for n in range(n_stations):
        source_id = SourceId.from_nslc(f"CX.S{n:04}..HHZ")
        packet = Packet(
            source_id=source_id,
            start_ns=0,
            sample_rate_hz=100.0,
            samples=np.zeros(100, np.int32),
            received_ns=3_123_456_789,
        )
        arrivals.note(packet, time.monotonic())
        counters.add("gaps", station=source_id.instrument.nsl)
        for reason in REASONS:
            counters.add("windows.skipped", reason=reason, station=source_id.instrument.nsl)
    worker = SimpleNamespace(
        stations=lambda: {"ok": n_stations},
        feed_problem="",
        windows_per_s=0.0,
        n_detections=0,
        pipeline=SimpleNamespace(n_windows=0),
        latency=Histogram(BOUNDS_S),
    )
    model = TimedModel(StaLtaModel())
    vitals = Vitals(
        worker=worker,  # type: ignore[arg-type]  # as much of a worker as is looked at
        intakes=[],
        queue=PacketQueue(max_packets=1),
        spec=model.spec,
        stale_after_s=120.0,
        started_s=time.monotonic(),
    )
    vitals.health(time.monotonic(), counters.snapshot())
    return Scrape(
        vitals=vitals, model=model, arrivals=arrivals, counts=lambda: merge([{}, counters.snapshot()])
    ), counters


def main() -> None:
    """Print the time for the page, and for the counters in it."""
    n_stations = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    page, counters = scrape(n_stations)
    whole, part = [], []
    for _ in range(N_ROUNDS):
        started_s = time.thread_time()
        text = page.page()
        whole.append(time.thread_time() - started_s)
        started_s = time.thread_time()
        counter_metrics(counters.snapshot())
        part.append(time.thread_time() - started_s)
    Console().print(
        f"{n_stations} stations, {text.count(bytes([10]))} lines, {len(text) / 1000:.0f} kB: "
        f"{min(whole) * 1000:.1f} ms, of which {min(part) * 1000:.1f} ms for the counters"
    )


if __name__ == "__main__":
    main()
