"""USGS JSON, held against a schema made from the published description of the formats."""

import io
import json

import jsonschema
import pytest
from bodies import detection

from quake_stream.export.usgs import UNKNOWN_AGENCY, UsgsWriter, pick_or_retract

TEXT = {"type": "string", "minLength": 1}
NUMBER = {"type": "number"}
SOURCE = {
    "type": "object",
    "required": ["AgencyID", "Author"],
    "properties": {"AgencyID": TEXT, "Author": TEXT},
    "additionalProperties": False,
}
EVENT_TYPES = [
    *("Earthquake", "MineCollapse", "NuclearExplosion", "QuarryBlast", "InducedOrTriggered", "RockBurst"),
    *("FluidInjection", "IceQuake", "VolcanicEruption"),
]
PICK = {
    "type": "object",
    "required": ["Type", "ID", "Site", "Source", "Time"],
    "additionalProperties": False,
    "properties": {
        "Type": {"const": "Pick"},
        "ID": TEXT,
        "Site": {
            "type": "object",
            "required": ["Station", "Network"],
            "properties": {"Station": TEXT, "Network": TEXT, "Channel": TEXT, "Location": TEXT},
            "additionalProperties": False,
        },
        "Source": SOURCE,
        "Time": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "Picker": {"enum": ["manual", "raypicker", "filterpicker", "earthworm", "other"]},
        "Amplitude": {
            "type": "object",
            "properties": {"Amplitude": NUMBER, "Period": NUMBER, "SNR": {"type": "number", "minimum": 0}},
            "additionalProperties": False,
        },
        "ClassificationInfo": {
            "type": "object",
            "properties": {
                "EventType": {
                    "type": "object",
                    "required": ["Type", "Certainty"],
                    "properties": {
                        "Type": {"enum": EVENT_TYPES},
                        "Certainty": {"enum": ["Suspected", "Confirmed"]},
                    },
                },
                "EventTypeProbability": {"type": "number", "minimum": 0, "maximum": 1},
                "Source": SOURCE,
            },
            "additionalProperties": False,
        },
    },
}
RETRACT = {
    "type": "object",
    "required": ["Type", "ID", "Source"],
    "properties": {"Type": {"const": "Retract"}, "ID": TEXT, "Source": SOURCE},
    "additionalProperties": False,
}


@pytest.mark.parametrize("state", ["new", "update", "end"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"location": "00", "agency": "", "author": ""},
        {"snr_db": None, "amplitude_counts": None},
        {"class": "blast", "snr_db": -12.5},
        {"onset_time": "2010-05-27T16:24:33.999600000Z", "snr_db": 10_000.0},
    ],
)
def test_detections_are_valid_picks(state, changes):
    jsonschema.validate(pick_or_retract(detection(state=state, **changes)), PICK)


def test_a_retraction_is_valid_and_names_the_pick():
    retract = pick_or_retract(detection("00ff", "retract"))
    jsonschema.validate(retract, RETRACT)
    assert retract["ID"] == pick_or_retract(detection("00ff"))["ID"]


def test_the_pick_says_what_the_detection_says():
    pick = pick_or_retract(detection(location="00"))
    assert pick["Time"] == "2010-05-27T16:24:33.315Z"
    assert pick["Site"] == {"Station": "PB01", "Channel": "HHZ", "Network": "CX", "Location": "00"}
    assert pick["Source"] == {"AgencyID": "GFZ", "Author": "quake_stream"}
    assert pick["Amplitude"] == {"Amplitude": 1234.5, "SNR": 10.0}  # 20 dB
    assert pick["ClassificationInfo"]["EventType"]["Type"] == "Earthquake"
    assert pick["ClassificationInfo"]["EventTypeProbability"] == 0.98


def test_a_blank_location_and_an_unknown_class_are_left_out():
    pick = pick_or_retract(detection(**{"class": "blast"}))
    assert "Location" not in pick["Site"]
    assert "EventType" not in pick["ClassificationInfo"]


def test_without_an_agency_it_is_the_one_of_nobody():
    assert pick_or_retract(detection(agency=""))["Source"]["AgencyID"] == UNKNOWN_AGENCY


@pytest.mark.parametrize(
    ("onset", "time"),
    [("00Z", "00.000Z"), ("00.5Z", "00.500Z"), ("59.999999999Z", "59.999Z")],
)
def test_times_have_three_decimals_and_never_turn_into_another_second(onset, time):
    pick = pick_or_retract(detection(onset_time=f"2010-05-27T16:24:{onset}"))
    assert pick["Time"] == f"2010-05-27T16:24:{time}"


def test_the_writer_writes_one_object_a_line():
    stream = io.StringIO()
    writer = UsgsWriter(stream)
    writer.write(detection("a"))
    writer.write(detection("b", author="höhe"))
    writer.close()
    assert [json.loads(line)["ID"] for line in stream.getvalue().splitlines()] == ["a", "b"]
