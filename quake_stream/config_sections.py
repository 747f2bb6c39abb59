"""
The sections of the configuration: their keys, defaults and what each key may be.

Every default is in ``config/quake-stream.toml``.  What concerns several sections is in `quake_stream.config`.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from quake_stream.selection import StreamPattern, parse_list, parse_streams

_SEEDLINK_PORTS = {"seedlink": 18_000, "seedlinks": 18_500}
_METRICS_BIND = "127.0.0.1:9561"

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
    if parts.scheme not in {*_SEEDLINK_PORTS, "file"}:
        raise ValueError("write seedlink://host:port, seedlinks://host:port or file:///folder")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("write the whole path after three slashes: file:///folder")
        return url
    if not parts.hostname:
        raise ValueError(f"the address has no host: write {parts.scheme}://host:port")
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"write host and port only: {parts.scheme}://host:port")
    parts.port  # noqa: B018  raises ValueError when the port is not a number
    return url


def _check_station(name: str) -> str:
    if len(name.split(".")) != 2:
        raise ValueError('write the station as "NET.STA"')
    parse_streams(name)
    return name


def _address(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    parts = urlsplit(f"//{text}")
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    if parts.netloc != text or parts.username is not None or host is None or parts.port is None:
        raise ValueError("neither address nor port may be missing")
    return str(ip_address(host)), parts.port


def _check_address(text: str) -> str:
    try:
        _address(text)
    except ValueError as exc:
        raise ValueError(f'write ADDRESS:PORT, such as "{_METRICS_BIND}", or "" for no metrics') from exc
    return text


Streams = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_check_streams)]
Url = Annotated[str, AfterValidator(_check_url)]
StationPattern = Annotated[str, AfterValidator(_check_station)]
FolderPath = Annotated[Path, Field(strict=False)]
Positive = Annotated[float, Field(gt=0)]
Probability = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """Base of all sections: frozen, no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _holds_no_nul(cls, values: object) -> object:
        for key, value in values.items() if isinstance(values, Mapping) else ():
            if isinstance(value, str) and "\0" in value:  # the system takes no such path or address
                raise ValueError(f"{key} holds the character U+0000")
        return values


class SourceSection(Section):
    """One server or archive to read from."""

    url: Url
    streams: Annotated[Streams, AfterValidator(_check_wanted)] = ("*.*.*.*",)
    exclude: Streams = ()
    backfill_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    keepalive_s: Annotated[float, Field(ge=5, le=3600)] = 240.0
    connect_timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    command_timeout_s: Annotated[float, Field(gt=0, le=300)] = 20.0
    protocol: Literal["auto", "3", "4"] | None = None
    ca_file: FolderPath | None = None
    user: Annotated[str, Field(pattern=r"^[!-~]{1,100}$")] | None = None
    password_file: FolderPath | None = None
    token_file: FolderPath | None = None

    @model_validator(mode="after")
    def _secrets_through_tls(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together: set both, or neither")
        if self.user is not None and self.token_file is not None:
            raise ValueError("user and token_file are two ways to say who we are: set one of them")
        keys = ("ca_file", "user", "token_file")
        given = [key for key in keys if getattr(self, key) is not None]
        if given and not self.is_encrypted:
            raise ValueError(f"{given[0]} needs an encrypted connection: write seedlinks://host:port")
        if self.protocol == "3" and set(given) & {"user", "token_file"}:
            raise ValueError('protocol "3" has no way to say who we are: leave it out, or write "4"')
        return self

    @property
    def include_patterns(self) -> tuple[StreamPattern, ...]:
        """Parsed ``streams``."""
        return parse_list(self.streams)

    @property
    def exclude_patterns(self) -> tuple[StreamPattern, ...]:
        """Parsed ``exclude``."""
        return parse_list(self.exclude)

    @property
    def is_encrypted(self) -> bool:
        """Whether it is read through TLS."""
        return urlsplit(self.url).scheme == "seedlinks"

    @property
    def server(self) -> str:
        """``host:port`` of a SeedLink server, empty for recordings."""
        parts = urlsplit(self.url)
        if parts.scheme not in _SEEDLINK_PORTS:
            return ""
        return f"{parts.hostname}:{_SEEDLINK_PORTS[parts.scheme] if parts.port is None else parts.port}"


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


class MetricsSection(Section):
    """Where Prometheus asks how the service is doing."""

    bind: Annotated[str, AfterValidator(_check_address)] | None = None
    allow_insecure: bool = False

    @model_validator(mode="after")
    def _loopback_unless_allowed(self) -> Self:
        address = self.address
        if address and not self.allow_insecure and not ip_address(address[0]).is_loopback:
            raise ValueError(
                f"{self.bind} can be reached from other machines, and the metrics are not encrypted: bind to "
                "127.0.0.1, or set allow_insecure = true on a closed network"
            )
        return self

    @property
    def address(self) -> tuple[str, int] | None:
        """Numeric address and port; None where no metrics are wanted."""
        return _address(_METRICS_BIND if self.bind is None else self.bind)


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
