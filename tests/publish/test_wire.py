import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schemas import SCHEMAS

from quake_stream.publish.frames import MAX_BODY_BYTES, MAX_TOPIC_BYTES, Header, encode
from quake_stream.publish.iso8601 import parse_utc
from quake_stream.publish.wire import (
    INSTRUMENT_STATES,
    MAX_ENTRIES,
    detection_body,
    heartbeat_body,
    status_body,
    status_topic,
    topic_for,
)
from quake_stream.source_id import InstrumentId, SourceId
from quake_stream.types import Detection, DetectionState, Latency, ModelSpec

HEADER = Header(session=UUID(int=7), sequence=1)
ANMO = InstrumentId(network="IU", station="ANMO", location="00", band="B", source="H")
PB01 = InstrumentId(network="CX", station="PB01", location="", band="H", source="H")

codes = st.text("ABCXYZ0189-", min_size=1, max_size=8)
words = st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=30)
times_ns = st.integers(0, 4_000_000_000 * 10**9)
probabilities = st.floats(0, 1)
seconds = st.floats(0, 1e6)
numbers = st.floats(0) | st.just(float("nan"))  # infinities included
instruments = st.builds(
    InstrumentId,
    network=codes,
    station=codes,
    location=st.just("") | codes,
    band=st.sampled_from("BHES"),
    source=st.sampled_from("HNL"),
)
detections = st.builds(
    Detection,
    id=st.text("0123456789abcdef", min_size=1, max_size=64),
    instrument_id=instruments,
    channels=st.lists(codes, min_size=1, max_size=3).map(tuple),
    state=st.sampled_from(DetectionState),
    revision=st.integers(0, 10**6),
    on_ns=times_ns,
    off_ns=st.none() | times_ns,
    peak_ns=times_ns,
    onset_ns=times_ns,
    onset_uncertainty_s=numbers,
    class_name=words,
    probabilities=st.lists(st.tuples(words, probabilities), max_size=50).map(tuple),
    peak_probability=probabilities,
    n_windows=st.integers(0, 10**6),
    amplitude_counts=numbers,
    snr_db=st.none() | numbers,
    latency=st.builds(Latency, data_s=seconds, queue_s=seconds, inference_s=seconds),
    reason=words,
)
specs = st.builds(
    ModelSpec,
    name=words,
    version=words,
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64) | st.just(""),
    sample_rate_hz=st.just(100.0),
    n_samples=st.just(512),
    component_sets=st.just(("ZNE",)),
    highpass_hz=st.just(1.0),
    transform=words,
    classes=st.just(("noise", "earthquake")),
    trigger_classes=st.just(("earthquake",)),
    on=st.just(0.5),
    off=st.just(0.3),
    min_windows=st.just(2),
    hop_s=st.just(0.5),
)
detection_bodies = st.builds(
    detection_body,
    detections,
    specs,
    processing=st.sampled_from(["live", "replay"]),
    author=words,
    agency=words,
    created_ns=times_ns,
)
heartbeat_bodies = st.builds(
    heartbeat_body,
    host=words,
    version=words,
    uptime_s=seconds,
    session=st.uuids(),
    last_sequence=st.integers(0, 2**64 - 1),
    stations=st.dictionaries(st.sampled_from(INSTRUMENT_STATES), st.integers(0, 10**6)),
    windows_per_s=seconds,
    queue_depth=st.integers(0, 10**6),
    drops=st.dictionaries(words, st.integers(0, 10**12), max_size=50),
    model_sha256=st.just("0" * 64),
    processing=st.sampled_from(["live", "replay"]),
    created_ns=times_ns,
)
status_bodies = st.builds(
    status_body,
    instruments,
    state=st.sampled_from(INSTRUMENT_STATES),
    reason=words,
    since_ns=times_ns,
)


@settings(deadline=None)
@given(st.one_of(detection_bodies, heartbeat_bodies, status_bodies))
def test_every_body_fits_its_schema_and_the_size_limit(body: dict[str, Any]) -> None:
    kind = body["schema"].split("/")[1]
    encoded = encode(kind, HEADER, body)[2]
    assert len(encoded) <= MAX_BODY_BYTES
    sent = json.loads(encoded)
    jsonschema.Draft202012Validator(SCHEMAS[kind]).validate(sent)
    assert sent == body


@settings(deadline=None)
@given(st.one_of(detection_bodies, heartbeat_bodies, status_bodies))
def test_each_field_of_a_body_is_in_the_schema_in_the_same_order(body: dict[str, Any]) -> None:
    schema = SCHEMAS[body["schema"].split("/")[1]]
    assert list(body) == list(schema["properties"]) == schema["required"]


@settings(deadline=None)
@given(detection_bodies)
def test_each_time_stands_as_text_and_as_nanoseconds(body: dict[str, Any]) -> None:
    names = [name.removesuffix("_ns") for name in body if name.endswith("_ns")]
    assert names == ["onset_time", "on_time", "off_time", "peak_time", "created"]
    for name in names:
        text, time_ns = body[name], body[f"{name}_ns"]
        assert (text is None and time_ns is None) or parse_utc(text) == time_ns


