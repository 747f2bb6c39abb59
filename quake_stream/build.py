"""Build the parts from their sections of the configuration; the only place that knows both."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from quake_stream.clock import DataClock, WallClock
from quake_stream.config import Config
from quake_stream.config_sections import PublishSection, SourceSection, TriggerOverrides
from quake_stream.containment import Containment
from quake_stream.counters import Counters
from quake_stream.detection.detector import Detector, DetectorSettings
from quake_stream.detection.trigger import TriggerSettings
from quake_stream.errors import ConfigError
from quake_stream.failure_log import FailureLog
from quake_stream.ingest.files import FileSource
from quake_stream.ingest.resume import ResumeStore
from quake_stream.ingest.seedlink.credentials import Credentials
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.ingest.seedlink.source import SeedLinkSource
from quake_stream.models import load_model
from quake_stream.onset import pick_onset
from quake_stream.packet_queue import PacketQueue
from quake_stream.pipeline import Pipeline
from quake_stream.protocols import Model, Source
from quake_stream.publish.clients import read_clients
from quake_stream.publish.journal import Journal
from quake_stream.publish.keys import KeyPair, read_server_key
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.sockets import replay_endpoint
from quake_stream.source_id import InstrumentId
from quake_stream.stations import StationWatch
from quake_stream.types import ModelSpec, Packet
from quake_stream.worker import FeedSettings, Worker


def is_replay(config: Config) -> bool:
    """Whether the sources are recordings: all are, or none, as `config` sees to."""
    return not config.source[0].server


def model(config: Config) -> Model:
    """Load and check the model; raises `ModelError`."""
    section = config.model
    return load_model(
        section.name, device=section.device, threads=section.threads, batch_windows=section.batch_windows
    )


def trigger_settings(config: Config, spec: ModelSpec) -> Callable[[InstrumentId], TriggerSettings]:
    """
    Trigger settings by instrument: the station's own, then ``[trigger]``, then the model's.

    Raises
    ------
    ConfigError
        Keys of different levels contradict each other (``off`` above ``on``), or the model has no such
        classes; all such are named.
    """
    defaults = {"on": spec.on, "off": spec.off, "min_windows": spec.min_windows}
    base = defaults | config.trigger.model_dump(exclude_none=True)
    sections: dict[str, TriggerOverrides] = {"trigger": config.trigger}
    sections |= {f'stations."{name}"': section for name, section in config.stations.items()}
    problems = [line for name, section in sections.items() for line in _problems(name, section, base, spec)]
    if problems:
        raise ConfigError("\n".join(problems))

    def settings(instrument: InstrumentId) -> TriggerSettings:
        overrides = config.trigger_overrides(instrument).model_dump(exclude_none=True)
        return TriggerSettings(**(base | overrides))

    return settings


def _problems(name: str, section: TriggerOverrides, base: dict[str, Any], spec: ModelSpec) -> Iterator[str]:
    values = base | section.model_dump(exclude_none=True)
    if values["off"] > values["on"]:
        yield f"{name}: off ({values['off']}) would be above on ({values['on']})"
    named = section.classes
    if named is not None and not (set(named) < set(spec.classes) and len(set(named)) == len(named)):
        yield f"{name}.classes: {list(named)} must be some of {list(spec.classes)}, each once, not all"


def detector(
    config: Config,
    spec: ModelSpec,
    counters: Counters,
    *,
    positions: ResumeStore | None = None,
    is_contained: bool = False,
) -> Detector:
    """
    Build the core, to go on where ``positions`` say; raises `ConfigError` as `trigger_settings` does.

    With ``is_contained``, a fault of this program in one instrument's data costs that instrument only.
    """
    windows, inference = config.windows, config.model
    return Detector(
        spec=spec,
        settings=DetectorSettings(
            hop_s=windows.hop_s,
            ring_s=windows.ring_s,
            max_future_s=windows.max_future_s,
            component_wait_s=windows.component_wait_s,
            max_batch_windows=inference.batch_windows,
            max_wait_s=inference.max_wait_s,
            max_latency_s=inference.max_latency_s,
        ),
        trigger_for=trigger_settings(config, spec),
        pick_onset=pick_onset,
        counters=counters,
        resumed={} if positions is None else positions.rest_points(),
        attempt=Containment(counters) if is_contained else None,
    )


def archive(config: Config) -> FileSource:
    """Open all recordings as one source, merged in record-end order; raises `SourceError`."""
    return FileSource(
        paths=[Path(unquote(urlsplit(section.url).path)) for section in config.source],
        include=tuple(p for section in config.source for p in section.include_patterns),
        exclude=tuple(p for section in config.source for p in section.exclude_patterns),
    )


def sources(config: Config, positions: ResumeStore) -> list[Source]:
    """Build every source; nothing is connected yet.  Raises `SourceError`, `ConfigError`."""
    if is_replay(config):
        return [archive(config)]
    return [
        SeedLinkSource(
            section.url,
            include=section.include_patterns,
            exclude=section.exclude_patterns,
            positions=positions,
            settings=link_settings(section),
        )
        for section in config.source
    ]


def link_settings(section: SourceSection) -> SeedLinkSettings:
    """Gather what the connection to a server needs; nothing is read yet."""
    secret_file = section.password_file or section.token_file
    return SeedLinkSettings(
        backfill_s=section.backfill_s,
        keepalive_s=section.keepalive_s,
        connect_timeout_s=section.connect_timeout_s,
        command_timeout_s=section.command_timeout_s,
        protocol=section.protocol,
        ca_file=section.ca_file,
        credentials=Credentials(user=section.user, secret_file=secret_file) if secret_file else None,
    )


def server_key(section: PublishSection) -> KeyPair | None:
    """Read the keys of the feed, None where it is not encrypted; raises `ConfigError`."""
    return None if section.key is None else read_server_key(section.key)


def clients(section: PublishSection) -> Mapping[str, str]:
    """Read who may subscribe to an encrypted feed, name → public key; raises `ConfigError`."""
    return {} if section.clients is None else read_clients(section.clients)


def feed(section: PublishSection, journal_folder: Path) -> Publisher:
    """Open the feed with its journal; raises `ConfigError`, `PublishError`."""
    key, listed = server_key(section), clients(section)
    journal = None
    if section.journal:
        journal = Journal(
            journal_folder,
            max_bytes=section.journal_max_mb * 1_000_000,
            max_age_s=section.journal_max_age_s,
        )
    return Publisher(
        section.bind,
        replay_bind=section.replay_bind or replay_endpoint(section.bind),
        journal=journal,
        key=key,
        clients=listed,
        send_hwm=section.send_hwm,
        allow_insecure=section.allow_insecure,
    )


def worker(
    config: Config,
    *,
    model: Model,
    queue: PacketQueue,
    received: Callable[[Packet], None],
    journal_folder: Path,
    positions: ResumeStore | None = None,
) -> Worker:
    """Build the worker with detector and feed; the feed opens in the worker's thread."""
    replay = is_replay(config)
    known = None if replay else positions
    core = detector(config, model.spec, Counters(), positions=known, is_contained=True)

    def note(packet: Packet) -> None:
        if positions is not None:
            positions.note(packet, core.rest_point(packet.source_id.instrument))
        received(packet)

    publish = config.publish
    return Worker(
        pipeline=Pipeline(
            detector=core,
            model=model,
            clock=DataClock() if replay else WallClock(),
            tell_failure=FailureLog().note,
        ),
        queue=queue,
        spec=model.spec,
        open_feed=lambda: feed(publish, journal_folder),
        received=note,
        watch=StationWatch(stale_after_s=None if replay else config.service.stale_after_s),
        settings=FeedSettings(
            heartbeat_s=publish.heartbeat_s,
            author=publish.author,
            agency=publish.agency,
            is_replay=replay,
        ),
    )
