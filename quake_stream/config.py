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
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from quake_stream.config_problems import explain
from quake_stream.config_sections import (
    MetricsSection,
    ModelSection,
    PublishSection,
    Section,
    ServiceSection,
    SourceSection,
    StationPattern,
    TriggerOverrides,
    TriggerSection,
    WindowsSection,
)
from quake_stream.errors import ConfigError
from quake_stream.selection import parse_streams
from quake_stream.source_id import InstrumentId


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


class Config(Section):
    """Everything that an operator can set; each default is in ``config/quake-stream.toml``."""

    source: Annotated[tuple[SourceSection, ...], Field(strict=False), AfterValidator(_check_sources)]
    windows: WindowsSection = WindowsSection()
    model: ModelSection = ModelSection()
    trigger: TriggerSection = TriggerSection()
    stations: Mapping[StationPattern, TriggerOverrides] = Field(default_factory=dict)
    publish: PublishSection = PublishSection()
    metrics: MetricsSection = MetricsSection()
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
    except (ValueError, RecursionError) as exc:  # besides bad TOML: no UTF-8, numbers or nesting without end
        raise ConfigError(f"{path}: not valid TOML: {exc}") from exc
    return parse(data, name=str(path))


def parse(data: Mapping[str, object], *, name: str) -> Config:
    """Validate a configuration given as nested mappings; ``name`` stands for the file in messages."""
    try:
        return Config.model_validate(data)
    except ValidationError as exc:
        raise ConfigError("\n".join(f"{name}: {line}" for line in explain(exc, Config))) from exc
