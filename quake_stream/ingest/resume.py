"""
How far each SeedLink station has been read: kept in memory, saved now and then, found again at start.

A position moves only after its samples are in the ring.  What is saved lies ``rewind_s`` of data time
behind, so that a new process rebuilds windows and triggers that were open when the old one ended.  A file
that cannot be trusted is set aside, one that cannot be written is counted; neither ends the service.
"""

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from quake_stream.counters import Counters, Key
from quake_stream.ingest import state_file
from quake_stream.types import NS_PER_S, Position

FORMAT = "quake-stream/positions/1"
NO_SEQUENCE = -1  # the server that gave the number was restarted; only the time holds
MAX_SEQUENCE = 0xFFFFFF
N_CHECKPOINTS = 32  # per station within the rewind time; the saved position is at most this much too old
_MAX_ABS_NS = 2**63 - 1

log = structlog.get_logger(__name__)

Stations = dict[str, tuple[int, int]]  # "NET.STA" → sequence, start (UTC ns); as in the file


@dataclass(slots=True)
class _Trail:
    """Past positions of one station, oldest first, each with the newest data time known at that moment."""

    marks: deque[tuple[int, Position]] = field(default_factory=deque)
    last: Position | None = None
    newest_ns: int = -_MAX_ABS_NS

    def advance(self, position: Position, *, rewind_ns: int, now_ns: int) -> None:
        self.last = position
        # A record stamped in the future must not hold the saved position until that day comes.
        self.newest_ns = max(self.newest_ns, min(position.start_ns, now_ns))
        marks = self.marks
        if not marks or self.newest_ns - marks[-1][0] >= rewind_ns // N_CHECKPOINTS:
            marks.append((self.newest_ns, position))
        # The first mark is what is saved; the second may take its place once it is old enough.
        while len(marks) > 1 and marks[1][0] <= self.newest_ns - rewind_ns:
            marks.popleft()


class ResumeStore:
    """
    Positions of all stations of all servers.

    Safe for several threads: sources read, the worker advances, the owner saves.  The file at ``path`` is
    read at once, if there is one; without a path nothing is saved.
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
        self._trails: dict[tuple[str, str, str], _Trail] = {}
        self._identities: dict[str, str] = {}
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
            self._is_changed = self._is_changed or before != identity
            if before in {None, "", identity}:
                return False
            for (name, _, _), trail in self._trails.items():
                if name == server and trail.last:
                    trail.last = replace(trail.last, sequence=NO_SEQUENCE)
                    trail.marks = deque((ns, replace(p, sequence=NO_SEQUENCE)) for ns, p in trail.marks)
            return True

    def advance(self, position: Position) -> None:
        """Note that everything of the station up to this record is safe in the ring."""
        with self._lock:
            self._trail(position)
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

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        return self._counters.snapshot()

    def _load(self, path: Path) -> None:
        try:
            servers = _checked(state_file.load(path, FORMAT))
        except state_file.StateFileError as exc:
            self._set_aside(path, str(exc))
            return
        except OSError as exc:
            self._counters.add("positions.unread", reason=_reason(exc))
            log.warning("resume.unreadable", path=str(path), error=str(exc))
            return
        with self._lock:
            for server, (identity, stations) in servers.items():
                self._identities[server] = identity
                for code, (sequence, start_ns) in stations.items():
                    network, station = code.split(".")
                    self._trail(
                        Position(
                            server=server,
                            network=network,
                            station=station,
                            sequence=sequence,
                            start_ns=start_ns,
                        )
                    )

    def _trail(self, position: Position) -> None:
        key = (position.server, position.network, position.station)
        trail = self._trails.setdefault(key, _Trail())
        trail.advance(position, rewind_ns=self._rewind_ns, now_ns=self._now_ns())

    def _content(self) -> dict[str, object]:
        servers: dict[str, dict[str, object]] = {}
        for (server, network, station), trail in self._trails.items():
            entry = servers.setdefault(server, {"identity": self._identities.get(server, ""), "stations": {}})
            stations = entry["stations"]
            assert isinstance(stations, dict)
            mark = trail.marks[0][1]
            stations[f"{network}.{station}"] = [mark.sequence, mark.start_ns]
        return {"servers": servers}

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


def _checked(content: object) -> dict[str, tuple[str, Stations]]:
    """Check what the file holds; raises StateFileError."""
    servers: dict[str, tuple[str, Stations]] = {}
    if content is None:
        return servers
    try:
        for server, entry in content["servers"].items():  # type: ignore[index]  # checked by the except below
            stations = {str(code): _checked_station(code, value) for code, value in entry["stations"].items()}
            servers[str(server)] = (str(entry["identity"]), stations)
    except (TypeError, KeyError, AttributeError, ValueError) as exc:
        raise state_file.StateFileError(f"unexpected content: {exc!r}") from exc
    return servers


def _checked_station(code: str, value: object) -> tuple[int, int]:
    match value:
        case [int(sequence), int(start_ns)] if not isinstance(sequence, bool):
            in_range = NO_SEQUENCE <= sequence <= MAX_SEQUENCE and abs(start_ns) <= _MAX_ABS_NS
            if in_range and code.count(".") == 1:
                return sequence, start_ns
    raise ValueError(f"{code}: {value!r}")
