"""Growing texts: nothing doubled, nothing torn, no foreign file spoilt."""

import csv
import io
import json
import os
import resource

import pytest
from bodies import detection

from quake_stream.errors import ConfigError, QuakeStreamError
from quake_stream.export.lines import LineSink, csv_writer, usgs_writer
from quake_stream.formats import CSV_COLUMNS


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_goes_on_where_it_was_with_one_heading(tmp_path):
    path = tmp_path / "a.csv"
    for name in ("a", "b"):
        sink = LineSink(path, csv_writer)
        sink.write(detection(name))
        sink.close()
    assert [row["id"] for row in rows(path)] == ["a", "b"]


def test_a_line_is_out_before_the_next_message(tmp_path):
    path = tmp_path / "a.csv"
    sink = LineSink(path, csv_writer)
    sink.write(detection("a"))
    assert [row["id"] for row in rows(path)] == ["a"]
    sink.close()


def test_usgs_is_one_object_a_line(tmp_path):
    path = tmp_path / "a.jsonl"
    sink = LineSink(path, usgs_writer)
    sink.write(detection("a"))
    sink.write(detection("a", "retract"))
    sink.close()
    assert [json.loads(line)["Type"] for line in path.read_text().splitlines()] == ["Pick", "Retract"]


def test_a_stream_is_written_to_and_left_open():
    stream = io.StringIO()
    sink = LineSink(stream, csv_writer)
    sink.write(detection("a"))
    sink.settle()
    sink.close()
    assert stream.getvalue().startswith(",".join(CSV_COLUMNS) + "\na,new,0,CX,PB01,")


def test_a_csv_with_other_columns_is_left_alone(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,magnitude\n")
    with pytest.raises(ConfigError, match="its columns are not those of detections"):
        LineSink(path, csv_writer)
    assert path.read_text() == "time,magnitude\n"


def test_settling_reaches_the_disk_once_for_what_is_new(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    sink = LineSink(tmp_path / "a.csv", csv_writer)
    sink.settle()
    assert synced == []
    sink.write(detection())
    sink.settle()
    sink.settle()
    assert len(synced) == 1
    sink.close()


def test_a_full_disk_is_one_line_and_the_next_run_goes_on(tmp_path):
    path = tmp_path / "a.csv"
    sink = LineSink(path, csv_writer)
    sink.write(detection("a"))
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, unlimited[1]))
    try:
        with pytest.raises(QuakeStreamError, match=r"a\.csv: cannot be written"):
            sink.write(detection("b"))
        with pytest.raises(QuakeStreamError, match=r"a\.csv: cannot be written"):
            sink.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    sink = LineSink(path, csv_writer)
    sink.write(detection("b"))
    sink.close()
    assert [row["id"] for row in rows(path)] == ["a", "b"]


def test_a_disk_that_refuses_names_the_file(tmp_path, monkeypatch):
    sink = LineSink(tmp_path / "a.csv", csv_writer)
    sink.write(detection())

    def refuse(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(QuakeStreamError, match=r"a\.csv: cannot be written: No space left"):
        sink.settle()
    monkeypatch.undo()
    sink.close()
