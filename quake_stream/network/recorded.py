"""
Read detections that were written down: JSON lines or CSV of ``scan`` and ``listen``, SQLite of ``export``.

Of each detection the last message counts; those that were retracted are left out, and counted.
"""

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TextIO

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.network.messages import is_detection, trigger_of
from quake_stream.network.rule import StationTrigger
from quake_stream.types import DetectionState

_SCHEMA: Final = "quake-stream/detection/1"
_SQLITE: Final = b"SQLite format 3\0"


def read_files(paths: Iterable[Path], counters: Counters) -> list[StationTrigger]:
    """
    Read detections of all files together, by onset.

    Raises
    ------
    SourceError
        A file cannot be read, or a line of it is no detection; the message names both.
    """
    bodies: list[Mapping[str, Any]] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                is_database = file.read(len(_SQLITE)) == _SQLITE
            if is_database:
                bodies += _checked(_rows(path), str(path))
                continue
            with path.open(newline="", encoding="utf-8-sig") as stream:
                bodies += _checked(_bodies(stream, str(path)), str(path))
        except OSError as exc:
            raise SourceError(f"{path}: cannot be read: {exc.strerror}") from exc
        except UnicodeDecodeError as exc:
            raise SourceError(f"{path}: is no text") from exc
    return _final(bodies, counters)


def read_stream(stream: TextIO, name: str, counters: Counters) -> list[StationTrigger]:
    """Read detections of one open file, by onset; raises `SourceError` as `read_files` does."""
    return _final(_checked(_bodies(stream, name), name), counters)


def _checked(bodies: Iterable[tuple[int, Mapping[str, Any]]], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the bodies that are detections; others, such as heartbeats, may stand between them."""
    for n, body in bodies:
        if not is_detection(body):
            continue
        try:
            trigger_of(body)
        except ValueError as exc:
            raise SourceError(f"{name}, line {n}: {exc}") from exc
        yield body


def _bodies(stream: TextIO, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    first = stream.readline()
    if first.startswith("id,"):
        rows = csv.DictReader(stream, first.strip().split(","))
        for row in rows:
            yield rows.line_num + 1, row | {"schema": _SCHEMA}
        return
    for n, line in enumerate(_chain(first, stream), start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise SourceError(f"{name}, line {n}: neither JSON nor a table with a heading: {exc}") from exc
        if not isinstance(item, dict):
            raise SourceError(f"{name}, line {n}: is no JSON object")
        body = item.get("body", item)  # what ``listen`` writes wraps the message
        yield n, body if isinstance(body, dict) else {}


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            for n, row in enumerate(database.execute("SELECT * FROM detections"), start=1):
                yield n, dict(row) | {"schema": _SCHEMA}
    except sqlite3.Error as exc:
        raise SourceError(f"{path}: is no database of detections: {exc}") from exc


def _chain(first: str, stream: TextIO) -> Iterator[str]:
    yield first
    yield from stream


def _final(bodies: Iterable[Mapping[str, Any]], counters: Counters) -> list[StationTrigger]:
    last: dict[str, Mapping[str, Any]] = {}
    for body in bodies:
        key = str(body["id"])
        if key not in last or _revision(body) >= _revision(last[key]):
            last[key] = body
    kept = []
    for body in last.values():
        trigger, state = trigger_of(body)
        if state is DetectionState.RETRACT:
            counters.add("triggers.dropped", reason="retracted", station=trigger.instrument_id.nsl)
        else:
            kept.append(trigger)
    return sorted(kept, key=lambda trigger: (trigger.onset_ns, trigger.id))


def _revision(body: Mapping[str, Any]) -> int:
    text = str(body.get("revision", 0))
    return int(text) if text.isdecimal() else 0
