import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import bodies
import pytest
import zmq

from quake_stream.counters import Key
from quake_stream.errors import ConfigError
from quake_stream.publish import subscriber as module
from quake_stream.publish.frames import Header, Message, VersionError, encode
from quake_stream.publish.journal import Journal
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.sequence import Missed
from quake_stream.publish.sockets import replay_endpoint
from quake_stream.publish.subscriber import Subscriber

Publish = Callable[..., Publisher]
Subscribe = Callable[..., Subscriber]
WaitUntil = Callable[[Publisher, Callable[[], bool]], None]

DEADLINE_S = 20.0  # against hanging only
STATUS = bodies.status()


def take(subscriber: Subscriber, n: int) -> list[Message | Missed | None]:
    return [subscriber.receive() for _ in range(n)]


def sequences(items: list[Message | Missed | None]) -> list[int]:
    assert all(isinstance(item, Message) for item in items)
    return [item.sequence for item in items if isinstance(item, Message)]


def test_messages_arrive_in_order_and_whole(publish: Publish, subscribe: Subscribe) -> None:
    publisher = publish()
    subscriber = subscribe(publisher)
    for n in range(500):
        publisher.send("status.IU.ANMO.00.BH", STATUS | {"n": n})
    items = take(subscriber, 500)
    assert sequences(items) == list(range(1, 501))
    last = items[-1]
    assert isinstance(last, Message)
    assert (last.topic, last.body) == ("status.IU.ANMO.00.BH", STATUS | {"n": 499})
    assert last.session == publisher.session
    assert last.received_ns > 0
    assert subscriber.counts() == {Key("messages.received"): 500}


def test_a_late_subscriber_is_told_how_much_came_before(publish: Publish, subscribe: Subscribe) -> None:
    publisher = publish()
    for _ in range(5):
        publisher.send("status", STATUS)
    subscriber = subscribe(publisher)
    publisher.send("status", STATUS)
    missed, message = take(subscriber, 2)
    assert missed == Missed(session=publisher.session, first=1, last=5, reason="joined")
    assert sequences([message]) == [6]


def test_a_topic_filter_is_no_loss(publish: Publish, subscribe: Subscribe) -> None:
    publisher = publish()
    subscriber = subscribe(publisher, topics=("detection.IU.", "heartbeat"))
    for topic in ("detection.IU.ANMO.00.BH", "status", "detection.CX.PB01.--.HH", "heartbeat", "status"):
        publisher.send(topic, STATUS)
    publisher.send("detection.IU.LAST.00.BH", STATUS)
    assert sequences(take(subscriber, 3)) == [1, 4, 6]
    assert subscriber.counts()[Key("messages.unwanted")] == 3


def test_a_restart_of_the_publisher_is_a_new_session(
    publish: Publish, subscribe: Subscribe, wait_until: WaitUntil
) -> None:
    first = publish()
    subscriber = subscribe(first, fill=False)
    items: queue.Queue[Message | Missed] = queue.Queue()
    # A thread that waits, as ZeroMQ renews the subscription only while its socket is in use.
    thread = threading.Thread(target=lambda: [items.put(item) for item in subscriber])
    thread.start()
    first.send("status", STATUS)
    assert sequences([items.get(timeout=DEADLINE_S)]) == [1]
    first.close()

    second = publish(first.endpoint)
    wait_until(second, lambda: second.n_subscriptions == 1)
    second.send("status", STATUS)
    missed, message = (items.get(timeout=DEADLINE_S) for _ in range(2))
    assert missed == Missed(session=second.session, first=1, last=0, reason="restarted")
    assert sequences([message]) == [1]
    subscriber.stop()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def test_a_subscriber_may_be_there_before_the_publisher(publish: Publish) -> None:
    endpoint = publish().endpoint.replace("tcp://", "inproc://")
    with zmq.Context() as context, Subscriber(endpoint, context=context, timeout_s=DEADLINE_S) as subscriber:
        publisher = publish(endpoint, context=context)
        publisher.poll(timeout_s=DEADLINE_S)
        publisher.send("status", STATUS)
        assert sequences(take(subscriber, 1)) == [1]
        publisher.close()


