"""Times and limits of a SeedLink connection; nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from quake_stream.ingest.seedlink.credentials import Credentials

KEEPALIVES_PER_TIMEOUT = 2.5  # two keepalives may stay unanswered before a link counts as dead


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedLinkSettings:
    """
    Defaults are fit for public servers.

    ``keepalive_s`` is 240 as EarthScope asks for at most one every four minutes; 30 is fine for one's own
    server.  ``backfill_s`` is how far back to ask on the very first start (0: from now on).
    ``max_backlog_s`` bounds how far a station that fell behind pulls the rest back: ringserver reads its one
    ring from the oldest time that any station asks for.

    ``protocol`` is the version to speak, ``auto`` the highest that both sides know; None is ``auto`` through TLS
    and ``3`` otherwise.  ``ca_file`` (PEM) replaces the system's authorities.
    """

    connect_timeout_s: float = 10.0
    command_timeout_s: float = 20.0  # for each reply
    negotiation_timeout_s: float = 300.0  # for all replies together
    keepalive_s: float = 240.0
    info_timeout_s: float = 60.0  # for the answer to a keepalive
    retry_first_s: float = 1.0
    retry_limit_s: float = 60.0
    refused_retry_s: float = 3600.0  # a station refused, or too many of them, are asked for again after this
    backfill_s: float = 0.0
    max_backlog_s: float = 3600.0
    max_stations: int = 20_000
    protocol: Literal["auto", "3", "4"] | None = None
    ca_file: Path | None = None
    credentials: Credentials | None = None

    @property
    def network_timeout_s(self) -> float:
        """Silence after which a link is given up."""
        return KEEPALIVES_PER_TIMEOUT * self.keepalive_s
