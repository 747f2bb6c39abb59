"""Which messages are exported: the readable and wanted ones."""

import copy

import pytest
from bodies import detection
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.export import choice
from quake_stream.export.choice import Choice, fault

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("state", ["new", "update", "end", "retract"])
def test_what_the_service_sends_has_no_fault(state):
    assert fault(detection(state=state)) == ""


def test_fields_of_later_versions_are_no_fault():
    assert fault(detection(magnitude={"value": 3})) == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "../../etc/passwd"),
        ("id", "00ff\n"),
        ("id", ""),
        ("state", "begun"),
        ("revision", -1),
        ("revision", "1"),
        ("network", "C/X"),
        ("station", "PB01.."),
        ("location", "#"),
        ("channels", []),
        ("channels", "HHZ"),
        ("channels", ["HH\0"]),
        ("onset_time", "yesterday"),
        ("onset_time", "9999-01-01T00:00:00Z"),
        ("on_time", "../../../x"),
        ("off_time", 3),
        ("class", "quake\x1b[2J"),
        ("peak_probability", 1.5),
        ("peak_probability", "0.9"),
        ("amplitude_counts", "big"),
        ("amplitude_counts", 10**400),
        ("latency_s", None),
        ("model", {"name": "lstm"}),
        ("processing", "dream"),
        ("created", None),
    ],
)
def test_the_field_that_cannot_be_read_is_named(field, value):
    assert fault(detection() | {field: value}) == field


@pytest.mark.parametrize("field", ["id", "state", "onset_time", "class", "model", "snr_db"])
def test_a_field_that_is_missing_is_named(field):
    body = detection()
    del body[field]
    assert fault(body) == field


@given(st.data())
def test_any_json_in_any_field_is_judged_without_failing(data):
    body = copy.deepcopy(detection())
    field = data.draw(st.sampled_from(sorted(body)))
    body[field] = data.draw(JSON)
    assert fault(body) in {"", field}


def test_only_the_states_wanted_pass():
    wanted = Choice({"new", "end"})
    states = ["new", "update", "end"]
    assert [wanted.withheld(detection(state=state)) for state in states] == ["", "state", ""]


def test_a_detection_passes_as_soon_as_it_is_probable_enough():
    wanted = Choice({"new", "update", "end"}, min_probability=0.9)
    said = [
        wanted.withheld(detection(state=state, peak_probability=p))
        for state, p in [("new", 0.8), ("update", 0.9), ("end", 0.95)]
    ]
    assert said == ["probability", "", ""]


def test_what_was_withheld_is_not_taken_back_in_public():
    wanted = Choice({"new", "retract"}, min_probability=0.9)
    assert wanted.withheld(detection(peak_probability=0.8)) == "probability"
    assert wanted.withheld(detection(state="update", peak_probability=0.95)) == "state"
    assert wanted.withheld(detection(state="retract", peak_probability=0.95)) == "probability"


def test_what_was_exported_is_taken_back():
    wanted = Choice({"new", "update", "retract"}, min_probability=0.9)
    wanted.withheld(detection(peak_probability=0.8))
    assert wanted.withheld(detection(state="update", peak_probability=0.95)) == ""
    assert wanted.withheld(detection(state="retract", peak_probability=0.95)) == ""


def test_a_retraction_of_what_an_earlier_run_may_have_exported_passes():
    assert Choice({"retract"}, min_probability=0.9).withheld(detection(state="retract")) == ""


def test_the_memory_of_the_improbable_is_bounded(monkeypatch):
    monkeypatch.setattr(choice, "MAX_REMEMBERED", 2)
    wanted = Choice({"new", "retract"}, min_probability=0.5)
    for name in ("a", "b", "c"):
        wanted.withheld(detection(name, peak_probability=0.1))
    said = [wanted.withheld(detection(name, "retract", peak_probability=0.6)) for name in ("a", "b", "c")]
    assert said == ["", "probability", "probability"]