class Raw:
    """A publisher that sends any frames at all."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher

    def send(self, *frames: bytes) -> None:
        self.publisher._socket.send_multipart(frames)

    def message(self, sequence: int, topic: str = "status") -> list[bytes]:
        return encode(topic, Header(session=self.publisher.session, sequence=sequence), STATUS)


def test_lost_messages_are_reported_where_they_are_missing(publish: Publish, subscribe: Subscribe) -> None:
    raw = Raw(publish())
    subscriber = subscribe(raw.publisher, fill=False)
    for sequence in (1, 2, 5):
        raw.send(*raw.message(sequence))
    one, two, missed, five = take(subscriber, 4)
    assert sequences([one, two, five]) == [1, 2, 5]
    assert missed == Missed(session=raw.publisher.session, first=3, last=4, reason="gap")
    assert subscriber.counts()[Key("messages.missed", "gap")] == 2


def test_a_heartbeat_reveals_the_loss_of_the_last_message(publish: Publish, subscribe: Subscribe) -> None:
    raw = Raw(publish())
    subscriber = subscribe(raw.publisher, topics=("detection",), fill=False)
    raw.send(*raw.message(1, "detection"))
    raw.send(*raw.message(3, "heartbeat"))
    _, missed = take(subscriber, 2)
    assert missed == Missed(session=raw.publisher.session, first=2, last=2, reason="gap")


def test_a_repeated_message_is_handed_over_once(publish: Publish, subscribe: Subscribe) -> None:
    raw = Raw(publish())
    subscriber = subscribe(raw.publisher, fill=False)
    for sequence in (1, 2, 1, 2, 3):
        raw.send(*raw.message(sequence))
    assert sequences(take(subscriber, 3)) == [1, 2, 3]
    assert subscriber.counts()[Key("messages.repeated")] == 2


def test_malformed_messages_are_counted_reported_and_skipped(publish: Publish, subscribe: Subscribe) -> None:
    raw = Raw(publish())
    subscriber = subscribe(raw.publisher, fill=False)
    raw.send(b"one frame")
    raw.send(b"status", b"short header", b"{}")
    raw.send(*raw.message(1)[:2], b"no json")
    raw.send(*raw.message(2))
    missed, message = take(subscriber, 2)
    assert missed == Missed(session=raw.publisher.session, first=1, last=1, reason="malformed")
    assert sequences([message]) == [2]
    assert subscriber.counts()[Key("messages.malformed", "envelope")] == 2
    assert subscriber.counts()[Key("messages.malformed", "body")] == 1


def test_a_newer_major_version_is_an_error_only_where_it_is_wanted(
    publish: Publish, subscribe: Subscribe
) -> None:
    raw = Raw(publish())
    subscriber = subscribe(raw.publisher, topics=("status",), fill=False)
    newer = b'{"schema":"quake-stream/status/2"}'
    raw.send(*raw.message(1, "heartbeat")[:2], newer)
    raw.send(*raw.message(2)[:2], newer)
    raw.send(*raw.message(3))
    with pytest.raises(VersionError, match="install a newer quake-stream"):
        subscriber.receive()
    assert sequences(take(subscriber, 1)) == [3]


class Feed:
    """A publisher with a journal, in a thread of its own, as the service has it."""

    def __init__(self, folder: Path, bind: str, *, with_replay: bool = True) -> None:
        self.bind, self._folder, self._with_replay = bind, folder, with_replay
        self._todo: queue.Queue[Callable[[Publisher], None] | None] = queue.Queue()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._opened.wait(DEADLINE_S)

    def _run(self) -> None:
        journal = Journal(self._folder, max_bytes=10_000_000, max_age_s=1e6)
        replay_bind = replay_endpoint(self.bind) if self._with_replay else None
        with Publisher(self.bind, replay_bind=replay_bind, journal=journal, linger_ms=0) as publisher:
            self._opened.set()
            while True:
                publisher.poll(0.01)
                try:
                    task = self._todo.get_nowait()
                except queue.Empty:
                    continue
                if task is None:
                    return
                task(publisher)

    def do(self, task: Callable[[Publisher], None]) -> None:
        """Run something in the publisher's thread, and wait for it."""
        done = threading.Event()
        self._todo.put(lambda publisher: (task(publisher), done.set())[0])
        assert done.wait(DEADLINE_S)

    def send(self, first: int, last: int, *, live: bool = True) -> None:
        """Publish numbered messages; without ``live`` they reach the journal only, as if lost under way."""

        def send(publisher: Publisher) -> None:
            wire = publisher._socket
            if not live:
                publisher._socket = Deaf()
            for n in range(first, last + 1):
                publisher.send("status", bodies.status(n=n))
            publisher._socket = wire

        self.do(send)

    def joined(self) -> None:
        """Wait for a subscriber."""
        self.do(lambda publisher: until(publisher, lambda: publisher.n_subscriptions > 0))

    def close(self) -> None:
        self._todo.put(None)
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