def test_the_schemas_are_valid_themselves() -> None:
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All fields of a schema, nested ones too, each with its name."""
    for name, field in schema.get("properties", {}).items():
        yield name, field
        yield from fields(field)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_field_is_described_and_every_number_has_its_unit(kind: str) -> None:
    for name, field in fields(SCHEMAS[kind]):
        assert field["description"], name
        types = field.get("type", [])
        is_number = name.endswith("_ns") or "number" in types or types == "integer"
        assert is_number == ("x-unit" in field), name
        for suffix, unit in (("_ns", "ns"), ("_db", "dB"), ("_counts", "counts"), ("_per_s", "1/s")):
            assert not name.endswith(suffix) or field["x-unit"] == unit, name


def test_a_schema_refuses_what_is_wrong() -> None:
    body = status_body(ANMO, state="ok", reason="", since_ns=0)
    validator = jsonschema.Draft202012Validator(SCHEMAS["status"])
    for wrong in (
        {"state": "fine"},
        {"since": "yesterday"},
        {"since_ns": "0"},
        {"schema": "quake-stream/status/2"},
    ):
        assert not validator.is_valid(body | wrong)


def example() -> dict[str, Any]:
    detection = Detection(
        id="ab12",
        instrument_id=PB01,
        channels=("HHZ", "HHN", "HHE"),
        state=DetectionState.NEW,
        revision=0,
        on_ns=1_274_977_473_000_000_000,
        off_ns=None,
        peak_ns=1_274_977_474_000_000_000,
        onset_ns=1_274_977_473_315_000_000,
        onset_uncertainty_s=0.05,
        class_name="earthquake",
        probabilities=(("noise", 0.0123456), ("earthquake", 0.9876544)),
        peak_probability=0.9876544,
        n_windows=3,
        amplitude_counts=123456.789,
        snr_db=float("inf"),
        latency=Latency(data_s=0.25, queue_s=-0.0, inference_s=0.0123456),
    )
    spec = ModelSpec(
        name="lstm",
        version="1",
        sha256="0" * 64,
        sample_rate_hz=100.0,
        n_samples=512,
        component_sets=("ZNE",),
        highpass_hz=1.0,
        transform="log_spectrum",
        classes=("noise", "earthquake"),
        trigger_classes=("earthquake",),
        on=0.5,
        off=0.3,
        min_windows=2,
        hop_s=0.5,
    )
    return detection_body(detection, spec, processing="live", author="quake-stream", agency="", created_ns=0)


def test_numbers_are_rounded_and_what_is_not_finite_is_null() -> None:
    body = example()
    assert body["probabilities"] == {"noise": 0.01235, "earthquake": 0.98765}
    assert body["latency_s"] == {"data": 0.25, "queue": 0.0, "inference": 0.0123, "total": 0.2623}
    assert str(body["latency_s"]["queue"]) == "0.0"
    assert body["amplitude_counts"] == 123457.0
    assert body["snr_db"] is None


def test_names_of_the_instrument_come_in_all_their_forms() -> None:
    body = example()
    assert body["source_id"] == "FDSN:CX_PB01__H_H_"
    assert (body["network"], body["station"], body["location"]) == ("CX", "PB01", "")
    assert body["channels"] == ["HHZ", "HHN", "HHE"]


def test_topics_name_the_instrument_with_dashes_for_a_blank_location() -> None:
    assert status_topic(ANMO) == "status.IU.ANMO.00.BH"
    assert status_topic(PB01) == "status.CX.PB01.--.HH"


@settings(deadline=None)
@given(detections)
def test_the_topic_of_a_detection_has_five_parts(detection: Detection) -> None:
    parts = topic_for(detection).split(".")
    assert parts[:3] == ["detection", detection.instrument_id.network, detection.instrument_id.station]
    assert len(parts) == 5
    assert all(parts)


def test_of_a_long_table_the_largest_entries_are_sent_in_their_order() -> None:
    drops = {f"c{i:02d}": i for i in range(50)}
    body = heartbeat_body(
        host="h",
        version="1",
        uptime_s=1.0,
        session=UUID(int=1),
        last_sequence=0,
        stations={"ok": 2},
        windows_per_s=0.0,
        queue_depth=0,
        drops=drops,
        model_sha256="",
        processing="live",
        created_ns=0,
    )
    sent = body["drops"]
    assert isinstance(sent, dict)
    assert list(sent) == [f"c{i:02d}" for i in range(50 - MAX_ENTRIES, 50)]
    assert all(a < b for a, b in pairwise(sent.values()))
    assert body["stations"] == {"ok": 2, "stale": 0, "gap": 0, "refused": 0, "warming_up": 0}


def test_the_contract_can_be_read_without_zeromq() -> None:
    code = (
        "import sys, quake_stream.publish.wire, quake_stream.publish.frames; sys.exit('zmq' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_longest_codes_fit_a_topic():
    longest = SourceId.from_nslc("NETWORK8.STATION8.LOCATIO8.BANDCOD8_SOURCE88_SUBSOUR8").instrument
    assert len(status_topic(longest)) <= MAX_TOPIC_BYTES
