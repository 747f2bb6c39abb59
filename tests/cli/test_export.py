"""``quake-stream export``: each exporter as an installed program behind a real feed."""

import contextlib
import csv
import json
import signal
import sqlite3
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic

import obspy
import pytest
from bodies import detection

from quake_stream.errors import PublishError
from quake_stream.publish.iso8601 import format_utc
from quake_stream.publish.journal import Journal
from quake_stream.publish.publisher import Publisher

DEADLINE_S = 120.0
TOPIC = "detection.CX.PB01.--.HH"
LIFE = [detection("a"), detection("a", "update", revision=1), detection("a", "end", revision=2)]


class Feed:
    """A publisher; whatever the test waits for, it goes on serving its sockets."""

    def __init__(self, folder):
        journal = Journal(folder, max_bytes=2**24, max_age_s=3600)
        for port in range(20_000, 30_000, 7):  # below those that the system gives away
            self.endpoint = f"tcp://127.0.0.1:{port}"
            with contextlib.suppress(PublishError):  # in use; that of the journal is the next one
                self._publisher = Publisher(
                    self.endpoint, replay_bind=f"tcp://127.0.0.1:{port + 1}", journal=journal, linger_ms=0
                )
                return
        raise AssertionError("no free ports")

    def send(self, *bodies):
        for body in bodies:
            self._publisher.send(TOPIC, body)

    def until_subscribed(self, n, exporter=None):
        self.until(
            lambda: self._publisher.n_subscriptions == n or (exporter and exporter.process.poll() is not None)
        )

    def until(self, is_true):
        deadline = monotonic() + DEADLINE_S
        while not is_true():
            assert monotonic() < deadline, self._publisher.n_subscriptions
            self._publisher.poll(timeout_s=0.05)

    def close(self):
        self._publisher.close()


@pytest.fixture
def feed(tmp_path):
    with closing(Feed(tmp_path / "journal")) as one:
        yield one


@pytest.fixture
def export(program, feed):
    """Start an exporter and wait until it listens: ``export("csv", "--output", path)``."""

    def start(*args):
        exporter = program("export", *args, "--connect", feed.endpoint)
        feed.until_subscribed(1, exporter)
        return exporter

    return start


@contextmanager
def web_server():
    """Serve HTTP on loopback; gives the address and the bodies posted to it."""
    posts = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", posts
        server.shutdown()
        thread.join(DEADLINE_S)


def counts(exporter):
    (stopped,) = exporter.events("export.stopped")
    return stopped["counts"]


