"""
Read the configuration: the only reader of TOML.

`load` returns a frozen `Config` or raises `ConfigError` with every problem at once, each with file, key and
what would be allowed.  Sections are handed to the parts that need them, never the whole `Config`.
"""

import os
import tomllib
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from quake_stream.config_problems import explain
from quake_stream.errors import ConfigError
from quake_stream.selection import StreamPattern, parse_list, parse_streams
from quake_stream.types import InstrumentId

_SEEDLINK_PORT = 18_000

LogLevel = Literal["debug", "info", "warning", "error"]


def _check_streams(texts: tuple[str, ...]) -> tuple[str, ...]:
    parse_list(texts)
    return texts


def _check_wanted(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        raise ValueError('name at least one stream; "*.*.*.*" is all of them')
    return texts


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"seedlink", "file"}:
        raise ValueError("write seedlink://host:port or file:///folder")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("write the whole path after three slashes: file:///folder")
        return url
    if not parts.hostname:
        raise ValueError("the address has no host: write seedlink://host:port")
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("write host and port only: seedlink://host:port")
    parts.port  # noqa: B018  raises ValueError when the port is not a number
    return url


def _check_station(name: str) -> str:
    if len(name.split(".")) != 2:
        raise ValueError('write the station as "NET.STA"')
    parse_streams(name)
    return name


Streams = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_check_streams)]
Url = Annotated[str, AfterValidator(_check_url)]
StationPattern = Annotated[str, AfterValidator(_check_station)]
FolderPath = Annotated[Path, Field(strict=False)]
Positive = Annotated[float, Field(gt=0)]
Probability = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """Base of all sections: frozen, no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SourceSection(Section):
    """One server or archive to read from."""

    url: Url
    streams: Annotated[Streams, AfterValidator(_check_wanted)] = ("*.*.*.*",)
    exclude: Streams = ()
    backfill_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    keepalive_s: Annotated[float, Field(ge=5, le=3600)] = 240.0
    connect_timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    command_timeout_s: Annotated[float, Field(gt=0, le=300)] = 20.0

    @property
    def include_patterns(self) -> tuple[StreamPattern, ...]:
        """Parsed ``streams``."""
        return parse_list(self.streams)

    @property
    def exclude_patterns(self) -> tuple[StreamPattern, ...]:
        """Parsed ``exclude``."""
        return parse_list(self.exclude)

    @property
    def server(self) -> str:
        """``host:port`` of a SeedLink server, empty for recordings."""
        parts = urlsplit(self.url)
        port = _SEEDLINK_PORT if parts.port is None else parts.port
        return f"{parts.hostname}:{port}" if parts.scheme == "seedlink" else ""


def _check_sources(sources: tuple[SourceSection, ...]) -> tuple[SourceSection, ...]:
    if not sources:
        raise ValueError("at least one source is needed")
    if len({bool(source.server) for source in sources}) > 1:
        # One runs in data time, the other in the host's.
        raise ValueError("recordings (file://) and servers (seedlink://) cannot be read in one run")
    # Positions and watchdog know a source by its server.
    twice = [
        f"[{i}] {a.url!r} and [{j}] {b.url!r} are the same server"
        for (i, a), (j, b) in combinations(enumerate(sources, 1), 2)
        if a.server and a.server == b.server
    ]
    if twice:
        raise ValueError(f"{'; '.join(twice)}: write one [[source]] with all its streams")
    return sources


class WindowsSection(Section):
    """How samples become windows."""

    hop_s: Annotated[float, Field(ge=0.1, le=5)] = 0.5
    ring_s: Annotated[float, Field(ge=40, le=600)] = 60.0
    max_future_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    component_wait_s: Annotated[float, Field(ge=0, le=30)] = 10.0


class ModelSection(Section):
    """Which network listens, and how it is run."""

    name: str = "lstm"
    device: Literal["cpu", "cuda"] = "cpu"
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    batch_windows: Annotated[int, Field(ge=8, le=4096)] = 64
    max_wait_s: Annotated[float, Field(ge=0, le=5)] = 0.1
    max_latency_s: Annotated[float, Field(gt=0, le=300)] = 30.0


class TriggerOverrides(Section):
    """Trigger keys that are set; what is not set comes from the level above, at last from the model."""

    on: Probability | None = None
    off: Probability | None = None
    min_windows: Annotated[int, Field(ge=1, le=100)] | None = None
    hold_s: Annotated[float, Field(ge=0, le=600)] | None = None
    max_duration_s: Annotated[float, Field(ge=5, le=3600)] | None = None
    max_s_minus_p_s: Annotated[float, Field(ge=0, le=600)] | None = None
    refractory_s: Annotated[float, Field(ge=0, le=3600)] | None = None
    confirm_windows: Annotated[int, Field(ge=1, le=100)] | None = None
    update_interval_s: Annotated[float, Field(ge=0, le=600)] | None = None
    classes: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None

    @model_validator(mode="after")
    def _off_not_above_on(self) -> Self:
        if self.on is not None and self.off is not None and self.off > self.on:
            raise ValueError(f"off ({self.off}) must not be above on ({self.on})")
        return self


class TriggerSection(TriggerOverrides):
    """When a detection begins and ends; ``on``, ``off``, ``min_windows``, ``classes`` unset: the model's own."""

    hold_s: Annotated[float, Field(ge=0, le=600)] = 3.0
    max_duration_s: Annotated[float, Field(ge=5, le=3600)] = 300.0
    max_s_minus_p_s: Annotated[float, Field(ge=0, le=600)] = 30.0
    refractory_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    confirm_windows: Annotated[int, Field(ge=1, le=100)] = 3
    update_interval_s: Annotated[float, Field(ge=0, le=600)] = 2.0


