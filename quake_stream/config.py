"""
Read the configuration: the only reader of TOML.

`load` returns a frozen `Config` or raises `ConfigError` with every problem at once, each with file, key and
what would be allowed.  Sections are handed to the parts that need them, never the whole `Config`.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from quake_stream.errors import ConfigError
from quake_stream.selection import StreamPattern, parse_list, parse_streams
from quake_stream.types import InstrumentId

LogLevel = Literal["debug", "info", "warning", "error"]


def _check_streams(texts: tuple[str, ...]) -> tuple[str, ...]:
    parse_list(texts)
    return texts


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"seedlink", "file"}:
        raise ValueError("write seedlink://host:port or file:///folder")
    if parts.scheme == "seedlink":
        if not parts.hostname:
            raise ValueError("the address has no host: write seedlink://host:port")
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
    streams: Streams = ("*.*.*.*",)
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


def _at_least_one(sources: tuple[SourceSection, ...]) -> tuple[SourceSection, ...]:
    if not sources:
        raise ValueError("at least one source is needed")
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
    refractory_s: Annotated[float, Field(ge=0, le=3600)] | None = None
    confirm_windows: Annotated[int, Field(ge=1, le=100)] | None = None
    update_interval_s: Annotated[float, Field(ge=0, le=600)] | None = None

    @model_validator(mode="after")
    def _off_not_above_on(self) -> Self:
        if self.on is not None and self.off is not None and self.off > self.on:
            raise ValueError(f"off ({self.off}) must not be above on ({self.on})")
        return self


class TriggerSection(TriggerOverrides):
    """When a detection begins and ends; ``on``, ``off`` and ``min_windows`` unset: the model's own."""

    hold_s: Annotated[float, Field(ge=0, le=600)] = 3.0
    max_duration_s: Annotated[float, Field(ge=5, le=3600)] = 300.0
    refractory_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    confirm_windows: Annotated[int, Field(ge=1, le=100)] = 3
    update_interval_s: Annotated[float, Field(ge=0, le=600)] = 2.0


class PublishSection(Section):
    """The feed of detections."""

    bind: str = "tcp://127.0.0.1:5561"
    allow_insecure: bool = False
    send_hwm: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    heartbeat_s: Annotated[float, Field(ge=0.1, le=300)] = 5.0
    author: str = "quake_stream"
    agency: str = ""


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

    source: Annotated[tuple[SourceSection, ...], Field(strict=False), AfterValidator(_at_least_one)]
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
        problems = [
            f"{name}: {_explain(error['loc'], error['type'], error['msg'], error.get('input'))}"
            for error in exc.errors(include_url=False)
        ]
        raise ConfigError("\n".join(problems)) from exc


def _explain(loc: Sequence[int | str], kind: str, message: str, given: object) -> str:
    key = _key(loc)
    message = message.removeprefix("Value error, ").replace("Input should be", "must be")
    if kind == "missing":
        return f"{key}: missing; it is required"
    if kind == "extra_forbidden":
        allowed = _allowed(loc[:-1])
        close = difflib.get_close_matches(str(loc[-1]), allowed, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return f"{key}: unknown key{hint} (allowed: {', '.join(allowed)})"
    if kind == "value_error" and isinstance(given, Mapping):
        return f"{key}: {message}" if key else message
    return f"{key}: {message}, not {given!r}"


def _key(loc: Sequence[int | str]) -> str:
    text = ""
    for part in loc:
        if part == "[key]":  # pydantic's mark for a problem with the key itself
            continue
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = f'"{part}"' if "." in part else part
            text += f".{name}" if text else name
    return text


def _allowed(loc: Sequence[int | str]) -> list[str]:
    """Keys of the section at ``loc``."""
    section: type[BaseModel] = Config
    for part in loc:
        field = section.model_fields.get(str(part))
        if field is not None:
            section = _section_type(field.annotation) or section
    return sorted(section.model_fields)


def _section_type(annotation: object) -> type[BaseModel] | None:
    candidates = [annotation, *get_args(annotation)]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
