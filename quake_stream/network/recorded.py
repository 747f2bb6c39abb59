"""
Read detections that were written down: JSON lines of ``scan`` or ``listen``, CSV of ``scan``.

Of each detection the last message counts; those that were retracted are left out, and counted.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.network.messages import is_detection, trigger_of
from quake_stream.network.rule import StationTrigger
from quake_stream.types import DetectionState


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
            with path.open(newline="", encoding="utf-8-sig") as stream:
                bodies += _checked(stream, str(path))
        except OSError as exc:
            raise SourceError(f"{path}: cannot be read: {exc.strerror}") from exc
        except UnicodeDecodeError as exc:
            raise SourceError(f"{path}: is no text") from exc
    return _final(bodies, counters)


def read_stream(stream: TextIO, name: str, counters: Counters) -> list[StationTrigger]:
    """Read detections of one open file, by onset; raises `SourceError` as `read_files` does."""
    return _final(_checked(stream, name), counters)


def _checked(stream: TextIO, name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the bodies that are detections; others, such as heartbeats, may stand between them."""
    for n, body in _bodies(stream, name):
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
            yield rows.line_num + 1, row | {"schema": "quake-stream/detection/1"}
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
