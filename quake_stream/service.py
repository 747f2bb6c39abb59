"""
Wire the parts together, start them, watch over them, stop them.

Threads: main (here), one per source, one worker.  Nothing here touches samples.
"""

import errno
import time
from collections.abc import Callable
from pathlib import Path

import structlog

import quake_stream
from quake_stream import build
from quake_stream import log as logs
from quake_stream.arrivals import Arrivals
from quake_stream.clock import ClockWatch
from quake_stream.config import Config, load
from quake_stream.config_diff import changed_keys
from quake_stream.counters import Counters, Key, by_reason, merge
from quake_stream.errors import ConfigError, QuakeStreamError
from quake_stream.health import HealthFile
from quake_stream.ingest.resume import ResumeStore
from quake_stream.intake import Intake, Receipts
from quake_stream.memory import give_back_holes
from quake_stream.metrics.endpoint import MetricsEndpoint
from quake_stream.models.timed import TimedModel
from quake_stream.notify import Notifier
from quake_stream.packet_queue import PacketQueue
from quake_stream.safe_open import is_open_to_others
from quake_stream.scrape import Scrape
from quake_stream.service_log import ServiceLog
from quake_stream.supervision import GuardedThread, StopSignals, instance_lock, make_folder
from quake_stream.vitals import Vitals
from quake_stream.watchdog import Watchdog

log = structlog.get_logger()

