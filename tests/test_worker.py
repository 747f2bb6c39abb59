"""The worker: queue in, messages out, and an orderly end."""

import threading
import time
from collections import Counter
from itertools import pairwise

import pytest
import structlog
from kept_feed import KeptFeed
from synthetic import START_NS, packets

from quake_stream import build
from quake_stream.clock import DataClock, WallClock
from quake_stream.config import parse
from quake_stream.counters import Counters, Key, by_reason
from quake_stream.errors import PublishError
from quake_stream.models.stalta import StaLtaModel
from quake_stream.packet_queue import PacketQueue
from quake_stream.pipeline import Pipeline
from quake_stream.stations import StationWatch
from quake_stream.types import NS_PER_S
from quake_stream.worker import FeedSettings, Worker


class Bench:
    """A worker with fakes around it."""

    def __init__(
        self,
        *,
        is_replay: bool = True,
        heartbeat_s: float = 60.0,
        stale_after_s: float | None = None,
        open_feed=None,
    ) -> None:
        config = parse({"source": [{"url": "seedlink://a"}]}, name="test")
        model = StaLtaModel()
        self.feed = KeptFeed()
        self.queue = PacketQueue(max_packets=10_000)
        self.received = []
        self.worker = Worker(
            pipeline=Pipeline(
                detector=build.detector(config, model.spec, Counters()),
                model=model,
                clock=DataClock() if is_replay else WallClock(),
            ),
            queue=self.queue,
            spec=model.spec,
            open_feed=open_feed or self.feed.open,
            received=self.received.append,
            watch=StationWatch(stale_after_s=stale_after_s, min_interval_s=0.0),
            settings=FeedSettings(heartbeat_s=heartbeat_s, author="me", agency="LMU", is_replay=is_replay),
        )
        self.thread = threading.Thread(target=self.worker.run)

    def read(self, stream) -> None:
        """Work through packets, in this thread."""
        for packet in stream:
            self.queue.put(packet)
        self.queue.close()
        self.worker.run()

    def stop(self) -> None:
        self.queue.close()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def bench():
    bench = Bench(heartbeat_s=0.1)
    yield bench
    if bench.thread.ident:
        bench.stop()


def test_a_detection_is_published_with_its_model_and_who_says_so():
    bench = Bench()
    bench.read(packets(60, [40.0]))
    new, end = bench.feed.bodies("detection")
    assert (new["state"], end["state"], new["id"]) == ("new", "end", end["id"])
    assert (new["author"], new["agency"], new["processing"]) == ("me", "LMU", "replay")
    assert new["model"]["name"] == "stalta"
    assert bench.worker.n_detections == 1
    assert not bench.feed.is_open


def test_the_first_and_the_last_message_are_heartbeats():
    bench = Bench()
    bench.read(packets(60, [40.0]))
    topics = [topic for topic, _ in bench.feed.sent]
    assert topics[0] == topics[-1] == "heartbeat"
    assert bench.feed.bodies("heartbeat")[-1]["last_sequence"] == len(topics) - 1


def test_an_open_detection_is_closed_before_the_feed_is():
    bench = Bench()
    bench.read(packets(43, [40.0]))
    assert [(b["state"], b["reason"]) for b in bench.feed.bodies("detection")] == [
        ("new", ""),
        ("end", "shutdown"),
    ]


def test_every_packet_is_acknowledged_once_in_its_order():
    bench = Bench()
    stream = list(packets(60))
    bench.read(stream)
    assert bench.received == stream


