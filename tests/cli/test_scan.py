"""``quake-stream scan``: formats, selections, files and pipes."""

import csv
import io
import json
import subprocess
import sys

import obspy
import pytest

from quake_stream.formats import CSV_COLUMNS


@pytest.fixture
def scan(quake_stream, demo_records):
    return lambda *options: quake_stream("scan", demo_records, "--model", "stalta", *options)


def bodies(done):
    assert done.status == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_every_detection_is_one_line_of_json_and_the_summary_goes_elsewhere(scan):
    done = scan()
    found = bodies(done)
    assert {body["state"] for body in found} == {"end"}
    assert len({body["id"] for body in found}) == len(found)
    assert {body["processing"] for body in found} == {"replay"}
    assert done.err.startswith(f"{len(found)} detections; 570 records, ")
    assert "windows.skipped.warming_up: " in done.err


def test_life_tells_every_message_of_the_same_detections(scan):
    life = bodies(scan("--life"))
    # Whether a detection is told anew in between depends on the course of its probability.
    assert {"new", "end"} <= {body["state"] for body in life} <= {"new", "update", "end"}
    final = {body["id"]: body for body in life}
    ends = {body["id"]: body for body in bodies(scan())}
    assert final.keys() == ends.keys()
    assert all(final[key]["onset_time"] == ends[key]["onset_time"] for key in ends)


def test_csv_has_one_row_for_each_detection(scan):
    found = bodies(scan())
    rows = list(csv.DictReader(io.StringIO(scan("--format", "csv").out)))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["id"] for row in rows] == [body["id"] for body in found]
    assert [float(row["peak_probability"]) for row in rows] == [body["peak_probability"] for body in found]
    assert {row["channels"] for row in rows} >= {"SHZ SHN SHE", "EHZ"}


def test_quakeml_is_read_by_obspy_with_one_pick_for_each_detection(scan):
    found = bodies(scan())
    catalog = obspy.read_events(io.BytesIO(scan("--format", "quakeml").out.encode()))
    picks = [event.picks[0] for event in catalog]
    assert [pick.time.ns for pick in picks] == [body["onset_time_ns"] // 1000 * 1000 for body in found]
    assert {pick.waveform_id.get_seed_string() for pick in picks} >= {"BW.UH1..SHZ", "BW.UH4..EHZ"}
    assert {pick.evaluation_mode for pick in picks} == {"automatic"}
    assert len({event.resource_id.id for event in catalog}) == len(found)


def test_quakeml_of_a_whole_life_is_refused(scan):
    done = scan("--format", "quakeml", "--life")
    assert done.status == 2
    assert "one event per detection" in done.err


def test_the_result_may_go_to_a_file(scan, tmp_path):
    path = tmp_path / "found.jsonl"
    done = scan("--output", path)
    assert (done.status, done.out) == (0, "")
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert ids == [body["id"] for body in bodies(scan())]


def test_a_file_that_cannot_be_written_is_one_line(scan, tmp_path):
    done = scan("-o", tmp_path / "none" / "found.csv")
    assert (done.status, len(done.err.splitlines())) == (1, 1)
    assert f"{tmp_path}/none/found.csv: cannot be written" in done.err


def test_streams_are_chosen_and_left_out(scan):
    every = {body["source_id"] for body in bodies(scan())}
    assert {body["source_id"] for body in bodies(scan("--stream", "BW.UH1", "--stream", "BW_UH4:EH?"))} == {
        "FDSN:BW_UH1__S_H_",
        "FDSN:BW_UH4__E_H_",
    }
    assert {b["source_id"] for b in bodies(scan("--exclude", "BW.UH1"))} == every - {"FDSN:BW_UH1__S_H_"}


def test_a_stream_that_is_none_is_refused_with_what_to_write(scan):
    done = scan("--stream", "nonsense")
    assert done.status == 78
    assert "NET.STA.LOC.CHA" in done.err


def test_a_path_without_recordings_is_one_line_and_exit_status_66(quake_stream, tmp_path):
    missing = quake_stream("scan", tmp_path / "none", "--model", "stalta")
    empty = quake_stream("scan", tmp_path, "--model", "stalta")
    assert (missing.status, empty.status) == (66, 66)
    assert missing.err == f"quake-stream: {tmp_path}/none: no such file or folder\n"
    assert len(empty.err.splitlines()) == 1


def test_a_configuration_gives_model_and_thresholds(scan, quake_stream, demo_records, tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(
        '[[source]]\nurl = "seedlink://nowhere"\n[model]\nname = "stalta"\n[trigger]\non = 0.99\n'
        '[publish]\nagency = "LMU"\n'
    )
    found = bodies(quake_stream("scan", demo_records, "--config", path))
    assert 0 < len(found) < len(bodies(scan()))
    assert {body["agency"] for body in found} == {"LMU"}


def test_a_reader_that_leaves_early_is_no_failure(demo_records):
    command = [sys.executable, "-m", "quake_stream", "scan", str(demo_records), "--model", "stalta", "--life"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # as `head` does when it has seen enough
        err = process.stderr.read()
        assert process.wait(60) == 0
    assert err == ""