_TICK_S = 1.0
_LOG_LINE_S = 60.0
_STATUS_CHARS = 500
# Part of the stop budget in which the worker may drain its queue; then it drops what is left.
_DRAIN_SHARE = 0.6
# Reading recordings waits for the worker, so a long queue would only make stopping slow.
_REPLAY_QUEUE = 500
# What a reload changes; all other keys need a restart.
_RELOADABLE = ("trigger.", "stations.", "service.log_", "service.stop_timeout_s", "publish.clients")


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
        self._counters = Counters()  # of this thread
        self._started_s = time.monotonic()
        self._watchdog = Watchdog(limit_s=(self._notifier.watchdog_s or 60.0) / 2)
        self._log = ServiceLog()
        self._clock = ClockWatch()
        self._next_line_s = self._started_s + _LOG_LINE_S

    def run(self) -> None:
        """
        Serve until stopped, or until all recordings are read.

        Raises
        ------
        QuakeStreamError
            The service cannot start (configuration, model, port, folders), one of its threads failed, or
            one did not end in time; the exit status is the error's.
        """
        name = self._path.stem
        with self._signals, instance_lock(self._config.state_dir / f"{name}.lock"):
            make_folder(self._config.runtime_dir, "runtime")
            for folder in {self._config.state_dir, self._config.runtime_dir}:
                if is_open_to_others(folder):
                    log.warning("service.folder_open_to_others", folder=str(folder))
            self._health_file = HealthFile(self._config.runtime_dir / f"{name}.health.json")
            self._build(self._config.state_dir, name)
            try:
                self._start()
                self._supervise()
            finally:
                stuck = self._stop()
                self._health_file.remove()
        self._raise_failure(stuck)

    def _build(self, folder: Path, name: str) -> None:
        """Build all parts; nothing runs and nothing is connected yet."""
        config = self._config
        is_replay = build.is_replay(config)
        self._model = TimedModel(build.model(config))
        self._positions = ResumeStore(
            folder / f"{name}.positions.json", save_every_s=config.service.save_interval_s
        )
        sources = build.sources(config, self._positions)
        self._queue = PacketQueue(max_packets=_REPLAY_QUEUE if is_replay else config.service.queue_packets)
        put = self._queue.put_waiting if is_replay else self._queue.put
        self._intakes = [Intake(source, put) for source in sources]
        arrivals = Arrivals()
        self._worker = build.worker(
            config,
            model=self._model,
            queue=self._queue,
            received=Receipts(sources, arrivals).note,
            journal_folder=folder / f"{name}.journal",
            positions=self._positions,
        )
        self._vitals = Vitals(
            worker=self._worker,
            intakes=self._intakes,
            queue=self._queue,
            spec=self._model.spec,
            stale_after_s=config.service.stale_after_s,
            started_s=self._started_s,
        )
        scrape = Scrape(vitals=self._vitals, model=self._model, arrivals=arrivals, counts=self.counts)
        self._build_threads(scrape.page)

    def _build_threads(self, page: Callable[[], bytes]) -> None:
        wake = self._signals.wake
        metrics = self._config.metrics
        is_asked_for = metrics.bind is not None
        self._metrics = MetricsEndpoint(metrics.address, page, failed=wake, is_asked_for=is_asked_for)
        self._worker_thread = GuardedThread(name="worker", body=self._worker.run, failed=wake)
        self._source_threads = [
            GuardedThread(name=f"ingest-{intake.source.name}", body=intake.run, failed=wake)
            for intake in self._intakes
        ]

    def _start(self) -> None:
        """Open the feed, then the sources, then say so; returns early when stopped or failed meanwhile."""
        if self._signals.stop:
            return
        self._worker_thread.start()
        while not self._worker.ready.wait(0.05):
            if self._signals.stop or not self._worker_thread.is_alive():
                return  # the supervisor finds out which
        for thread in self._source_threads:
            thread.start()
        spec = self._model.spec
        log.info(
            "service.ready",
            version=quake_stream.__version__,
            config=str(self._path),
            model=spec.name,
            model_sha256=spec.sha256[:12],
            sources=[intake.source.name for intake in self._intakes],
            bind=self._worker.endpoint,
            replay_bind=self._worker.replay_endpoint,
        )
        self._notifier.send("READY=1", "STATUS=running")

    def _supervise(self) -> None:
        signals = self._signals
        while not signals.stop:
            if any(thread.failure for thread in self._threads):
                return
            if not any(thread.is_alive() for thread in self._source_threads):
                return  # every recording is read
            self._report()
            signals.wait(_TICK_S)
            if signals.reload:
                signals.reload = False
                self._reload()

    def _report(self) -> None:
        now_s = time.monotonic()
        self._metrics.tend(now_s)
        self._look_at_clock()
        self._positions.save_if_due(now_s)
        counts = self.counts()
        health = self._vitals.health(now_s, counts, self._watchdog.stuck)
        self._log.report(self._vitals.problems, now_s)
        try:
            self._health_file.write(health)
        except OSError as exc:
            self._counters.add("health_files.failed", reason=errno.errorcode.get(exc.errno or 0, ""))
        status = f"STATUS={health.state}: {'; '.join(health.reasons) or 'all well'}"
        self._notifier.send(status[:_STATUS_CHARS])
        if self._makes_progress(now_s):
            self._notifier.send("WATCHDOG=1")
        if now_s >= self._next_line_s:
            self._next_line_s = now_s + _LOG_LINE_S
            give_back_holes()
            self._log.heartbeat(health)

    def _look_at_clock(self) -> None:
        step_ns = self._clock.look()
        if step_ns:
            self._counters.add("clocks.set", reason="forward" if step_ns > 0 else "back")
            log.warning("clock.set", by_s=round(step_ns / 1e9, 1))

    def _makes_progress(self, now_s: float) -> bool:
        """Whether the loops of worker and sources turn; logged on change."""
        loops = {"worker": self._worker.progress}
        loops |= {
            thread.name: intake.source.progress()
            for intake, thread in zip(self._intakes, self._source_threads, strict=True)
            if thread.is_alive()
        }
        before = self._watchdog.stuck
        stuck = self._watchdog.look(loops, now_s)
        if stuck != before:
            event = "service.stuck" if stuck else "service.unstuck"
            log.error(event, loops=sorted(stuck), limit_s=self._watchdog.limit_s)
        return not stuck

    def _reload(self) -> None:
        self._notifier.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            config = load(self._path)
            settings = build.trigger_settings(config, self._model.spec)
            clients = build.clients(config.publish)
        except ConfigError as exc:
            self._counters.add("reloads.refused")
            log.warning("service.reload_refused", problems=str(exc).split("\n"))
        else:
            changed = changed_keys(self._config, config)
            logs.configure(config.service.log_level, config.service.log_format)
            detector = self._worker.pipeline.detector
            self._worker.between_turns(lambda: detector.set_triggers(settings))
            self._worker.admit(clients)
            self._config = config
            self._counters.add("reloads.done")
            log.info(
                "service.reloaded",
                changed=[key for key in changed if key.startswith(_RELOADABLE)],
                needs_restart=[key for key in changed if not key.startswith(_RELOADABLE)],
                clients=list(clients),
            )
        self._notifier.send("READY=1")

    def _stop(self) -> list[str]:
        """Stop in the order in which data flow, within the stop budget; returns the threads still alive."""
        budget_s = self._config.service.stop_timeout_s
        started_s = time.monotonic()
        self._notifier.send("STOPPING=1", "STATUS=stopping")
        log.info("service.stopping")
        # A thread that has just failed may still count as alive for a moment.
        if self._worker_thread.failure or not self._worker_thread.is_alive():
            self._queue.close()  # nobody takes from it: a source that waits for room must not wait for ever
        for intake in self._intakes:
            intake.source.stop()
        for thread in self._source_threads:
            thread.wait(started_s + budget_s * _DRAIN_SHARE)
        self._queue.close()
        if not self._worker_thread.wait(started_s + budget_s * _DRAIN_SHARE):
            self._queue.discard()  # the positions stay before what is dropped, so a restart reads it again
        self._metrics.stop()
        for thread in self._threads:
            thread.wait(started_s + budget_s)
        self._positions.save()
        stuck = [thread.name for thread in self._threads if thread.is_alive()]
        log.info("service.stopped", counts=by_reason(self.counts()), stuck=stuck)
        return stuck

    @property
    def _threads(self) -> list[GuardedThread]:
        return [self._worker_thread, *self._source_threads, *self._metrics.threads]

    def counts(self) -> dict[Key, int]:
        """All counters of the service."""
        return merge(
            [
                self._worker.counts(),
                self._counters.snapshot(),
                self._positions.counts(),
                self._metrics.counts(),
                *(intake.source.counts() for intake in self._intakes),
            ]
        )

    def _raise_failure(self, stuck: list[str]) -> None:
        for thread in self._threads:
            if (failure := thread.failure) is not None:
                log.error("service.failed", thread=thread.name, error=str(failure) or repr(failure))
                raise failure
        if stuck:
            raise QuakeStreamError(f"stopped with threads stuck: {', '.join(stuck)}")
