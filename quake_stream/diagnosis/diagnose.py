"""
Try everything that the service will need, and report.

Threads: one per server, started and joined here.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from quake_stream.build import link_settings
from quake_stream.config import Config
from quake_stream.config_sections import SourceSection
from quake_stream.diagnosis import host, instruments, recordings, scoring, servers
from quake_stream.diagnosis.report import (
    CONFIGURATION,
    Finding,
    InstrumentReport,
    Report,
    ok,
    problem,
    warning,
)
from quake_stream.errors import QuakeStreamError, SourceError
from quake_stream.ingest.probe import Probe
from quake_stream.selection import parse_streams
from quake_stream.supervision import GuardedThread
from quake_stream.windowing.components import COMPONENT_SETS

_STOP_S = 5.0

Probes = list[tuple[SourceSection, Probe]]


def diagnose(
    config: Config, path: Path, *, listen_s: float, tell: Callable[[str], None] = lambda _: None
) -> Report:
    """
    Check a configuration that has been read.

    Parameters
    ----------
    config
        What to check.
    path
        Where it came from; its stem names the instance.
    listen_s
        How long to listen to the servers at most; less where every wanted stream was heard before.
    tell
        Told what is being done, for people who wait.
    """
    found = [ok(CONFIGURATION, f"{path} is valid")]
    probes, addresses = _probes(config)
    with _running([probe for _, probe in probes]):
        tell("loading the model")
        model, about_model = scoring.load(config)
        found += [*about_model, *host.findings(config, path.stem), *addresses]
        tell("greeting the servers")
        for _, probe in probes:
            probe.greeted.wait()  # each step of a greeting has a deadline of its own
        tell(f"listening for up to {listen_s:g} s")
        listened_s = _listen([probe for _, probe in probes], listen_s)
    sets = tuple(COMPONENT_SETS) if model is None else model.spec.component_sets
    reports, about_sources = _sources(config, probes, sets, listened_s)
    found += [*about_sources, *_overrides(config, reports)]
    load = None
    if model is not None:
        tell("timing the model")
        n_instruments = len({report.instrument for report in reports if report.used})
        load, finding = scoring.measure(config, model, n_instruments)
        found.append(finding)
    return Report(config=str(path), findings=tuple(found), instruments=tuple(reports), load=load)


def _overrides(config: Config, reports: Sequence[InstrumentReport]) -> list[Finding]:
    """Warn of thresholds for stations that are not there; silent where no station was found at all."""
    stations = {tuple(report.instrument.split(".")[:2]) for report in reports}
    return [
        warning(CONFIGURATION, f'stations."{name}" matches none of the stations that were found')
        for name in config.stations
        if stations and not any(parse_streams(name)[0].matches_station(*codes) for codes in stations)
    ]


def _of_kind(config: Config, *schemes: str) -> list[SourceSection]:
    return [section for section in config.source if urlsplit(section.url).scheme in schemes]


def _probes(config: Config) -> tuple[Probes, list[Finding]]:
    probes: Probes = []
    found = []
    for section in _of_kind(config, "seedlink", "seedlinks"):
        try:
            probe = Probe(
                section.url,
                include=section.include_patterns,
                exclude=section.exclude_patterns,
                settings=replace(link_settings(section), backfill_s=0.0),
            )
        except SourceError as exc:
            found.append(problem(section.url, str(exc)))
        else:
            probes.append((section, probe))
    return probes, found


@contextmanager
def _running(probes: Sequence[Probe]) -> Iterator[None]:
    """Run the probes, each in its thread; stopped, joined and their failures raised at the end."""
    threads = [
        GuardedThread(name=f"probe-{probe.name}", body=probe.run, failed=probe.greeted.set)
        for probe in probes
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for probe in probes:
            probe.stop()
        deadline_s = time.monotonic() + _STOP_S
        for thread in threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
    for thread in threads:
        if thread.failure is not None:
            raise thread.failure
        if thread.is_alive():
            raise QuakeStreamError(f"{thread.name} does not end")


def _listen(probes: Sequence[Probe], listen_s: float) -> float:
    """Wait until all have heard everything, or the time is over; returns the time taken in seconds."""
    start_s = time.monotonic()
    for probe in probes:
        probe.done.wait(max(0.0, start_s + listen_s - time.monotonic()))
    return time.monotonic() - start_s


def _sources(
    config: Config, probes: Probes, component_sets: Sequence[str], listened_s: float
) -> tuple[list[InstrumentReport], list[Finding]]:
    reports: list[InstrumentReport] = []
    found: list[Finding] = []
    max_future_s = config.windows.max_future_s
    for section, probe in probes:
        found += servers.findings(probe, section, listened_s=listened_s)
        own = instruments.judge(
            probe.name, servers.facts(probe), component_sets=component_sets, max_future_s=max_future_s
        )
        found += instruments.findings(probe.name, own)
        reports += own
    sections = _of_kind(config, "file")
    if sections:
        facts, about_files = recordings.survey(sections)
        own = instruments.judge(
            recordings.ABOUT, facts, component_sets=component_sets, max_future_s=max_future_s, is_live=False
        )
        found += [*about_files, *instruments.findings(recordings.ABOUT, own)]
        reports += own
    return reports, found
