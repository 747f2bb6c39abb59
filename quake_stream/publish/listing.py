"""
Messages as people and programs read them: rows of a table, JSON lines.  Pure; printing is the caller's.

Fields that are missing or of another type leave an empty cell: a listing never fails on a message.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from quake_stream.publish.frames import Message
from quake_stream.publish.iso8601 import format_utc
from quake_stream.publish.sequence import Missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table, ready to print; cells that do not apply are empty, all are printable."""

    time: str = ""  # onset, start of a state or creation, UTC to the millisecond
    where: str = ""  # instrument or host
    what: str = ""  # state of a detection or instrument, heartbeat, missed
    class_name: str = ""
    probability: str = ""
    snr_db: str = ""
    latency_s: str = ""  # total
    note: str = ""


def summary_row(item: Message | Missed) -> Row:
    """Sum up a message, or a notice of missed ones, in one line."""
    if isinstance(item, Missed):
        return Row(what="missed", note=f"{item.count} messages ({item.reason})")
    row = _message_row(item)
    return (
        replace(row, note=", ".join(filter(None, [row.note, "from the journal"]))) if item.replayed else row
    )


def _message_row(item: Message) -> Row:
    kind, _, instrument = item.topic.partition(".")
    body = item.body
    if kind == "detection":
        return _detection_row(instrument, body)
    if kind == "status":
        return Row(
            time=_time(body, "since"), where=instrument, what=_text(body, "state"), note=_text(body, "reason")
        )
    if kind == "heartbeat":
        return Row(
            time=_time(body, "created"), where=_text(body, "host"), what="heartbeat", note=_health(body)
        )
    return Row(what=kind, where=instrument, note=_text(body, "schema"))


def json_line(item: Message | Missed) -> str:
    """
    Write an item as one line of JSON, without the line's end.

    A message becomes ``{"topic", "session", "sequence", "received", "replayed", "body"}``, a notice
    ``{"missed", "session", "first", "last", "reason"}``.
    """
    line: dict[str, object]
    if isinstance(item, Missed):
        line = {
            "missed": item.count,
            "session": str(item.session),
            "first": item.first,
            "last": item.last,
            "reason": item.reason,
        }
    else:
        line = {
            "topic": item.topic,
            "session": str(item.session),
            "sequence": item.sequence,
            "received": format_utc(item.received_ns),
            "replayed": item.replayed,
            "body": item.body,
        }
    return json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _detection_row(instrument: str, body: Mapping[str, Any]) -> Row:
    is_replay = body.get("processing") == "replay"
    notes = [_text(body, "reason"), "replay" if is_replay else ""]
    return Row(
        time=_time(body, "onset_time"),
        where=instrument,
        what=_text(body, "state"),
        class_name=_text(body, "class"),
        probability=_number(body, "peak_probability", ".2f"),
        snr_db=_number(body, "snr_db", ".1f"),
        # how late a recording is says nothing
        latency_s="" if is_replay else _number(_table(body, "latency_s"), "total", ".2f"),
        note=", ".join(note for note in notes if note),
    )


def _health(body: Mapping[str, Any]) -> str:
    """Instruments by state, then the load: ``12 ok, 1 stale; 24.0 windows/s, 0 packets queued``."""
    stations = _table(body, "stations")
    states = ", ".join(
        f"{n} {name.replace('_', ' ')}" for name, n in stations.items() if isinstance(n, int) and n
    )
    rate, depth = _number(body, "windows_per_s", ".1f"), _number(body, "queue_depth", "d")
    return _printable(f"{states or 'no stations'}; {rate or '?'} windows/s, {depth or '?'} packets queued")


def _time(body: Mapping[str, Any], name: str) -> str:
    text = _text(body, name)
    return f"{text[:23]}Z" if len(text) == len("2010-05-27T16:24:33.315000000Z") else text


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return _printable(value) if isinstance(value, str) else ""


def _number(body: Mapping[str, Any], name: str, spec: str) -> str:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    try:
        return format(value, spec)
    except (ValueError, OverflowError):  # 0.5 packets, or an integer beyond float64
        return ""


def _table(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _printable(text: str) -> str:
    """Keep control characters, which can rewrite a terminal, from it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