@pytest.mark.parametrize(("age_s", "processing"), [(0, "live"), (7200, "replay")])
def test_only_what_is_recent_is_called_live(age_s, processing):
    bench = Bench(is_replay=False)
    start_ns = (time.time_ns() // NS_PER_S - 60 - age_s) * NS_PER_S
    bench.read(packets(60, [40.0], start_ns=start_ns, received_ns=time.time_ns()))
    found = bench.feed.bodies("detection")
    assert found
    assert {body["processing"] for body in found} == {processing}


def test_the_state_of_an_instrument_is_published_on_change(bench):
    bench.thread.start()
    bench.feed.until(lambda: bench.feed.bodies("heartbeat"))
    for packet in packets(30):
        bench.queue.put(packet)
    bench.feed.until(lambda: "ok" in [body["state"] for body in bench.feed.bodies("status")])
    bench.stop()
    states = [body["state"] for body in bench.feed.bodies("status")]
    assert all(a != b for a, b in pairwise(states))
    assert dict(bench.worker.stations()) == {"ok": 1}


@pytest.mark.parametrize("n_missing_s", [0, 10])
def test_a_detection_of_a_station_that_falls_silent_ends_once(n_missing_s):
    bench = Bench(is_replay=False, stale_after_s=0.5)
    stream = list(packets(90, [40.0], start_ns=time.time_ns() - 100 * NS_PER_S, received_ns=time.time_ns()))
    try:
        bench.thread.start()
        for packet in stream[:43]:
            bench.queue.put(packet)
        bench.feed.until(lambda: len(bench.feed.bodies("detection")) == 2)
        assert [(b["state"], b["reason"]) for b in bench.feed.bodies("detection")] == [
            ("new", ""),
            ("end", "gap"),
        ]
        for packet in stream[43 + n_missing_s :]:
            bench.queue.put(packet)
    finally:
        bench.stop()
    assert [body["state"] for body in bench.feed.bodies("detection")] == ["new", "end"]


def test_heartbeats_come_without_any_data(bench):
    bench.thread.start()
    bench.feed.until(lambda: len(bench.feed.bodies("heartbeat")) >= 3)
    assert bench.worker.ready.is_set()
    assert bench.worker.endpoint == "inproc://feed"
    assert bench.worker.progress > 0


def test_a_change_is_made_in_the_worker_between_two_turns(bench):
    bench.thread.start()
    seen = []
    done = threading.Event()
    bench.worker.between_turns(lambda: (seen.append(threading.current_thread()), done.set()))
    assert done.wait(20)
    assert seen == [bench.thread]


def test_who_may_subscribe_changes_in_the_worker_too(bench):
    bench.thread.start()
    assert bench.worker.ready.wait(20)
    bench.worker.admit({"reader": "key"})
    bench.feed.until(lambda: bench.feed.clients == {"reader": "key"})


def test_the_counts_are_those_of_detector_queue_and_feed():
    bench = Bench()
    stream = list(packets(60))
    bench.queue.close()
    bench.queue.put(stream[0])
    bench.worker.run()
    assert by_reason(bench.worker.counts()) == {"messages.sent": 2, "packets.dropped.closed": 1}
    assert bench.feed.bodies("heartbeat")[-1]["drops"] == {"packets.dropped.closed": 1}


@pytest.mark.parametrize("kind", ["detection", "status", "heartbeat"])
def test_a_message_that_cannot_be_sent_is_counted_and_logged_and_the_others_are_sent(kind):
    """After a restart the same data would make the same message, and end the service again."""
    bench = Bench()
    bench.feed.refuses = lambda topic: topic.startswith(kind)
    with structlog.testing.capture_logs() as lines:
        bench.read(packets(60, [40.0]))
    dropped = [line for line in lines if line["event"] == "message.dropped"]
    assert dropped
    assert all(line["topic"].startswith(kind) and "cannot be written" in line["error"] for line in dropped)
    assert bench.worker.counts()[Key("messages.dropped", kind)] == len(dropped)
    kinds = {topic.partition(".")[0] for topic, _ in bench.feed.sent}
    assert kinds == {"detection", "status", "heartbeat"} - {kind}


def test_a_feed_that_breaks_ends_the_worker_with_its_error():
    bench = Bench()

    def break_down(_topic):
        raise OSError("the socket is gone")

    bench.feed.refuses = break_down
    with pytest.raises(OSError, match="the socket is gone"):
        bench.read(packets(60, [40.0]))


def test_a_feed_that_cannot_be_opened_ends_the_worker_before_it_is_ready():
    def refuse():
        raise PublishError("port in use")

    bench = Bench(open_feed=refuse)
    with pytest.raises(PublishError):
        bench.worker.run()
    assert not bench.worker.ready.is_set()
    assert bench.worker.counts() == {}


def test_nothing_is_logged_for_each_packet():
    bench = Bench()
    with structlog.testing.capture_logs() as lines:
        bench.read(packets(60, [40.0]))
    names = Counter(line["event"] for line in lines)
    assert names["detection.new"] == names["detection.end"] == 1
    assert sum(names.values()) <= 4, names


def test_the_rate_of_windows_is_measured_between_heartbeats(bench):
    assert bench.worker.windows_per_s == 0.0
    bench.thread.start()
    for packet in packets(60, start_ns=START_NS):
        bench.queue.put(packet)
    bench.feed.until(lambda: any(body["windows_per_s"] > 0 for body in bench.feed.bodies("heartbeat")))