class PublishSection(Section):
    """The feed of detections."""

    bind: str = "tcp://127.0.0.1:5561"
    key: FolderPath | None = None
    clients: FolderPath | None = None
    allow_insecure: bool = False
    send_hwm: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    heartbeat_s: Annotated[float, Field(ge=0.1, le=300)] = 5.0
    replay_bind: str | None = None
    journal: bool = True
    journal_max_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 256
    journal_max_age_s: Annotated[float, Field(ge=60, le=31_536_000)] = 604_800.0
    author: str = "quake_stream"
    agency: str = ""

    @model_validator(mode="after")
    def _key_with_clients(self) -> Self:
        if (self.key is None) != (self.clients is None):
            raise ValueError("key and clients belong together: set both, or neither")
        return self


class ServiceSection(Section):
    """The process: folders, queue, logs."""

    state_dir: FolderPath | None = None
    runtime_dir: FolderPath | None = None
    queue_packets: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000
    save_interval_s: Annotated[float, Field(ge=0.5, le=3600)] = 5.0
    stale_after_s: Annotated[float, Field(ge=5, le=86_400)] = 120.0
    stop_timeout_s: Annotated[float, Field(ge=1, le=300)] = 15.0
    log_level: LogLevel = "info"
    log_format: Literal["auto", "json", "console"] = "auto"


class Config(Section):
    """Everything that an operator can set; each default is in ``config/quake-stream.toml``."""

    source: Annotated[tuple[SourceSection, ...], Field(strict=False), AfterValidator(_check_sources)]
    windows: WindowsSection = WindowsSection()
    model: ModelSection = ModelSection()
    trigger: TriggerSection = TriggerSection()
    stations: Mapping[StationPattern, TriggerOverrides] = Field(default_factory=dict)
    publish: PublishSection = PublishSection()
    service: ServiceSection = ServiceSection()

    @model_validator(mode="after")
    def _ring_holds_what_may_wait(self) -> Self:
        # 24 s: one window, the background before it and the filter span before that.
        if self.windows.ring_s < self.model.max_latency_s + 24:
            raise ValueError(
                f"windows.ring_s ({self.windows.ring_s}) must exceed model.max_latency_s"
                f" ({self.model.max_latency_s}) by at least 24 s"
            )
        return self

    @property
    def state_dir(self) -> Path:
        """Folder for what survives a restart: configured, systemd's, or the user's own."""
        user = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return self.service.state_dir or _systemd_folder("STATE_DIRECTORY") or _user_folder(user)

    @property
    def runtime_dir(self) -> Path:
        """Folder for what does not survive a restart: configured, systemd's, or the user's own."""
        user = os.environ.get("XDG_RUNTIME_DIR")
        default = _user_folder(user) if user else self.state_dir
        return self.service.runtime_dir or _systemd_folder("RUNTIME_DIRECTORY") or default

    def trigger_overrides(self, instrument: InstrumentId) -> TriggerOverrides:
        """Trigger keys for one instrument: the exact station's, or the first pattern's that matches."""
        exact = self.stations.get(instrument.nsl)
        if exact is not None:
            return exact
        for name, section in self.stations.items():
            if parse_streams(name)[0].matches_station(instrument.network, instrument.station):
                return section
        return TriggerOverrides()


def _systemd_folder(variable: str) -> Path | None:
    # systemd separates several folders by colons; the unit asks for one.
    given = os.environ.get(variable, "").split(":")[0]
    return Path(given) if given else None


def _user_folder(base: str) -> Path:
    return Path(base).expanduser() / "quake-stream"


def load(path: Path) -> Config:
    """
    Read and validate a configuration file.

    Raises
    ------
    ConfigError
        The file cannot be read, is no TOML, or holds wrong keys or values; the message has one line for
        each problem.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror or exc}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: not valid TOML: {exc}") from exc
    return parse(data, name=str(path))


def parse(data: Mapping[str, object], *, name: str) -> Config:
    """Validate a configuration given as nested mappings; ``name`` stands for the file in messages."""
    try:
        return Config.model_validate(data)
    except ValidationError as exc:
        raise ConfigError("\n".join(f"{name}: {line}" for line in explain(exc, Config))) from exc
