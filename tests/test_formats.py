"""Formats of detections, each read back by a program that is not ours."""

import csv
import io
import json

import obspy
import pytest

from quake_stream.formats import CSV_COLUMNS, WRITERS, CsvWriter


def body(**changes):
    return {
        "schema": "quake-stream/detection/1",
        "id": "00ff",
        "state": "end",
        "revision": 2,
        "source_id": "FDSN:CX_PB01__H_H_",
        "network": "CX",
        "station": "PB01",
        "location": "",
        "channels": ["HHZ", "HHN", "HHE"],
        "onset_time": "2010-05-27T16:24:33.315123456Z",
        "onset_uncertainty_s": 0.04,
        "on_time": "2010-05-27T16:24:34.000000000Z",
        "off_time": None,
        "class": "earthquake, local",
        "peak_probability": 0.98765,
        "n_windows": 7,
        "amplitude_counts": 1234.5,
        "snr_db": None,
        "reason": "off",
        "model": {"name": "lstm", "sha256": "ab" * 32},
        "author": "",
        "agency": "GFZ",
        "created": "2026-01-01T00:00:00.000000000Z",
    } | changes


def written(name, *bodies):
    stream = io.StringIO()
    writer = WRITERS[name](stream)
    for one in bodies:
        writer.write(one)
    writer.close()
    return stream.getvalue()


def test_json_lines_hold_the_bodies_as_they_are():
    bodies = [body(), body(author="höhe\n")]
    text = written("jsonl", *bodies)
    assert [json.loads(line) for line in text.splitlines()] == bodies


def test_csv_is_read_by_column_names_and_keeps_commas():
    (row,) = csv.DictReader(io.StringIO(written("csv", body())))
    assert tuple(row) == CSV_COLUMNS
    assert row["class"] == "earthquake, local"
    assert row["channels"] == "HHZ HHN HHE"
    assert row["onset_time"] == "2010-05-27T16:24:33.315123456Z"
    assert (row["off_time"], row["snr_db"], row["location"]) == ("", "", "")


def test_csv_of_nothing_is_its_heading():
    assert written("csv") == ",".join(CSV_COLUMNS) + "\n"


def test_quakeml_holds_onset_uncertainty_stream_and_author():
    (event,) = obspy.read_events(io.BytesIO(written("quakeml", body()).encode()))
    (pick,) = event.picks
    assert pick.time == obspy.UTCDateTime("2010-05-27T16:24:33.315123Z")
    assert pick.time_errors.uncertainty == 0.04
    assert pick.waveform_id.get_seed_string() == "CX.PB01..HHZ"
    assert pick.creation_info.agency_id == "GFZ"
    assert pick.creation_info.author is None
    assert pick.phase_hint is None
    assert event.origins == []


def test_csv_goes_on_without_a_second_heading():
    stream = io.StringIO()
    CsvWriter(stream, heading=False).write(body())
    assert stream.getvalue().startswith("00ff,end,")


def test_quakeml_rejects_the_pick_of_a_detection_that_was_retracted():
    text = written("quakeml", body(state="retract"), body(id="01"))
    retracted, kept = obspy.read_events(io.BytesIO(text.encode()))
    assert retracted.picks[0].evaluation_status == "rejected"
    assert kept.picks[0].evaluation_status is None


def test_quakeml_of_recorded_data_says_so():
    live, replayed = obspy.read_events(
        io.BytesIO(written("quakeml", body(processing="live"), body(id="01", processing="replay")).encode())
    )
    assert [comment.text for comment in live.picks[0].comments] == ["peak_probability=0.98765"]
    assert "processing=replay" in [comment.text for comment in replayed.picks[0].comments]


def test_quakeml_keeps_the_identifier_of_the_detection():
    catalog = obspy.read_events(io.BytesIO(written("quakeml", body(id="01"), body(id="02")).encode()))
    assert [event.resource_id.id for event in catalog] == [
        "smi:local/quake-stream/event/01",
        "smi:local/quake-stream/event/02",
    ]


@pytest.mark.parametrize("location", ["", "00"])
def test_quakeml_of_nothing_and_of_any_location_is_valid(location):
    text = written("quakeml", body(location=location))
    assert obspy.read_events(io.BytesIO(text.encode()))[0].picks[0].waveform_id.location_code == location
    assert len(obspy.read_events(io.BytesIO(written("quakeml").encode()))) == 0
