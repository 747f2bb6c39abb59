"""
Detections in an SQLite database: one row for each, the latest message wins.

Each message is a transaction of its own in write-ahead mode: killing the program loses none, a power cut
at most the last seconds, and other programs may read meanwhile.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from quake_stream.counters import Counters, Key
from quake_stream.errors import ConfigError, QuakeStreamError
from quake_stream.formats import Body
from quake_stream.publish.iso8601 import parse_utc

APPLICATION_ID: Final = 0x51535452  # "QSTR", so that a foreign database is not written to
SCHEMA_VERSION: Final = 1
_BUSY_MS: Final = 10_000  # how long another program may hold the database

_SCHEMA: Final = """
CREATE TABLE detections (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    revision INTEGER NOT NULL,
    source_id TEXT NOT NULL,
    network TEXT NOT NULL,
    station TEXT NOT NULL,
    location TEXT NOT NULL,
    channels TEXT NOT NULL,
    onset_time TEXT NOT NULL,
    onset_time_ns INTEGER NOT NULL,
    onset_uncertainty_s REAL,
    on_time TEXT NOT NULL,
    off_time TEXT,
    class TEXT NOT NULL,
    peak_probability REAL NOT NULL,
    n_windows INTEGER NOT NULL,
    amplitude_counts REAL,
    snr_db REAL,
    latency_s REAL,
    reason TEXT NOT NULL,
    model TEXT NOT NULL,
    processing TEXT NOT NULL,
    created TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX detections_by_onset ON detections (onset_time_ns);
CREATE VIEW by_day_and_station AS
    SELECT substr(onset_time, 1, 10) AS day, network, station,
        count(*) AS n_detections, max(peak_probability) AS peak_probability,
        min(onset_time) AS first_onset_time, max(onset_time) AS last_onset_time
    FROM detections WHERE state != 'retract' AND processing = 'live'
    GROUP BY day, network, station ORDER BY day DESC, network, station;
CREATE VIEW last_day_by_station AS
    SELECT network, station,
        count(*) AS n_detections, max(peak_probability) AS peak_probability,
        min(onset_time) AS first_onset_time, max(onset_time) AS last_onset_time
    FROM detections WHERE state != 'retract' AND processing = 'live'
        AND onset_time_ns >= (CAST(strftime('%s', 'now') AS INTEGER) - 86400) * 1000000000
    GROUP BY network, station ORDER BY n_detections DESC, network, station;
"""

# A message of another life of the service may repeat old revisions, hence the time of making comes first;
# what was detected live must not look replayed because somebody replayed that day later on.
_UPSERT: Final = """
INSERT INTO detections ({columns}) VALUES ({values})
ON CONFLICT (id) DO UPDATE SET {changes}
WHERE (excluded.processing = 'live', excluded.created_ns, excluded.revision)
    >= (detections.processing = 'live', detections.created_ns, detections.revision)
"""


class SqliteSink:
    """
    Keep the latest message on each detection; older ones that come late change nothing.

    Raises
    ------
    ConfigError
        The file is no database of detections, or one of a newer version.
    QuakeStreamError
        It cannot be opened.
    """

    n_waiting = 0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counters = Counters()
        try:
            self._database = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None)
        except sqlite3.Error as exc:
            raise QuakeStreamError(f"{path}: cannot be opened: {exc}") from exc
        try:
            self._prepare()
        except sqlite3.DatabaseError as exc:
            self._database.close()
            raise QuakeStreamError(f"{path}: cannot be used as a database: {exc}") from exc
        except ConfigError:
            self._database.close()
            raise

    def write(self, body: Body) -> None:
        """Insert or update one row; raises QuakeStreamError when the database refuses."""
        row = _row(body)
        try:
            changed = self._database.execute(_statement(row), row).rowcount
        except sqlite3.Error as exc:
            raise QuakeStreamError(f"{self._path}: cannot be written: {exc}") from exc
        if not changed:
            self._counters.add("detections.outdated")

    def settle(self) -> None:
        """Nothing: each message is in the database already."""

    def close(self) -> None:
        """Close the database; its write-ahead log goes away with the last reader."""
        self._database.close()

    def counts(self) -> Mapping[Key, int]:
        """``detections.outdated``: messages that came after a later one on the same detection."""
        return self._counters.snapshot()

    def _prepare(self) -> None:
        (owner,) = self._database.execute("PRAGMA application_id").fetchone()
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        (n_tables,) = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if n_tables and owner != APPLICATION_ID:
            raise ConfigError(f"{self._path}: is a database of another program")
        if version > SCHEMA_VERSION:
            raise ConfigError(
                f"{self._path}: is of version {version}, this program understands {SCHEMA_VERSION}: "
                "install a newer quake-stream"
            )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        if not n_tables:
            self._database.executescript(
                f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; "
                f"PRAGMA user_version = {SCHEMA_VERSION}; {_SCHEMA} COMMIT;"
            )


def latest_ns(path: Path) -> int | None:
    """
    When the last message in a database was made (UTC); None where there is none yet.

    Raises
    ------
    QuakeStreamError
        The file cannot be read.
    """
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_MS / 1000)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'detections'").fetchall()
            if not tables:
                return None
            latest: int | None = database.execute("SELECT max(created_ns) FROM detections").fetchone()[0]
    except sqlite3.Error as exc:
        raise QuakeStreamError(f"{path}: cannot be used as a database: {exc}") from exc
    return latest


def _row(body: Body) -> dict[str, object]:
    same = ("id", "state", "revision", "source_id", "network", "station", "location", "onset_time", "on_time")
    more = ("off_time", "class", "n_windows", "reason", "processing", "created")
    numbers = ("onset_uncertainty_s", "peak_probability", "amplitude_counts", "snr_db")
    return {
        **{name: body[name] for name in same + more},
        **{name: None if body[name] is None else float(body[name]) for name in numbers},
        "channels": " ".join(body["channels"]),
        "onset_time_ns": parse_utc(body["onset_time"]),
        "latency_s": float(body["latency_s"]["total"]),
        "model": f"{body['model']['name']} {body['model']['version']}",
        "created_ns": parse_utc(body["created"]),
        "body": json.dumps(body, ensure_ascii=False),
    }


def _statement(row: Mapping[str, object]) -> str:
    """Name the columns of a row; all names are ours, never the feed's."""
    return _UPSERT.format(
        columns=", ".join(row),
        values=", ".join(f":{name}" for name in row),
        changes=", ".join(f"{name} = excluded.{name}" for name in row),
    )
