"""The database: the latest message wins, whatever the order, and no foreign file is touched."""

import json
import sqlite3
import time
from contextlib import closing

import pytest
from bodies import detection
from hypothesis import given, settings
from hypothesis import strategies as st

from quake_stream.errors import ConfigError, QuakeStreamError
from quake_stream.export.sqlite import SCHEMA_VERSION, SqliteSink, latest_ns
from quake_stream.publish.iso8601 import format_utc, parse_utc


def ask(path, query):
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


def store(path, *bodies):
    sink = SqliteSink(path)
    for body in bodies:
        sink.write(body)
    sink.settle()
    sink.close()
    return sink


def life(name, n_updates, minute):
    """All messages of one detection, made one second after another."""
    states = ["new", *["update"] * n_updates, "end"]
    return [
        detection(name, state, revision=n, created=f"2010-05-27T17:{minute:02d}:{n:02d}Z")
        for n, state in enumerate(states)
    ]


def test_a_row_holds_what_the_message_says(tmp_path):
    body = detection(state="end", revision=3)
    store(tmp_path / "a.db", body)
    (row,) = ask(tmp_path / "a.db", "SELECT * FROM detections")
    assert json.loads(row.pop("body")) == body
    assert row == {
        "id": "00ff",
        "state": "end",
        "revision": 3,
        "source_id": "FDSN:CX_PB01__H_H_",
        "network": "CX",
        "station": "PB01",
        "location": "",
        "channels": "HHZ HHN HHE",
        "onset_time": "2010-05-27T16:24:33.315123456Z",
        "onset_time_ns": 1274977473315123456,
        "onset_uncertainty_s": 0.04,
        "on_time": "2010-05-27T16:24:38.315123456Z",
        "off_time": "2010-05-27T16:25:13.315123456Z",
        "class": "earthquake",
        "peak_probability": 0.98,
        "n_windows": 7,
        "amplitude_counts": 1234.5,
        "snr_db": 20.0,
        "latency_s": 1.12,
        "reason": "",
        "model": "lstm 1.0",
        "processing": "live",
        "created": "2010-05-27T16:25:00.000000000Z",
        "created_ns": 1274977500000000000,
    }


@settings(max_examples=15)  # each makes a database on disk
@given(data=st.data(), n_updates=st.integers(0, 4))
def test_in_any_order_and_however_often_the_last_message_remains(tmp_path_factory, data, n_updates):
    path = tmp_path_factory.mktemp("sqlite") / "a.db"
    messages = life("a", n_updates, 1) + life("b", n_updates, 2)
    again = data.draw(st.lists(st.sampled_from(messages), max_size=3))
    store(path, *data.draw(st.permutations(messages + again)))
    rows = ask(path, "SELECT id, state, revision FROM detections ORDER BY id")
    assert rows == [{"id": name, "state": "end", "revision": n_updates + 1} for name in ("a", "b")]


def test_a_restarted_service_that_counts_revisions_anew_is_followed(tmp_path):
    before = detection(state="update", revision=7, created="2010-05-27T17:00:00Z")
    after = detection(state="end", revision=2, created="2010-05-27T17:01:00Z")
    sink = store(tmp_path / "a.db", before, after, before)
    assert ask(tmp_path / "a.db", "SELECT state, revision FROM detections") == [
        {"state": "end", "revision": 2}
    ]
    assert {key.name: n for key, n in sink.counts().items()} == {"detections.outdated": 1}


def test_a_replay_of_an_old_day_leaves_live_rows_alone_but_not_the_other_way_round(tmp_path):
    live = detection(state="end", created="2010-05-27T17:00:00Z")
    replayed = detection(state="end", created="2026-05-27T17:00:00Z", processing="replay")
    store(tmp_path / "a.db", live, replayed)
    store(tmp_path / "b.db", replayed, live)
    for name in ("a.db", "b.db"):
        assert ask(tmp_path / name, "SELECT processing FROM detections") == [{"processing": "live"}]


