"""
How far each SeedLink station has been read: kept in memory, saved now and then, found again at start.

A position moves only after its samples are in the ring.  What is saved lies so far behind that a new process
makes the same of the windows to come as this one would, and of detections that are open.  A file that
cannot be trusted is set aside, one that cannot be written is counted; neither ends the service.
"""

import errno
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import structlog

from quake_stream.counters import Counters, Key
from quake_stream.ingest import state_file
from quake_stream.ingest.trail import (
    MAX_ABS_NS,
    MAX_AHEAD_NS,
    N_CHECKPOINTS,
    NO_SEQUENCE,
    Needs,
    Trail,
    common_arrival_ns,
)
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, Packet, Position, RestPoint

FORMAT = "quake-stream/positions/1"
MAX_SEQUENCE = 2**64 - 1  # of SeedLink 4; version 3 has 24 bits
_ONE_RING = "ringserver"  # in the greeting of the only server known to keep one
_SEPARATOR = "_"  # of the codes of an instrument; none holds one

__all__ = ["FORMAT", "MAX_SEQUENCE", "NO_SEQUENCE", "ResumeStore"]

log = structlog.get_logger(__name__)

Stations = dict[str, tuple[int, int]]  # "NET.STA" → sequence, start (UTC ns); as in the file


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What the file holds: identity and stations of each server, and the rest points."""

    servers: Mapping[str, tuple[str, Stations]]
    rest_points: Mapping[InstrumentId, RestPoint]


class ResumeStore:
    """
    Positions of all stations of all servers, and where each instrument last stood at rest.

    Safe for several threads: sources read, the worker advances, the owner saves.  The file at ``path`` is
    read at once, if there is one; without a path nothing is saved.  Of instruments of which nothing was
    noted, the last ``rewind_s`` of data are taken to matter.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        rewind_s: float = 60.0,
        save_every_s: float = 5.0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._path = path
        self._rewind_ns = round(rewind_s * NS_PER_S)
        self._save_every_s = save_every_s
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._trails: dict[tuple[str, str, str], Trail] = {}
        self._needs: dict[tuple[str, str], Needs] = {}
        self._identities: dict[str, str] = {}
        self._shared: set[str] = set()  # servers with one ring for all stations
        self._counters = Counters()
        self._is_changed = False
        self._next_save_s: float | None = None
        self._failure = ""
        if path is not None:
            self._load(path)

    def positions(self, server: str) -> tuple[Position, ...]:
        """Last position of every station known of a server; sequence -1 where only the time holds."""
        with self._lock:
            trails = [t for (name, _, _), t in self._trails.items() if name == server]
            return tuple(t.last for t in trails if t.last)

    def rest_points(self) -> Mapping[InstrumentId, RestPoint]:
        """Where each instrument last stood with no detection open, as far as that is known."""
        with self._lock:
            return {id_: point for needs in self._needs.values() for id_, point in needs.points.items()}

    def identify(self, server: str, identity: str) -> bool:
        """
        Note who the server is; True if it is not the one that gave the positions.

        Then their sequence numbers are void and only the times stay.  An empty identity says nothing.
        """
        if not identity:
            return False
        with self._lock:
            before = self._identities.get(server)
            self._identities[server] = identity
            if _ONE_RING in identity.lower():
                self._shared.add(server)
            self._is_changed = self._is_changed or before != identity
            if before in {None, "", identity}:
                return False
            for (name, _, _), trail in self._trails.items():
                if name == server:
                    trail.void_sequences()
            return True

    def note(self, packet: Packet, point: RestPoint | None) -> None:
        """Note that a packet is in the ring, and where its instrument last stood at rest; then `advance`."""
        position = packet.position
        if position is None:
            return
        with self._lock:
            self._trail(position).see(packet.end_ns, self._now_ns())
            needs = self._needs_of(position.network, position.station)
            needs.note(packet.source_id.instrument, packet.end_ns, point)

    def advance(self, position: Position) -> None:
        """Note that everything of the station up to this record is safe in the ring."""
        with self._lock:
            trail = self._trail(position)
            trail.see(position.start_ns, self._now_ns())
            trail.advance(position, spacing_ns=self._rewind_ns // N_CHECKPOINTS)
            if position.server not in self._shared:
                trail.forget_before(trail.safe(self._horizon_ns(trail)))
            self._is_changed = True

    def save_if_due(self, now_s: float) -> None:
        """Save if something changed and the last time is long enough ago (monotonic seconds)."""
        if self._next_save_s is None or now_s >= self._next_save_s:
            self._next_save_s = now_s + self._save_every_s
            self.save()

    def save(self) -> None:
        """Save now if something changed; failures are counted, logged on change, and tried again."""
        if self._path is None:
            return
        with self._saving:
            with self._lock:
                if not self._is_changed:
                    return
                content = self._content()
                self._is_changed = False
            try:
                state_file.save(self._path, FORMAT, content)
            except OSError as exc:
                self._note_failure(exc)
            else:
                if self._failure:
                    log.info("resume.saved_again", path=str(self._path))
                self._failure = ""
                self._counters.add("positions.saved")

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        return self._counters.snapshot()

    def _load(self, path: Path) -> None:
        try:
            content = _checked(state_file.load(path, FORMAT))
        except state_file.StateFileError as exc:
            self._set_aside(path, str(exc))
            return
        except OSError as exc:
            self._counters.add("positions.unread", reason=_reason(exc))
            log.warning("resume.unreadable", path=str(path), error=str(exc))
            return
        with self._lock:
            self._take(content)

    def _take(self, content: _Content) -> None:
        latest_ns = self._now_ns() + MAX_AHEAD_NS
        n_future = 0
        for server, (identity, stations) in content.servers.items():
            self._identities[server] = identity
            for code, (sequence, start_ns) in stations.items():
                network, station = code.split(".")
                position = Position(
                    server=server, network=network, station=station, sequence=sequence, start_ns=start_ns
                )
                if start_ns > latest_ns:
                    # A server asked for data from then on would be silent until then.
                    n_future += 1
                    position = replace(position, sequence=NO_SEQUENCE, start_ns=latest_ns - MAX_AHEAD_NS)
                trail = self._trail(position)
                trail.see(position.start_ns, latest_ns - MAX_AHEAD_NS)
                trail.begin(position)
        for instrument_id, point in content.rest_points.items():
            if point.decided_ns > latest_ns:
                n_future += 1
            else:
                self._needs_of(instrument_id.network, instrument_id.station).points[instrument_id] = point
        if n_future:
            self._counters.add("positions.refused", n_future, reason="future")
            log.warning("resume.from_the_future", path=str(self._path), n=n_future)

    def _trail(self, position: Position) -> Trail:
        return self._trails.setdefault((position.server, position.network, position.station), Trail())

    def _horizon_ns(self, trail: Trail) -> int:
        assert trail.last is not None
        needs = self._needs_of(trail.last.network, trail.last.station)
        return needs.horizon_ns(trail.newest_ns, self._rewind_ns)

    def _common_ns(self, server: str) -> int:
        trails = [trail for (name, _, _), trail in self._trails.items() if name == server and trail.marks]
        return common_arrival_ns((trail, self._horizon_ns(trail)) for trail in trails)

    def _needs_of(self, network: str, station: str) -> Needs:
        return self._needs.setdefault((network, station), Needs())

    def _content(self) -> dict[str, object]:
        common_ns = {server: self._common_ns(server) for server in self._shared}
        servers: dict[str, dict[str, object]] = {}
        for (server, network, station), trail in self._trails.items():
            entry = servers.setdefault(server, {"identity": self._identities.get(server, ""), "stations": {}})
            stations = entry["stations"]
            assert isinstance(stations, dict)
            if trail.marks:
                mark = trail.safe(self._horizon_ns(trail), common_ns.get(server, MAX_ABS_NS))
                trail.forget_before(mark)
                stations[f"{network}.{station}"] = [mark.position.sequence, mark.position.start_ns]
        points = {
            _SEPARATOR.join(astuple(instrument_id)): [point.decided_ns, point.needed_ns, point.is_armed]
            for needs in self._needs.values()
            for instrument_id, point in needs.points.items()
        }
        return {"servers": servers, "rest_points": points}

    def _set_aside(self, path: Path, why: str) -> None:
        self._counters.add("positions.refused", reason="corrupt")
        try:
            kept: str | None = str(state_file.set_aside(path))
        except OSError as exc:
            self._counters.add("positions.unsaved", reason=_reason(exc))
            kept = None
        log.warning("resume.corrupt", path=str(path), error=why, kept_as=kept)

    def _note_failure(self, exc: OSError) -> None:
        reason = _reason(exc)
        self._counters.add("positions.unsaved", reason=reason)
        if reason != self._failure:
            log.error("resume.not_saved", path=str(self._path), error=str(exc))
        self._failure = reason
        with self._lock:
            self._is_changed = True


def _reason(exc: OSError) -> str:
    return errno.errorcode.get(exc.errno or 0, type(exc).__name__)


def _checked(content: object) -> _Content:
    """Check what the file holds; raises StateFileError."""
    if content is None:
        return _Content(servers={}, rest_points={})
    try:
        servers = {
            str(server): (
                str(entry["identity"]),
                {str(code): _checked_station(code, value) for code, value in entry["stations"].items()},
            )
            for server, entry in content["servers"].items()  # type: ignore[index]  # checked by the except below
        }
        points = content.get("rest_points", {})  # type: ignore[attr-defined]  # likewise
        rest_points = dict(_checked_point(codes, value) for codes, value in points.items())
    except (TypeError, KeyError, AttributeError, ValueError) as exc:
        raise state_file.StateFileError(f"unexpected content: {exc!r}") from exc
    return _Content(servers=servers, rest_points=rest_points)


def _checked_station(code: str, value: object) -> tuple[int, int]:
    match value:
        case [int(sequence), int(start_ns)] if not isinstance(sequence, bool):
            in_range = NO_SEQUENCE <= sequence <= MAX_SEQUENCE and abs(start_ns) <= MAX_ABS_NS
            if in_range and code.count(".") == 1:
                return sequence, start_ns
    raise ValueError(f"{code}: {value!r}")


def _checked_point(codes: str, value: object) -> tuple[InstrumentId, RestPoint]:
    network, station, location, band, source = codes.split(_SEPARATOR)
    match value:
        case [int(decided_ns), int(needed_ns), bool(is_armed)] if abs(decided_ns) <= MAX_ABS_NS:
            return (
                InstrumentId(network=network, station=station, location=location, band=band, source=source),
                RestPoint(decided_ns=decided_ns, needed_ns=needed_ns, is_armed=is_armed),
            )
    raise ValueError(f"{codes}: {value!r}")
