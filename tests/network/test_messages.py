import json
from importlib.resources import files
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triggers import body_of, trigger

from quake_stream.network.coincidence import NetworkDetection
from quake_stream.network.messages import MAX_MEMBERS, data_time_ns, network_body, trigger_of
from quake_stream.network.rule import StationTrigger
from quake_stream.publish.frames import MAX_BODY_BYTES, Header, encode
from quake_stream.source_id import InstrumentId
from quake_stream.types import DetectionState

SCHEMA = json.loads(
    (files("quake_stream.publish") / "schema" / "network-detection-1.json").read_text("utf-8")
)
codes = st.text("ABCXYZ0189-", min_size=1, max_size=8)
times_ns = st.integers(0, 4_000_000_000 * 10**9)
triggers = st.builds(
    StationTrigger,
    id=st.text("0123456789abcdef", min_size=20, max_size=20),
    instrument_id=st.builds(
        InstrumentId,
        network=codes,
        station=codes,
        location=st.just("") | codes,
        band=st.sampled_from("BHES"),
        source=st.sampled_from("HNL"),
    ),
    onset_ns=times_ns,
    on_ns=times_ns,
    off_ns=st.none() | times_ns,
    peak_probability=st.floats(0, 1),
    is_live=st.booleans(),
)


@given(
    st.builds(
        NetworkDetection,
        id=st.text("0123456789abcdef", min_size=20, max_size=20),
        state=st.sampled_from(DetectionState),
        revision=st.integers(0, 10**6),
        min_stations=st.integers(2, 100),
        members=st.lists(triggers, min_size=2, max_size=40).map(tuple),
        on_ns=times_ns,
        off_ns=st.none() | times_ns,
        reason=st.sampled_from(["", "off", "max_duration"]),
    ).filter(lambda one: len(one.stations) >= 2)
)
def test_every_body_fits_its_schema_in_order_and_the_size_limit(detection):
    body = network_body(detection, author="quake_stream", agency="x" * 30, created_ns=10**18)
    encoded = encode("network-detection", Header(session=UUID(int=7), sequence=1), body)[2]
    assert len(encoded) <= MAX_BODY_BYTES
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(encoded))
    assert list(body) == list(SCHEMA["properties"]) == SCHEMA["required"]
    assert len(body["members"]) == min(MAX_MEMBERS, len(detection.members)) <= body["n_members"]


def test_the_schema_is_valid_itself():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_detection_is_read_from_its_message():
    one = trigger("XX.A.00.HHZ", 100.5, off_s=130)
    assert trigger_of(body_of(one)) == (one, DetectionState.END)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"onset_time": "yesterday"}, "is not a UTC time"),
        ({"on_time": None}, "wrong type"),
        ({"state": "perhaps"}, "perhaps"),
        ({"channels": []}, "names no channel"),
        ({"peak_probability": None}, "wrong type"),
        ({"station": ""}, "letters"),
        ({"station": 5}, "wrong type"),
        ({"channels": [5]}, "wrong type"),
        ({"channels": [["H", "H", "Z"]]}, "wrong type"),
        ({"id": "x" * 41}, "up to 40 letters"),
        ({"id": "\ud800"}, "up to 40 letters"),
        ({"id": ["a"]}, "up to 40 letters"),
        ({"peak_probability": 10**400}, "wrong type"),
        ({"peak_probability": "nan"}, "a probability of nan"),
        ({"peak_probability": 2}, "a probability of 2"),
    ],
)
def test_a_detection_with_a_wrong_field_is_refused_by_name(wrong, problem):
    with pytest.raises(ValueError, match=problem):
        trigger_of(body_of(trigger()) | wrong)


def test_a_detection_without_a_field_is_refused_by_its_name():
    body = body_of(trigger())
    del body["onset_time"]
    with pytest.raises(ValueError, match="has no onset_time"):
        trigger_of(body)


def test_data_time_is_the_latest_that_a_detection_tells():
    body = {"schema": "quake-stream/detection/1", "on_time_ns": 5, "peak_time_ns": 7, "off_time_ns": None}
    assert data_time_ns(body) == 7


def test_a_live_heartbeat_lets_data_time_pass_and_one_of_a_replay_does_not():
    body = {"schema": "quake-stream/heartbeat/1", "processing": "live", "created_ns": 9}
    assert data_time_ns(body) == 9
    assert data_time_ns(body | {"processing": "replay"}) == 0
    assert data_time_ns({"schema": "quake-stream/status/1", "created_ns": 9}) == 0