class Deaf:
    """A socket whose messages are all lost."""

    def send_multipart(self, *_: object) -> None: ...

    def poll(self, *_: object) -> int:
        return 0


def until(publisher: Publisher, is_true: Callable[[], bool]) -> None:
    deadline_s = monotonic() + DEADLINE_S
    while not is_true():
        assert monotonic() < deadline_s
        publisher.poll(0.1)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Feed]]:
    """Start the publisher, or start it again with the same journal and address."""
    feeds: list[Feed] = []

    def begin(**options: bool) -> Feed:
        feeds.append(Feed(tmp_path / "journal", f"ipc://{tmp_path}/feed", **options))
        return feeds[-1]

    yield begin
    for feed in feeds:
        feed.close()


def numbers(subscriber: Subscriber, n: int) -> list[tuple[int, bool]]:
    """Take so many messages; each with whether it was replayed."""
    items = take(subscriber, n)
    assert all(isinstance(item, Message) for item in items), items
    return [(item.body["n"], item.replayed) for item in items if isinstance(item, Message)]


def test_what_was_lost_under_way_is_fetched_and_told_apart(start: Callable[..., Feed]) -> None:
    feed = start()
    with Subscriber(feed.bind, timeout_s=DEADLINE_S) as subscriber:
        feed.joined()
        feed.send(1, 2)
        feed.send(3, 1200, live=False)
        feed.send(1201, 1202)
        assert numbers(subscriber, 1202) == [(n, 2 < n <= 1200) for n in range(1, 1203)]
        counts = subscriber.counts()
        assert counts[Key("messages.received", "replayed")] == 1198
        assert counts[Key("requests.sent")] == 1


def test_a_restart_of_the_publisher_loses_nothing(start: Callable[..., Feed]) -> None:
    feed = start()
    with Subscriber(feed.bind, timeout_s=DEADLINE_S) as subscriber:
        feed.joined()
        feed.send(1, 1)
        assert numbers(subscriber, 1) == [(1, False)]
        feed.send(2, 3, live=False)
        feed.close()
        second = start()
        second.send(4, 5, live=False)
        received: queue.Queue[Message | Missed] = queue.Queue()
        # A thread that waits, as ZeroMQ renews the subscription only while its socket is in use.
        thread = threading.Thread(target=lambda: [received.put(item) for item in subscriber])
        thread.start()
        second.joined()
        second.send(6, 6)
        items = [received.get(timeout=DEADLINE_S) for _ in range(5)]
        subscriber.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    assert [(i.body["n"], i.replayed) for i in items if isinstance(i, Message)] == [
        *((2, True), (3, True), (4, True), (5, True)),
        (6, False),
    ]


