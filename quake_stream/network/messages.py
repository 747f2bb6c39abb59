"""
Detection messages → triggers; network detections → messages.  Pure: no socket, clock or file.

Messages are those of `quake_stream.publish.wire`; that of a network detection is described field by field
by ``network-detection-1.json`` among its schemas.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from quake_stream.network.coincidence import NetworkDetection
from quake_stream.network.rule import StationTrigger
from quake_stream.publish.iso8601 import format_utc, parse_utc
from quake_stream.source_id import InstrumentId, SourceId
from quake_stream.types import DetectionState

TOPIC: Final = "network-detection"
SCHEMA: Final = "quake-stream/network-detection/1"
MAX_MEMBERS: Final = 16  # of a message, each below 256 bytes, so that the size limit holds
# Printable ASCII; quotes and backslashes would be longer in JSON.
_NAME: Final = re.compile(r"[!#-\[\]-~]{1,40}")


def is_detection(body: Mapping[str, Any]) -> bool:
    """Whether a message is about one instrument's detection."""
    return str(body.get("schema", "")).startswith("quake-stream/detection/")


def trigger_of(body: Mapping[str, Any]) -> tuple[StationTrigger, DetectionState]:
    """
    Read a detection, from the feed or a line of a recording.

    Raises
    ------
    ValueError
        A field that is needed is missing or wrong; the message names it.
    """
    try:
        trigger = StationTrigger(
            id=_name(body["id"]),
            instrument_id=_instrument(body),
            onset_ns=parse_utc(body["onset_time"]),
            on_ns=parse_utc(body["on_time"]),
            off_ns=parse_utc(body["off_time"]) if body["off_time"] else None,
            peak_probability=_probability(body["peak_probability"]),
            is_live=body.get("processing") == "live",
        )
        return trigger, DetectionState(body["state"])
    except KeyError as exc:
        raise ValueError(f"the detection has no {exc.args[0]}") from exc
    except (TypeError, OverflowError) as exc:
        raise ValueError(f"a field of the detection is of the wrong type: {exc}") from exc


def data_time_ns(body: Mapping[str, Any]) -> int:
    """
    Return the data time up to which a message of the feed tells, UTC ns; 0 where it tells none.

    Heartbeats let it pass where no detection does, unless recorded data are processed.
    """
    names = ["on_time_ns", "peak_time_ns", "off_time_ns"] if is_detection(body) else []
    if str(body.get("schema", "")).startswith("quake-stream/heartbeat/") and body.get("processing") == "live":
        names = ["created_ns"]
    return max((time for name in names if isinstance(time := body.get(name), int)), default=0)


def network_body(
    detection: NetworkDetection, *, author: str, agency: str, created_ns: int
) -> dict[str, object]:
    """Describe a network detection, schema ``quake-stream/network-detection/1``."""
    members = detection.members
    return {
        "schema": SCHEMA,
        "id": detection.id,
        "state": detection.state.value,
        "revision": detection.revision,
        "n_stations": len(detection.stations),
        "min_stations": detection.min_stations,
        **_time("onset_time", detection.onset_ns),
        **_time("on_time", detection.on_ns),
        **_time("off_time", detection.off_ns),
        "n_members": len(members),
        "members": [_member(member) for member in members[:MAX_MEMBERS]],
        "reason": detection.reason,
        "processing": "live" if all(member.is_live for member in members) else "replay",
        "author": author,
        "agency": agency,
        **_time("created", created_ns),
    }


def _name(value: object) -> str:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise ValueError("the id of the detection is not up to 40 letters, digits and signs")
    return value


def _probability(value: Any) -> float:
    probability = float(value)
    if not 0 <= probability <= 1:
        raise ValueError(f"a probability of {probability}")
    return probability


def _instrument(body: Mapping[str, Any]) -> InstrumentId:
    channels = body["channels"]
    names = channels.split() if isinstance(channels, str) else channels
    if not names:
        raise ValueError("the detection names no channel")
    codes = (body["network"], body["station"], body["location"], names[0])
    if not all(isinstance(code, str) for code in codes):
        raise TypeError("codes and channels are text")
    return SourceId.from_codes(*codes).instrument


def _member(trigger: StationTrigger) -> dict[str, object]:
    codes = trigger.instrument_id
    return {
        "id": trigger.id,
        "source_id": f"FDSN:{codes.network}_{codes.station}_{codes.location}_{codes.band}_{codes.source}_",
        **_time("onset_time", trigger.onset_ns),
        "peak_probability": round(trigger.peak_probability, 5),
    }


def _time(name: str, time_ns: int | None) -> dict[str, object]:
    return {name: None if time_ns is None else format_utc(time_ns), f"{name}_ns": time_ns}
