"""
What a message says: topics and bodies, the contract with subscribers.  Pure: no socket, clock or file.

Each body is described field by field by a JSON Schema file in ``schema/``; a change that an old
subscriber cannot read needs a new major version there and in `frames.MAJORS`.  Keys come in a fixed
order and numbers rounded, so equal input gives equal bytes.
"""

import heapq
import math
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeVar
from uuid import UUID

from quake_stream.publish.iso8601 import format_utc
from quake_stream.source_id import InstrumentId, SourceId
from quake_stream.types import Detection, ModelSpec

HEARTBEAT_TOPIC: Final = "heartbeat"
MAX_ENTRIES: Final = 32  # of a table inside a body, so that models with many classes keep the size limit

Processing = Literal["live", "replay"]
InstrumentState = Literal["ok", "stale", "gap", "refused", "warming_up"]
INSTRUMENT_STATES: Final[tuple[InstrumentState, ...]] = ("ok", "stale", "gap", "refused", "warming_up")

_Number = TypeVar("_Number", int, float)


def topic_for(detection: Detection) -> str:
    """Topic of a detection: ``detection.IU.ANMO.00.BH``, a blank location as ``--``."""
    return f"detection.{detection.instrument_id}"


def status_topic(instrument_id: InstrumentId) -> str:
    """Topic of an instrument's status: ``status.CX.PB01.--.HH``."""
    return f"status.{instrument_id}"


def detection_body(
    detection: Detection,
    spec: ModelSpec,
    *,
    processing: Processing,
    author: str,
    agency: str,
    created_ns: int,
) -> dict[str, object]:
    """
    Describe a detection, schema ``quake-stream/detection/1``.

    ``spec`` is the model that made it; ``author`` and ``agency`` say who claims it.  Of more than
    `MAX_ENTRIES` classes the most probable are kept.
    """
    instrument = detection.instrument_id
    return {
        "schema": "quake-stream/detection/1",
        "id": detection.id,
        "state": detection.state.value,
        "revision": detection.revision,
        "source_id": _source_id(instrument),
        "network": instrument.network,
        "station": instrument.station,
        "location": instrument.location,
        "channels": list(detection.channels),
        **_time("onset_time", detection.onset_ns),
        "onset_uncertainty_s": _rounded(detection.onset_uncertainty_s, 4),
        **_time("on_time", detection.on_ns),
        **_time("off_time", detection.off_ns),
        **_time("peak_time", detection.peak_ns),
        "class": detection.class_name,
        "probabilities": {
            name: _rounded(value, 5) for name, value in _largest(detection.probabilities).items()
        },
        "peak_probability": _rounded(detection.peak_probability, 5),
        "n_windows": detection.n_windows,
        "amplitude_counts": _significant(detection.amplitude_counts),
        "snr_db": _rounded(detection.snr_db, 2),
        "latency_s": {
            "data": _rounded(detection.latency.data_s, 4),
            "queue": _rounded(detection.latency.queue_s, 4),
            "inference": _rounded(detection.latency.inference_s, 4),
            "total": _rounded(detection.latency.total_s, 4),
        },
        "reason": detection.reason,
        "model": {
            "name": spec.name,
            "version": spec.version,
            "sha256": spec.sha256,
            "transform": spec.transform,
        },
        "processing": processing,
        "author": author,
        "agency": agency,
        **_time("created", created_ns),
    }


def heartbeat_body(
    *,
    host: str,
    version: str,
    uptime_s: float,
    session: UUID,
    last_sequence: int,
    stations: Mapping[InstrumentState, int],
    windows_per_s: float,
    queue_depth: int,
    drops: Mapping[str, int],
    model_sha256: str,
    processing: Processing,
    created_ns: int,
) -> dict[str, object]:
    """
    Describe the health of the service, schema ``quake-stream/heartbeat/1``.

    ``last_sequence`` is that of the message before this one; ``stations`` counts instruments by state,
    those left out are 0; ``drops`` counts since the start by counter name, of which the `MAX_ENTRIES`
    largest are kept.
    """
    return {
        "schema": "quake-stream/heartbeat/1",
        "host": host,
        "version": version,
        "uptime_s": _rounded(uptime_s, 3),
        "session": str(session),
        "last_sequence": last_sequence,
        "stations": {state: stations.get(state, 0) for state in INSTRUMENT_STATES},
        "windows_per_s": _rounded(windows_per_s, 3),
        "queue_depth": queue_depth,
        "drops": _largest(sorted(drops.items())),
        "model_sha256": model_sha256,
        "processing": processing,
        **_time("created", created_ns),
    }


def status_body(
    instrument_id: InstrumentId, *, state: InstrumentState, reason: str, since_ns: int
) -> dict[str, object]:
    """Describe a change of an instrument's state, schema ``quake-stream/status/1``."""
    return {
        "schema": "quake-stream/status/1",
        "instrument": str(instrument_id),
        "state": state,
        "reason": reason,
        **_time("since", since_ns),
    }


def _source_id(instrument: InstrumentId) -> str:
    """FDSN source identifier of a sensor: that of its components with the subsource left empty."""
    return str(
        SourceId(
            network=instrument.network,
            station=instrument.station,
            location=instrument.location,
            band=instrument.band,
            source=instrument.source,
            subsource="",
        )
    )


def _time(name: str, time_ns: int | None) -> dict[str, object]:
    """Both forms of a time, under ``name`` and ``name_ns``."""
    return {name: None if time_ns is None else format_utc(time_ns), f"{name}_ns": time_ns}


def _rounded(value: float | None, n_decimals: int) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), n_decimals) + 0.0  # turns -0.0 into 0.0


def _significant(value: float) -> float | None:
    """Six significant digits: data may be integer counts or small floats."""
    return float(f"{value:.6g}") + 0.0 if math.isfinite(value) else None


def _largest(entries: Iterable[tuple[str, _Number]]) -> dict[str, _Number]:
    """Keep the `MAX_ENTRIES` largest, in the order given."""
    table = dict(entries)
    kept = set(heapq.nlargest(MAX_ENTRIES, table, key=table.__getitem__))
    return {name: value for name, value in table.items() if name in kept}
