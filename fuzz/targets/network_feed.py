"""Detections of several stations as ``quake-stream coincide`` receives them, from publishers that may be wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from fuzz.made import detection
from quake_stream.counters import Counters
from quake_stream.network.coincidence import Coincidence, NetworkDetection
from quake_stream.network.messages import TOPIC, data_time_ns, network_body, trigger_of
from quake_stream.network.rule import CoincidenceRule
from quake_stream.publish.frames import Header, encode

_HEADER = Header(session=UUID(int=1), sequence=1)


def seeds() -> Iterator[bytes]:
    """Give lines of JSON: two stations in agreement, then the end of one."""
    one = json.loads(detection())
    two = one | {"id": "01ff", "station": "BBB"}
    yield b"\n".join(json.dumps(body).encode() for body in (one, two, one | {"state": "retract"}))
    yield json.dumps(
        one | {"peak_probability": 1, "off_time": "2026-01-01T00:01:00Z", "state": "end"}
    ).encode()


def check(data: bytes, _folder: Path) -> None:
    """Refuse a detection by ValueError, or make of it what can be sent on."""
    coincidence = Coincidence(CoincidenceRule(), Counters())
    for line in data.split(b"\n"):
        try:
            body = json.loads(line)
            json.dumps(body, allow_nan=False)  # as the feed demands
        except (ValueError, RecursionError):
            continue
        if not isinstance(body, dict) or len(line) > 4095:
            continue
        now_ns = data_time_ns(body)
        try:
            trigger, state = trigger_of(body)
        except ValueError:
            continue
        _send(coincidence.receive(trigger, state, now_ns))
    _send(coincidence.finish())


def _send(found: list[NetworkDetection]) -> None:
    for one in found:
        encode(TOPIC, _HEADER, network_body(one, author="", agency="", created_ns=0))
