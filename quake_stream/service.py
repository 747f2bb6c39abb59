"""
Wire the parts together, start them, watch over them, stop them.

Threads: main (here), one per source, one worker.  Nothing here touches samples.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

import quake_stream
from quake_stream import build
from quake_stream import log as logs
from quake_stream.config import Config, load
from quake_stream.counters import Counters, Key, by_reason, merge
from quake_stream.errors import ConfigError, QuakeStreamError
from quake_stream.health import Health, HealthFile, SourceHealth, assess
from quake_stream.ingest.resume import ResumeStore
from quake_stream.notify import Notifier
from quake_stream.packet_queue import PacketQueue
from quake_stream.protocols import Source
from quake_stream.supervision import GuardedThread, StopSignals, instance_lock
from quake_stream.types import Packet

log = structlog.get_logger()

_TICK_S = 1.0
_LOG_LINE_S = 60.0


class Intake:
    """A source with its thread's view: counts what it delivers and when."""

    def __init__(self, source: Source, put: Callable[[Packet], None]) -> None:
        self.source = source
        self.n_packets = 0
        self.last_packet_s: float | None = None
        self._put = put
        self._turns = -1
        self._turned_s = time.monotonic()

    def run(self) -> None:
        """Body of the source's thread."""
        self.source.run(self._deliver)

    def _deliver(self, packet: Packet) -> None:
        self.n_packets += 1
        self.last_packet_s = time.monotonic()
        self._put(packet)

    def health(self, now_s: float) -> SourceHealth:
        """State for the health report."""
        age_s = None if self.last_packet_s is None else now_s - self.last_packet_s
        return SourceHealth(name=self.source.name, n_packets=self.n_packets, last_packet_age_s=age_s)


