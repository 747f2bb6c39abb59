import io
import json
import sqlite3
from contextlib import closing

import pytest
from bodies import detection
from triggers import body_of, trigger

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.export.sqlite import SqliteSink
from quake_stream.formats import CSV_COLUMNS, CsvWriter
from quake_stream.network.recorded import read_files, read_stream

A = trigger("XX.A..HHZ", 100, off_s=120)
B = trigger("XX.B.00.HNZ", 105, off_s=130)


def read(*bodies, counters=None):
    lines = "".join(json.dumps(body) + "\n" for body in bodies)
    return read_stream(io.StringIO(lines), "lines", counters or Counters())


def test_json_lines_of_a_scan_are_read_by_onset():
    assert read(body_of(B), body_of(A)) == [A, B]


def test_lines_that_listen_wrote_are_read_and_other_messages_passed_over():
    heartbeat = {"topic": "heartbeat", "body": {"schema": "quake-stream/heartbeat/1"}}
    assert read(heartbeat, {"topic": "detection.XX.A", "body": body_of(A)}, {"missed": 3}) == [A]


def test_of_a_whole_life_the_last_revision_counts():
    assert read(body_of(A, revision=2), body_of(trigger("XX.A..HHZ", 100), revision=0)) == [A]


def test_a_retracted_detection_is_left_out_and_counted():
    counters = Counters()
    assert read(body_of(A, "new"), body_of(A, "retract", 1), body_of(B), counters=counters) == [B]
    assert counters.total("triggers.dropped", reason="retracted", station="XX.A") == 1


def test_csv_says_the_same_as_json_but_for_what_was_live(tmp_path):
    path = tmp_path / "found.csv"
    with path.open("w", newline="") as stream:
        writer = CsvWriter(stream)
        for one in (A, B):
            writer.write(dict.fromkeys(CSV_COLUMNS, "") | body_of(one))
        writer.close()
    found = read_files([path], Counters())
    assert [(one.id, one.instrument_id, one.onset_ns, one.off_ns) for one in found] == [
        (one.id, one.instrument_id, one.onset_ns, one.off_ns) for one in (A, B)
    ]


def test_the_database_of_an_export_says_the_same(tmp_path):
    path = tmp_path / "detections.db"
    bodies = [detection("aa"), detection("bb", "retract", revision=1)]
    sink = SqliteSink(path)
    for body in bodies:
        sink.write(body)
    sink.close()
    counters = Counters()
    assert read_files([path], counters) == read(bodies[0])
    assert counters.total("triggers.dropped", reason="retracted") == 1


def test_a_database_of_another_program_is_named(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE other (x)")
    with pytest.raises(SourceError, match=r"other\.db: is no database of detections: no such table"):
        read_files([path], Counters())


def test_files_are_read_together(tmp_path):
    for name, one in [("b", B), ("a", A)]:
        (tmp_path / name).write_text(json.dumps(body_of(one)) + "\n")
    assert read_files([tmp_path / "b", tmp_path / "a"], Counters()) == [A, B]


def test_nothing_is_no_detection():
    assert read() == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hello\n", "line 1: neither JSON nor a table"),
        ("[1]\n", "line 1: is no JSON object"),
        ('\n{"schema": "quake-stream/detection/1"}\n', "line 2: the detection has no id"),
        ("id,state,onset_time\nx,end,2020-01-01T00:00:00Z\n", "line 2: the detection has no channels"),
    ],
)
def test_a_problem_is_named_with_file_and_line(tmp_path, text, problem):
    path = tmp_path / "found"
    path.write_text(text)
    with pytest.raises(SourceError, match=problem) as raised:
        read_files([path], Counters())
    assert str(raised.value).startswith(f"{path}, ")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SourceError, match="none: cannot be read: No such file"):
        read_files([tmp_path / "none"], Counters())
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="binary: is no text"):
        read_files([tmp_path / "binary"], Counters())
