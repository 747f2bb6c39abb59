"""Messages of the size and form that the service sends.  Pure."""

from typing import Final
from uuid import UUID

from quake_stream.publish.wire import detection_body, heartbeat_body
from quake_stream.source_id import InstrumentId
from quake_stream.types import Detection, DetectionState, Latency, ModelSpec

_SPEC: Final = ModelSpec(
    name="bench",
    version="1",
    sha256="0" * 64,
    sample_rate_hz=100.0,
    n_samples=512,
    component_sets=("ZNE",),
    highpass_hz=1.0,
    transform="rfft/1",
    classes=("noise", "earthquake"),
    trigger_classes=("earthquake",),
    on=0.9,
    off=0.8,
    min_windows=2,
    hop_s=0.5,
)


def detection(*, created_ns: int) -> dict[str, object]:
    """Body of a detection made at a time."""
    made = Detection(
        id="0123456789abcdef0123456789abcdef",
        instrument_id=InstrumentId(network="XX", station="BENCH", location="", band="H", source="H"),
        channels=("HHZ", "HHN", "HHE"),
        state=DetectionState.NEW,
        revision=0,
        on_ns=created_ns,
        off_ns=None,
        peak_ns=created_ns,
        onset_ns=created_ns,
        onset_uncertainty_s=0.04,
        class_name="earthquake",
        probabilities=(("noise", 0.02), ("earthquake", 0.98)),
        peak_probability=0.98,
        n_windows=3,
        amplitude_counts=1234.5,
        snr_db=20.0,
        latency=Latency(data_s=1.0, queue_s=0.01, inference_s=0.01),
        reason="",
    )
    return detection_body(
        made, _SPEC, processing="replay", author="quake_stream", agency="", created_ns=created_ns
    )


def end_of_round() -> dict[str, object]:
    """Body of the heartbeat that ends a round."""
    return heartbeat_body(
        host="bench",
        version="1",
        uptime_s=0.0,
        session=UUID(int=0),
        last_sequence=0,
        stations={},
        windows_per_s=0.0,
        queue_depth=0,
        drops={},
        model_sha256="",
        processing="replay",
        created_ns=0,
    )
