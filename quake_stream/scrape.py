"""
Make the page of metrics from the parts of the running service.

It looks only, and only when somebody asks: nothing is done for metrics in between but to count.
"""

import platform
import time
from collections.abc import Callable, Iterator, Mapping

import quake_stream
from quake_stream.arrivals import Arrivals
from quake_stream.counters import Key
from quake_stream.histogram import HistogramCounts
from quake_stream.metrics.counts import counter_metrics
from quake_stream.metrics.process import process_metrics
from quake_stream.metrics.text import PREFIX, family, histogram, labels, single
from quake_stream.models.timed import TimedModel
from quake_stream.vitals import Vitals


class Scrape:
    """
    The metrics of one run of the service.

    Parameters
    ----------
    vitals, model, arrivals
        What is looked at.
    counts
        Gives all counters of the service.
    """

    def __init__(
        self,
        *,
        vitals: Vitals,
        model: TimedModel,
        arrivals: Arrivals,
        counts: Callable[[], Mapping[Key, int]],
    ) -> None:
        self._vitals = vitals
        self._model = model
        self._arrivals = arrivals
        self._counts = counts
        self._started_s = time.time()

    def page(self) -> bytes:
        """Write the page; callable from any thread."""
        now_s = time.monotonic()
        counts = self._counts()
        parts = [
            *self._states(now_s),
            *self._instruments(now_s),
            *self._work(counts),
            self._about(),
            counter_metrics(counts),
            process_metrics(self._started_s),
        ]
        return "".join(parts).encode("utf-8", "replace")

    def _states(self, now_s: float) -> Iterator[str]:
        """Write what the health report says, which is at most a second old."""
        health = self._vitals.latest
        if health is None:
            return
        yield _gauge("live", "1 while all its parts make progress.", int(self._vitals.is_live(now_s)))
        yield _gauge("ready", "1 while data come in from any source.", int(health.ready))
        problems = self._vitals.problems
        yield _gauge("problems", "Things that are wrong: quake-stream health tells more.", len(problems))
        yield family(
            f"{PREFIX}problem",
            "gauge",
            "1 for each thing that is wrong.",
            [(labels(kind=problem.kind), 1) for problem in problems],
        )
        yield family(
            f"{PREFIX}instruments",
            "gauge",
            "Instruments by state.",
            [(labels(state=state), n) for state, n in sorted(health.stations.items())],
        )
        ages = [(labels(server=s.name), s.last_packet_age_s) for s in health.sources]
        yield family(
            f"{PREFIX}source_last_packet_age_seconds",
            "gauge",
            "Time since the latest packet of a source; missing before its first.",
            [(label, round(age_s, 3)) for label, age_s in ages if age_s is not None],
        )
        yield family(
            f"{PREFIX}source_packets_total",
            "counter",
            "Packets that a source has delivered.",
            [(labels(server=s.name), s.n_packets) for s in health.sources],
        )

    def _instruments(self, now_s: float) -> Iterator[str]:
        # A station may have several instruments: velocity and acceleration, or one in a borehole.  Their codes
        # hold letters, digits and dashes only.
        latest = [
            (
                f'{{station="{i.network}.{i.station}",instrument="{i.location or "--"}.{i.band}{i.source}"}}',
                arrival,
            )
            for i, arrival in self._arrivals.latest().items()
        ]
        yield family(
            f"{PREFIX}last_packet_age_seconds",
            "gauge",
            "Time since the latest packet of an instrument.",
            [(label, f"{now_s - arrival.arrived_s:.3f}") for label, arrival in latest],
        )
        yield family(
            f"{PREFIX}data_latency_seconds",
            "gauge",
            "Time between the last sample of the latest packet and its arrival.",
            [(label, f"{arrival.delay_s:.3f}") for label, arrival in latest],
        )

    def _work(self, counts: Mapping[Key, int]) -> Iterator[str]:
        """Write what worker, model and feed have done; for all instruments together, never for each."""
        worker, queue = self._vitals.worker, self._vitals.queue
        inference = self._model.seconds.snapshot()
        n_joined, n_left = (_total(counts, f"subscriptions.{what}") for what in ("joined", "left"))
        yield _gauge("queue_packets", "Packets that wait for the detector.", len(queue))
        yield _gauge(
            "queue_used_ratio",
            "Share of the queue in use; when it is full, data are dropped.",
            queue.used,
        )
        yield _counter("windows", "Windows given to the model.", worker.pipeline.n_windows)
        yield _counter("batches", "Batches scored by the model.", inference.n)
        yield _counter("detections", "Detections begun.", worker.n_detections)
        yield _gauge("subscriptions", "Topics to which somebody listens now.", max(0, n_joined - n_left))
        yield _histogram("inference_seconds", "Time that the model took for a batch.", inference)
        yield _histogram(
            "detection_latency_seconds",
            "Time from the end of the window that triggered to the detection's first message.",
            worker.latency.snapshot(),
        )

    def _about(self) -> str:
        spec, python = self._model.spec, platform.python_version()
        model = labels(name=spec.name, version=spec.version, sha256=spec.sha256, transform=spec.transform)
        build = labels(version=quake_stream.__version__, python=python)
        return family(f"{PREFIX}model_info", "gauge", "The model in use.", [(model, 1)]) + family(
            f"{PREFIX}build_info", "gauge", "The program.", [(build, 1)]
        )


def _total(counts: Mapping[Key, int], name: str) -> int:
    return sum(n for key, n in counts.items() if key.name == name)


def _gauge(name: str, meaning: str, value: float) -> str:
    return single(f"{PREFIX}{name}", "gauge", meaning, value)


def _counter(name: str, meaning: str, value: float) -> str:
    return single(f"{PREFIX}{name}_total", "counter", meaning, value)


def _histogram(name: str, meaning: str, found: HistogramCounts) -> str:
    return histogram(f"{PREFIX}{name}", meaning, found)