def test_a_late_join_begins_where_it_is_asked_to(start: Callable[..., Feed]) -> None:
    feed = start()
    feed.send(1, 3, live=False)
    with Subscriber(feed.bind, since_ns=0, timeout_s=DEADLINE_S) as subscriber:
        assert numbers(subscriber, 3) == [(1, True), (2, True), (3, True)]
        feed.joined()
        feed.send(4, 4)
        assert numbers(subscriber, 1) == [(4, False)]


def test_a_restarted_subscriber_goes_on_where_it_was(start: Callable[..., Feed]) -> None:
    feed = start()
    feed.send(1, 5, live=False)
    with Subscriber(feed.bind, since_ns=0, timeout_s=DEADLINE_S) as first:
        (last,) = take(first, 1)
        assert isinstance(last, Message)
    after = Header(session=last.session, sequence=last.sequence)
    with Subscriber(feed.bind, after=after, timeout_s=DEADLINE_S) as second:
        assert numbers(second, 4) == [(2, True), (3, True), (4, True), (5, True)]


def test_a_journal_that_does_not_answer_holds_live_messages_back_only_so_long(
    start: Callable[..., Feed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    feed = start(with_replay=False)
    with Subscriber(feed.bind, timeout_s=0.1) as subscriber:
        feed.joined()
        feed.send(1, 1)
        feed.send(2, 2, live=False)
        items: list[Message | Missed | None] = []
        deadline_s = monotonic() + DEADLINE_S
        while len(items) < 3:
            assert monotonic() < deadline_s
            feed.send(3, 3)
            with contextlib.suppress(TimeoutError):
                items.append(subscriber.receive())
        assert subscriber.counts()[Key("requests.unanswered")] == 1
    assert items[1] == Missed(session=items[2].session, first=2, last=2, reason="gap")  # type: ignore[union-attr]  # a message
    assert sequences([items[0], items[2]]) == [1, 3]


def test_a_journal_that_refuses_is_not_waited_for(publish: Publish, subscribe: Subscribe) -> None:
    raw = Raw(publish())
    with zmq.Context() as context, context.socket(zmq.ROUTER) as journal:
        journal.bind("tcp://127.0.0.1:*")
        endpoint = journal.get_string(zmq.LAST_ENDPOINT)
        subscriber = subscribe(raw.publisher, replay=endpoint)
        for sequence in (1, 3):
            raw.send(*raw.message(sequence))
        thread = threading.Thread(
            target=lambda: journal.send_multipart([journal.recv_multipart()[0], b"refused", b"no"])
        )
        thread.start()
        one, missed, three = take(subscriber, 3)
        thread.join(DEADLINE_S)
    assert sequences([one, three]) == [1, 3]
    assert isinstance(missed, Missed)
    assert subscriber.counts()[Key("requests.refused")] == 1


@pytest.mark.parametrize("n_stops", [1, 1000])
def test_stop_from_another_thread_ends_a_silent_wait(n_stops: int, publish: Publish) -> None:
    ended = threading.Event()
    with Subscriber(publish().endpoint) as subscriber:

        def listen() -> None:
            assert list(subscriber) == []
            ended.set()

        thread = threading.Thread(target=listen)
        thread.start()
        for _ in range(n_stops):
            subscriber.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    assert ended.is_set()
    subscriber.stop()
    assert subscriber.receive() is None


def test_silence_longer_than_the_timeout_is_an_error() -> None:
    with (
        Subscriber("tcp://127.0.0.1:1", timeout_s=0.01) as subscriber,
        pytest.raises(TimeoutError, match="10 ms"),
    ):
        next(iter(subscriber))


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:5561", "tcp://127.0.0.1:x", "http://127.0.0.1"])
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="cannot subscribe to"):
        Subscriber(endpoint)
