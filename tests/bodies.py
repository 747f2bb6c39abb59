"""Messages on detections, made by the code of the feed, for tests of what reads them."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from quake_stream.publish import wire
from quake_stream.publish.iso8601 import parse_utc
from quake_stream.source_id import InstrumentId
from quake_stream.types import Detection, DetectionState, Latency, ModelSpec

SPEC = ModelSpec(
    name="lstm",
    version="1.0",
    sha256="ab" * 32,
    sample_rate_hz=100.0,
    n_samples=3000,
    component_sets=("ZNE",),
    highpass_hz=1.0,
    transform="spectrum",
    classes=("noise", "earthquake"),
    trigger_classes=("earthquake",),
    on=0.9,
    off=0.8,
    min_windows=2,
    hop_s=1.0,
)


def detection(
    name: str = "00ff",
    state: str = "new",
    *,
    revision: int = 0,
    onset: str = "2010-05-27T16:24:33.315123456Z",
    created: str = "2010-05-27T16:25:00Z",
    processing: str = "live",
    **changes: object,
) -> dict[str, Any]:
    """Body of one message on a detection at CX.PB01; ``changes`` replace its fields."""
    onset_ns = parse_utc(onset)
    found = Detection(
        id=name,
        instrument_id=InstrumentId(network="CX", station="PB01", location="", band="H", source="H"),
        channels=("HHZ", "HHN", "HHE"),
        state=DetectionState(state),
        revision=revision,
        on_ns=onset_ns + 5_000_000_000,
        off_ns=None if state in {"new", "update"} else onset_ns + 40_000_000_000,
        peak_ns=onset_ns + 9_000_000_000,
        onset_ns=onset_ns,
        onset_uncertainty_s=0.04,
        class_name="earthquake",
        probabilities=(("noise", 0.02), ("earthquake", 0.98)),
        peak_probability=0.98,
        n_windows=7,
        amplitude_counts=1234.5,
        snr_db=20.0,
        latency=Latency(data_s=1.0, queue_s=0.1, inference_s=0.02),
        reason="",
    )
    body: Mapping[str, object] = wire.detection_body(
        found,
        SPEC,
        processing=processing,  # type: ignore[arg-type]  # live or replay
        author="quake_stream",
        agency="GFZ",
        created_ns=parse_utc(created),
    )
    return dict(body) | changes


def status(**changes: object) -> dict[str, Any]:
    """Body of a status message of IU.ANMO; ``changes`` replace or add fields."""
    instrument = InstrumentId(network="IU", station="ANMO", location="00", band="B", source="H")
    return wire.status_body(instrument, state="ok", reason="", since_ns=0) | changes


def heartbeat(**changes: object) -> dict[str, Any]:
    """Body of a heartbeat; ``changes`` replace or add fields."""
    body = wire.heartbeat_body(
        host="host",
        version="1",
        uptime_s=1.0,
        session=UUID(int=1),
        last_sequence=0,
        stations={},
        windows_per_s=0.0,
        queue_depth=0,
        drops={},
        model_sha256="",
        processing="live",
        created_ns=0,
    )
    return body | changes


def comparable(body: Mapping[str, Any]) -> str:
    """All that must not depend on when and how the data came, as text: equal means byte for byte."""
    return json.dumps(
        {k: v for k, v in body.items() if k not in {"latency_s", "created", "created_ns", "processing"}}
    )