def ended(path):
    """List the names of the detections that are over, as another program sees them now."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            query = "SELECT id FROM detections WHERE state = 'end' AND revision = 2 ORDER BY id"
            return [name for (name,) in database.execute(query)]
    except sqlite3.OperationalError:  # not made yet
        return []


def test_csv_has_one_row_a_detection(export, feed, tmp_path):
    path = tmp_path / "a.csv"
    exporter = export("csv", "--output", path)
    feed.send(*LIFE)
    feed.until(lambda: "\na,end," in path.read_text())
    assert exporter.stop(signal.SIGTERM) == 0
    assert counts(exporter)["detections.exported"] == 1
    assert counts(exporter)["detections.withheld.state"] == 2
    with path.open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["a"]


def test_usgs_goes_to_the_standard_output_line_by_line(export, feed):
    exporter = export("usgs", "--min-probability", "0.9")
    feed.send(detection("a", peak_probability=0.5), detection("b"), detection("b", "retract", revision=1))
    exporter.until(lambda: len(exporter.out) == 2)
    assert exporter.stop(signal.SIGINT) == 0
    said = [json.loads(line) for line in exporter.out]
    assert [(one["Type"], one["ID"]) for one in said] == [("Pick", "b"), ("Retract", "b")]


def test_picks_are_one_file_a_detection(export, feed, tmp_path):
    exporter = export("quakeml", "--output", tmp_path / "picks", "--states", "end")
    feed.send(*LIFE)
    path = tmp_path / "picks" / "2010-05-27" / "CX_PB01_---a.xml"
    feed.until(path.exists)
    assert exporter.stop(signal.SIGTERM) == 0
    (event,) = obspy.read_events(str(path))
    assert len(event.picks) == 1


def test_a_database_survives_kill_9_and_gets_all_that_was_published_meanwhile(export, feed, tmp_path):
    path = tmp_path / "a.db"
    names = [f"{n:04d}" for n in range(400)]
    batches = [names[:100], names[100:200], names[200:]]

    def send(batch):
        for name in batch:
            now = format_utc(time.time_ns())
            feed.send(*[body | {"id": name, "created": now} for body in LIFE])

    for batch in batches[:2]:
        exporter = export("sqlite", "--output", path)
        send(batch)
        feed.until(lambda name=batch[20]: name in ended(path))
        assert exporter.stop(signal.SIGKILL) == -signal.SIGKILL
        feed.until_subscribed(0)
    send(batches[2])
    exporter = export("sqlite", "--output", path)
    feed.until(lambda: ended(path) == names)
    send(["last"])
    feed.until(lambda: ended(path) == [*names, "last"])
    assert exporter.stop(signal.SIGTERM) == 0
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM detections").fetchone() == (len(names) + 1,)


def test_an_exporter_that_comes_late_begins_with_the_past(export, feed):
    feed.send(detection("a"), detection("b"))
    exporter = export("usgs", "--since", "1h")
    feed.until(lambda: len(exporter.out) == 2)
    assert exporter.stop(signal.SIGTERM) == 0
    assert [json.loads(line)["ID"] for line in exporter.out] == ["a", "b"]


def test_a_webhook_gets_new_detections_and_retractions(export, feed):
    with web_server() as (url, posts):
        exporter = export("webhook", "--output", url, "--template", "slack")
        feed.send(*LIFE, detection("b", "retract"))
        feed.until(lambda: len(posts) == 2)
        assert exporter.stop(signal.SIGTERM) == 0
    assert [post["text"].split(" at ")[0] for post in posts] == [
        "earthquake detected",
        "earthquake taken back",
    ]
    assert counts(exporter)["deliveries.done"] == 2


def test_what_could_not_be_posted_shows_in_the_log_and_the_summary(export, feed):
    with web_server() as (url, _):
        pass  # nobody listens there any more
    exporter = export("webhook", "--output", url)
    feed.send(detection("a"), detection("b"))
    exporter.event("webhook.failing")
    feed.send(detection("c"))
    exporter.ask(signal.SIGTERM)
    assert exporter.end() == 0
    assert counts(exporter)["deliveries.failed.connection"] >= 1
    assert counts(exporter).get("posts.retried", 0) >= 1


def test_mqtt_without_a_broker_ends_well(export):
    exporter = export("mqtt", "--output", "mqtt://127.0.0.1:1")
    exporter.event("mqtt.unreachable")
    assert exporter.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    "args",
    [
        ("csv", "--states", "begun"),
        ("csv", "--min-probability", "2"),
        ("csv", "--since", "tomorrow"),
        ("sqlite",),
        (),
    ],
)
def test_wrong_usage_is_exit_status_2(quake_stream, args):
    assert quake_stream("export", *args).status == 2


@pytest.mark.parametrize(
    "args",
    [
        ("webhook", "--output", "ftp://nowhere"),
        ("webhook", "--output", "https://ntfy.sh", "--template", "ntfy"),
        ("mqtt", "--output", "broker"),
        ("csv", "--connect", "nowhere"),
    ],
)
def test_an_address_that_is_none_is_one_line(quake_stream, args):
    done = quake_stream("export", *args)
    assert done.status == 78
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("quake-stream: ")


def test_a_file_that_cannot_be_written_is_one_line_after_the_log(quake_stream, tmp_path):
    done = quake_stream("export", "csv", "--output", tmp_path)
    assert done.status == 1
    assert done.err.splitlines() == [f"quake-stream: {tmp_path}: cannot be written: Is a directory"]


@pytest.mark.parametrize(
    ("kind", "module", "url"),
    [("mqtt", "paho.mqtt", "mqtt://host"), ("webhook", "httpx", "https://host")],
)
def test_an_extra_that_is_missing_is_named(quake_stream, monkeypatch, kind, module, url):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"quake_stream.export.{kind}", raising=False)
    done = quake_stream("export", kind, "--output", url)
    assert done.status == 78
    assert "pip install 'quake-stream[export]'" in done.err


@pytest.mark.parametrize("kind", ["quakeml", "scml", "usgs", "csv", "sqlite", "mqtt", "webhook"])
def test_each_explains_itself_alike(quake_stream, kind):
    done = quake_stream("export", kind, "--help")
    assert done.status == 0
    for option in ("--output", "--connect", "--states", "--min-probability", "Example"):
        assert option in done.out
