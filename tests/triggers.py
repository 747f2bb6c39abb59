"""Detections of made-up instruments, in whole seconds since 1970."""

from quake_stream.network.rule import StationTrigger
from quake_stream.publish.iso8601 import format_utc
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S


def trigger(
    channel: str = "XX.A..HHZ", onset_s: float = 100.0, *, off_s: float | None = None, name: str = ""
) -> StationTrigger:
    """Make a detection that is on two seconds after its onset."""
    return StationTrigger(
        id=name or f"{channel}@{onset_s:.3f}",
        instrument_id=SourceId.from_nslc(channel).instrument,
        onset_ns=round(onset_s * NS_PER_S),
        on_ns=round((onset_s + 2) * NS_PER_S),
        off_ns=None if off_s is None else round(off_s * NS_PER_S),
        peak_probability=0.9,
        is_live=True,
    )


def body_of(one: StationTrigger, state: str = "", revision: int = 0) -> dict[str, object]:
    """Write the message of a detection, as far as a coincidence reads it."""
    code = one.instrument_id
    times = {"onset_time": one.onset_ns, "on_time": one.on_ns, "off_time": one.off_ns}
    return {
        "schema": "quake-stream/detection/1",
        "id": one.id,
        "state": state or ("new" if one.off_ns is None else "end"),
        "revision": revision,
        "network": code.network,
        "station": code.station,
        "location": code.location,
        "channels": [f"{code.band}{code.source}Z"],
        **{name: None if time is None else format_utc(time) for name, time in times.items()},
        **{f"{name}_ns": time for name, time in times.items()},
        "peak_probability": one.peak_probability,
        "processing": "live" if one.is_live else "replay",
    }