class Service:
    """
    One run of the service.

    Parameters
    ----------
    config
        What to do.
    path
        Where the configuration came from: its stem names the instance, and a reload reads it again.
    """

    def __init__(self, config: Config, path: Path) -> None:
        self._config = config
        self._path = path
        self._signals = StopSignals()
        self._notifier = Notifier()
        self._queue = PacketQueue(max_packets=config.service.queue_packets)
        self._counters = Counters()  # of this thread
        self._started_s = time.monotonic()
        self._progress: dict[str, tuple[int, float]] = {}
        self._drops: list[tuple[float, int]] = []
        self._dropping = False
        self._next_line_s = self._started_s + _LOG_LINE_S

    def run(self) -> None:
        """
        Serve until stopped, or until all recordings are read.

        Raises
        ------
        QuakeStreamError
            The service cannot start (configuration, model, port, state folder) or one of its threads
            failed; the exit status is the error's.
        """
        name = self._path.stem
        with self._signals, instance_lock(self._config.state_dir / f"{name}.lock"):
            self._config.runtime_dir.mkdir(parents=True, exist_ok=True)
            self._health_file = HealthFile(self._config.runtime_dir / f"{name}.health.json")
            self._positions = ResumeStore(
                self._config.state_dir / f"{name}.positions.json",
                save_every_s=self._config.service.save_interval_s,
            )
            self._start()
            try:
                self._supervise()
            finally:
                self._stop()
                self._health_file.remove()
        self._raise_failure()

    def _start(self) -> None:
        config = self._config
        self._model = build.model(config)
        sources = build.sources(config, self._positions)
        is_replay = build.is_replay(config)
        put = self._queue.put_waiting if is_replay else self._queue.put
        self._intakes = [Intake(source, put) for source in sources]
        by_name = {source.name: source for source in sources}
        self._worker = build.worker(
            config,
            model=self._model,
            queue=self._queue,
            received=lambda packet: _acknowledge(by_name, packet),
        )
        wake = self._signals.wake.set
        self._worker_thread = GuardedThread(name="worker", body=self._worker.run, failed=wake)
        self._source_threads = [
            GuardedThread(name=f"ingest-{intake.source.name}", body=intake.run, failed=wake)
            for intake in self._intakes
        ]
        self._worker_thread.start()
        while not self._worker.ready.wait(0.05):
            if not self._worker_thread.is_alive():
                return  # the supervisor raises its failure
        for thread in self._source_threads:
            thread.start()
        log.info(
            "service.ready",
            version=quake_stream.__version__,
            config=str(self._path),
            model=self._model.spec.name,
            model_sha256=self._model.spec.sha256[:12],
            sources=[source.name for source in sources],
            bind=config.publish.bind,
        )
        self._notifier.send("READY=1", "STATUS=running")

    def _supervise(self) -> None:
        signals = self._signals
        threads = [self._worker_thread, *self._source_threads]
        while not signals.stop:
            if any(thread.failure for thread in threads):
                return
            if not any(thread.is_alive() for thread in self._source_threads):
                return  # every recording is read
            self._report()
            signals.wake.wait(_TICK_S)
            signals.wake.clear()
            if signals.reload:
                signals.reload = False
                self._reload()

    def _report(self) -> None:
        now_s = time.monotonic()
        self._positions.save_if_due(now_s)
        counts = self.counts()
        health = self._health(now_s, counts)
        try:
            self._health_file.write(health)
        except OSError:
            self._counters.add("health_files.failed")
        self._notifier.send(f"STATUS={health.state}: {'; '.join(health.reasons) or 'all well'}")
        if self._makes_progress(now_s):
            self._notifier.send("WATCHDOG=1")
        if now_s >= self._next_line_s:
            self._next_line_s = now_s + _LOG_LINE_S
            log.info(
                "service.heartbeat",
                state=health.state,
                reasons=list(health.reasons),
                instruments=dict(health.stations),
                windows_per_s=round(health.windows_per_s, 1),
                queue_depth=health.queue_depth,
                n_detections=health.n_detections,
                counts=health.counts,
            )

    def _health(self, now_s: float, counts: dict[Key, int]) -> Health:
        n_dropped = sum(n for key, n in counts.items() if key.name.endswith(".dropped"))
        self._drops = [(at_s, n) for at_s, n in self._drops if now_s - at_s < 60] + [(now_s, n_dropped)]
        lately = n_dropped - self._drops[0][1]
        self._log_dropping(lately)
        sources = tuple(intake.health(now_s) for intake in self._intakes)
        stations = self._worker.stations()
        state, reasons = assess(
            sources=sources,
            stations=stations,
            n_dropped_lately=lately,
            stale_after_s=self._config.service.stale_after_s,
            uptime_s=now_s - self._started_s,
        )
        spec = self._model.spec
        return Health(
            state=state,
            reasons=reasons,
            written_s=time.time(),
            pid=os.getpid(),
            uptime_s=round(now_s - self._started_s, 1),
            version=quake_stream.__version__,
            model=spec.name,
            model_sha256=spec.sha256,
            sources=sources,
            stations=stations,
            queue_depth=len(self._queue),
            windows_per_s=round(self._worker.windows_per_s, 1),
            n_detections=self._worker.n_detections,
            counts=by_reason(counts),
        )

    def _log_dropping(self, lately: int) -> None:
        if bool(lately) != self._dropping:
            self._dropping = bool(lately)
            event = "service.dropping" if self._dropping else "service.dropping_ended"
            log.warning(event, n_dropped=lately, queue_depth=len(self._queue))

    def _makes_progress(self, now_s: float) -> bool:
        """Whether the worker's and every source's loop turned within half the watchdog's time."""
        limit_s = (self._notifier.watchdog_s or 60.0) / 2
        loops = {"worker": self._worker.progress}
        loops |= {
            intake.source.name: intake.source.progress()
            for intake, thread in zip(self._intakes, self._source_threads, strict=True)
            if thread.is_alive()
        }
        stuck = []
        for name, turns in loops.items():
            seen, since_s = self._progress.get(name, (-1, now_s))
            if turns != seen:
                self._progress[name] = (turns, now_s)
            elif now_s - since_s > limit_s:
                stuck.append(name)
        if stuck:
            log.error("service.stuck", loops=stuck, limit_s=limit_s)
        return not stuck

    def _reload(self) -> None:
        self._notifier.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            config = load(self._path)
        except ConfigError as exc:
            self._counters.add("reloads.refused")
            log.warning("service.reload_refused", problems=str(exc).split("\n"))
        else:
            changed = [s for s in Config.model_fields if getattr(config, s) != getattr(self._config, s)]
            reloadable = {"trigger", "stations", "service"}
            logs.configure(config.service.log_level, config.service.log_format)
            settings = build.trigger_settings(config, self._model.spec)
            detector = self._worker.pipeline.detector
            self._worker.between_turns(lambda: detector.set_triggers(settings))
            self._config = self._config.model_copy(update={s: getattr(config, s) for s in reloadable})
            log.info(
                "service.reloaded",
                changed=changed,
                needs_restart=[section for section in changed if section not in reloadable],
            )
        self._notifier.send("READY=1")

    def _stop(self) -> None:
        deadline_s = time.monotonic() + self._config.service.stop_timeout_s
        self._notifier.send("STOPPING=1", "STATUS=stopping")
        log.info("service.stopping")
        for intake in self._intakes:
            intake.source.stop()
        alive = [t for t in self._source_threads if t.ident and not _join(t, deadline_s)]
        self._queue.close()
        if not _join(self._worker_thread, deadline_s):
            alive.append(self._worker_thread)
        self._positions.save()
        counts = by_reason(self.counts())
        log.info("service.stopped", counts=counts, stuck=[thread.name for thread in alive])
        if alive:
            raise QuakeStreamError(f"stopped with threads stuck: {', '.join(t.name for t in alive)}")

    def counts(self) -> dict[Key, int]:
        """All counters of the service."""
        return merge(
            [
                self._counters.snapshot(),
                self._worker.counts(),
                self._positions.counts(),
                *(intake.source.counts() for intake in self._intakes),
            ]
        )

    def _raise_failure(self) -> None:
        for thread in (self._worker_thread, *self._source_threads):
            if thread.failure is not None:
                log.error("service.failed", thread=thread.name, error=str(thread.failure))
                raise thread.failure


def _acknowledge(sources: dict[str, Source], packet: Packet) -> None:
    if packet.position is not None:
        sources[packet.position.server].acknowledge(packet)


def _join(thread: GuardedThread, deadline_s: float) -> bool:
    thread.join(max(0.0, deadline_s - time.monotonic()))
    return not thread.is_alive()
