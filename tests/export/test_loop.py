"""The loop of all exporters, between a feed and a sink that the test plays."""

import itertools
import uuid

import pytest
from bodies import detection
from structlog.testing import capture_logs

from quake_stream.counters import Counters, Key
from quake_stream.errors import QuakeStreamError
from quake_stream.export.choice import Choice
from quake_stream.export.loop import SILENT_AFTER_S, STATUS_EVERY_S, Exporter
from quake_stream.publish.frames import Message
from quake_stream.publish.sequence import Missed

SESSION = uuid.UUID(int=1)
ALL = {"new", "update", "end", "retract"}


class Feed:
    """Gives what the test says, raising what is an exception; None at the end."""

    def __init__(self, *items):
        self._items = iter(items)
        self.counters = Counters()

    def receive(self):
        item = next(self._items, None)
        if isinstance(item, Exception):
            raise item
        return item

    def counts(self):
        return self.counters.snapshot()


class Sink:
    """Keeps what it is given and notes what is asked of it."""

    n_waiting = 0

    def __init__(self, *, full_after=10**9):
        self.calls = []
        self.bodies = []
        self._full_after = full_after

    def write(self, body):
        if len(self.bodies) >= self._full_after:
            raise QuakeStreamError("the disk is full")
        self.bodies.append(body)
        self.calls.append("write")

    def settle(self):
        self.calls.append("settle")

    def close(self):
        self.calls.append("close")

    def counts(self):
        return {Key("posts.retried"): 2}


def message(body, topic="detection.CX.PB01.--.HH"):
    return Message(topic=topic, session=SESSION, sequence=1, body=body, received_ns=0)


def heartbeat():
    return message({"schema": "quake-stream/heartbeat/1"}, "heartbeat")


def run(feed, sink, choice=None, **options):
    exporter = Exporter(feed, sink, choice or Choice(ALL), **options)
    with capture_logs() as logs:
        exporter.run(lambda: False)
    return exporter, logs


def test_detections_go_to_the_sink_in_order_and_heartbeats_do_not():
    sink = Sink()
    bodies = [detection("a"), detection("b")]
    run(Feed(message(bodies[0]), heartbeat(), message(bodies[1])), sink)
    assert sink.bodies == bodies
    assert sink.calls == ["write", "write", "close"]


def test_a_pause_lets_the_sink_settle():
    sink = Sink()
    run(Feed(message(detection()), TimeoutError()), sink)
    assert sink.calls == ["write", "settle", "close"]


def test_it_ends_when_told_to_and_closes_the_sink():
    sink = Sink()
    polls = iter([False, True])
    endless = Feed(*[message(detection()) for _ in range(5)])
    Exporter(endless, sink, Choice(ALL)).run(lambda: next(polls))
    assert sink.calls == ["write", "close"]


def test_what_is_unwanted_unreadable_and_exported_is_counted_apart():
    feed = Feed(
        message(detection()),
        message(detection(state="update")),
        message(detection(peak_probability=0.5)),
        message(detection(id="../x")),
        message(detection(id="../y")),
    )
    feed.counters.add("messages.received", 4)
    exporter, logs = run(feed, Sink(), Choice({"new"}, min_probability=0.9))
    assert exporter.counts() == {
        Key("detections.exported"): 1,
        Key("detections.withheld", "state"): 1,
        Key("detections.withheld", "probability"): 1,
        Key("detections.refused", "id"): 2,
        Key("messages.received"): 4,
        Key("posts.retried"): 2,
    }
    assert [log["field"] for log in logs if log["event"] == "export.refused"] == ["id"]


def test_the_summary_at_the_end_holds_all_counts():
    _, logs = run(Feed(message(detection())), Sink())
    assert logs[-1]["event"] == "export.stopped"
    assert logs[-1]["counts"] == {"detections.exported": 1, "posts.retried": 2}


def test_missed_messages_are_said_aloud_except_those_before_the_start():
    missed = [Missed(session=SESSION, first=1, last=3, reason=reason) for reason in ("joined", "gap")]
    _, logs = run(Feed(*missed), Sink())
    assert [(log["n_messages"], log["reason"]) for log in logs if log["event"] == "feed.missed"] == [
        (3, "gap")
    ]


def test_a_sink_that_is_full_ends_the_exporter_after_being_closed():
    sink = Sink(full_after=1)
    with pytest.raises(QuakeStreamError, match="disk is full"):
        run(Feed(message(detection("a")), message(detection("b"))), sink)
    assert sink.calls[-1] == "close"


def test_a_status_line_comes_once_a_minute():
    clock = itertools.count(step=STATUS_EVERY_S / 4)
    _, logs = run(Feed(*[heartbeat() for _ in range(8)]), Sink(), clock_s=lambda: float(next(clock)))
    assert 3 <= len([log for log in logs if log["event"] == "export.status"]) <= 5


def test_a_silent_feed_is_said_once_and_so_is_its_return():
    clock = itertools.count(step=SILENT_AFTER_S / 2)
    silence = [TimeoutError()] * 5
    _, logs = run(Feed(*silence, heartbeat(), heartbeat()), Sink(), clock_s=lambda: float(next(clock)))
    events = [log["event"] for log in logs if log["event"].startswith("feed.")]
    assert events == ["feed.silent", "feed.heard"]