def test_the_views_count_live_detections_by_station(tmp_path):
    now_ns = time.time_ns()

    def hours_ago(name, hours, **changes):
        return detection(name, "end", onset=format_utc(now_ns - hours * 3600 * 10**9), **changes)

    store(
        tmp_path / "a.db",
        hours_ago("a", 1, peak_probability=0.7),
        hours_ago("b", 23, peak_probability=0.9),
        hours_ago("c", 25),
        hours_ago("d", 2, station="PB02"),
        hours_ago("e", 3) | {"state": "retract"},
        hours_ago("f", 3, processing="replay"),
    )
    rows = ask(tmp_path / "a.db", "SELECT * FROM last_day_by_station")
    assert [
        (row["network"], row["station"], row["n_detections"], row["peak_probability"]) for row in rows
    ] == [
        ("CX", "PB01", 2, 0.9),
        ("CX", "PB02", 1, 0.98),
    ]
    assert rows[0]["first_onset_time"] < rows[0]["last_onset_time"]
    days = ask(
        tmp_path / "a.db",
        "SELECT sum(n_detections) AS n, count(DISTINCT day) AS days FROM by_day_and_station",
    )
    assert days[0]["n"] == 4
    assert days[0]["days"] >= 2


def test_it_tells_where_it_ends(tmp_path):
    path = tmp_path / "a.db"
    assert latest_ns(path) is None
    assert not path.exists()
    store(path)
    assert latest_ns(path) is None
    store(
        path, detection("a", created="2010-05-27T17:00:00Z"), detection("b", created="2010-05-27T16:00:00Z")
    )
    assert latest_ns(path) == parse_utc("2010-05-27T17:00:00Z")


def test_where_a_file_ends_that_is_no_database_is_one_line(tmp_path):
    (tmp_path / "a.db").write_text("hello " * 1000)
    with pytest.raises(QuakeStreamError, match=r"a\.db: cannot be used as a database"):
        latest_ns(tmp_path / "a.db")


def test_others_read_while_it_writes(tmp_path):
    sink = SqliteSink(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM detections").fetchone() == (0,)
        sink.write(detection())
        assert reader.execute("SELECT count(*) FROM detections").fetchone() == (0,)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM detections").fetchone() == (1,)
    sink.close()


@pytest.mark.parametrize("amplitude", [10**30, 2**63, 0, None])
def test_numbers_beyond_64_bits_are_kept_as_floats(tmp_path, amplitude):
    store(tmp_path / "a.db", detection(amplitude_counts=amplitude))
    (row,) = ask(tmp_path / "a.db", "SELECT amplitude_counts FROM detections")
    assert row["amplitude_counts"] == (amplitude if amplitude is None else float(amplitude))


def test_a_database_of_another_program_is_left_alone(tmp_path):
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("CREATE TABLE bills (amount REAL)")
    with pytest.raises(ConfigError, match="database of another program"):
        SqliteSink(tmp_path / "a.db")
    assert ask(tmp_path / "a.db", "SELECT name FROM sqlite_master") == [{"name": "bills"}]


def test_a_newer_version_is_refused(tmp_path):
    store(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(ConfigError, match="install a newer quake-stream"):
        SqliteSink(tmp_path / "a.db")


def test_a_file_that_is_no_database_is_one_line(tmp_path):
    (tmp_path / "a.db").write_text("hello " * 1000)
    with pytest.raises(QuakeStreamError, match=r"a\.db: cannot be used as a database"):
        SqliteSink(tmp_path / "a.db")
    with pytest.raises(QuakeStreamError, match="cannot be opened"):
        SqliteSink(tmp_path / "nowhere" / "a.db")


def test_a_database_that_another_program_holds_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("quake_stream.export.sqlite._BUSY_MS", 1)
    sink = SqliteSink(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(QuakeStreamError, match=r"a\.db: cannot be written: database is locked"):
            sink.write(detection())
    sink.close()
