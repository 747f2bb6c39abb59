"""Encrypted feeds: who is listed gets everything, everybody else nothing."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic

import bodies
import pytest
import zmq
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from quake_stream.counters import Key
from quake_stream.errors import PublishError
from quake_stream.publish.frames import Message
from quake_stream.publish.gate import MAX_ANSWERS_PER_POLL, Gate
from quake_stream.publish.journal import Journal
from quake_stream.publish.keys import ClientKey, new_pair, write_key
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.sockets import bound, connected
from quake_stream.publish.subscriber import Subscriber

Publish = Callable[..., Publisher]
Subscribe = Callable[..., Subscriber]
WaitUntil = Callable[[Publisher, Callable[[], bool]], None]

DEADLINE_S = 20.0  # against hanging only
DEADLINE_MS = 20_000  # likewise
STATUS = bodies.status()
SERVER, LISTED, OTHER, UNLISTED = (new_pair() for _ in range(4))
CLIENTS = {"listed": LISTED.public, "other": OTHER.public}
REFUSED = Key("connections.refused")


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the file of a subscriber."""

    def write(pair=LISTED, *, server=SERVER) -> Path:
        path = tmp_path / f"{len(list(tmp_path.glob('*.key')))}.key"
        write_key(path, pair, owner="reader", server=server.public)
        return path

    return write


@pytest.fixture
def feed(publish: Publish, tmp_path: Path) -> Publisher:
    """Open an encrypted feed with a journal."""
    journal = Journal(tmp_path / "journal", max_bytes=10_000_000, max_age_s=1e6)
    return publish(replay_bind="tcp://127.0.0.1:*", journal=journal, key=SERVER, clients=CLIENTS)


def next_message(feed: Publisher, subscriber: Subscriber) -> Message:
    """Wait for a message while the feed is served; needs a subscriber with a short ``timeout_s``."""
    deadline_s = monotonic() + DEADLINE_S
    while monotonic() < deadline_s:
        feed.poll()
        try:
            item = subscriber.receive()
        except TimeoutError:
            continue
        assert isinstance(item, Message)
        return item
    pytest.fail(f"no message came: {feed.counts()}, {subscriber.counts()}")


def test_who_is_listed_gets_everything_live_and_from_the_journal(
    feed: Publisher, key_file: Callable[..., Path]
) -> None:
    for _ in range(5):
        feed.send("status", STATUS)
    with Subscriber(
        feed.endpoint, replay=feed.replay_endpoint, key=key_file(), since_ns=0, timeout_s=0.05
    ) as subscriber:
        assert [next_message(feed, subscriber).sequence for _ in range(5)] == [1, 2, 3, 4, 5]
        feed.send("status", STATUS)
        assert next_message(feed, subscriber).sequence == 6
    assert feed.counts()[Key("connections.admitted")] == 2
    assert REFUSED not in feed.counts()


def test_an_unlisted_key_gets_nothing_until_it_is_listed(
    feed: Publisher, key_file: Callable[..., Path], subscribe: Subscribe, wait_until: WaitUntil
) -> None:
    good = subscribe(feed, key=key_file(), fill=False)
    with Subscriber(feed.endpoint, key=key_file(UNLISTED), fill=False, timeout_s=0.05) as stranger:
        wait_until(feed, lambda: feed.counts().get(REFUSED, 0) >= 1)
        feed.send("status", STATUS)
        assert isinstance(good.receive(), Message)
        with pytest.raises(TimeoutError):
            stranger.receive()
        assert feed.n_subscriptions == 1

        feed.admit(CLIENTS | {"stranger": UNLISTED.public})
        deadline_s = monotonic() + DEADLINE_S
        while not stranger.counts().get(Key("messages.received")):
            assert monotonic() < deadline_s
            feed.send("status", STATUS)
            try:
                stranger.receive()
            except TimeoutError:
                continue
        assert feed.n_subscriptions == 2, "the other one stayed connected"


@pytest.mark.parametrize("kind", [zmq.SUB, zmq.DEALER])
@pytest.mark.parametrize("key", [None, ClientKey(pair=LISTED, server=new_pair().public)])
def test_no_key_and_the_key_of_another_service_get_nothing(
    kind: int,
    key: ClientKey | None,
    feed: Publisher,
    key_file: Callable[..., Path],
    subscribe: Subscribe,
) -> None:
    good = subscribe(feed, key=key_file(), fill=False)
    address = feed.endpoint if kind == zmq.SUB else feed.replay_endpoint
    with zmq.Context() as context, context.socket(kind) as stranger:
        stranger.linger = 0
        monitor = stranger.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        if key is not None:
            stranger.curve_serverkey = key.server.encode()
            stranger.curve_publickey = key.pair.public.encode()
            stranger.curve_secretkey = key.pair.secret.encode()
        if kind == zmq.SUB:
            stranger.subscribe(b"")
        stranger.connect(address)
        assert monitor.poll(DEADLINE_MS)
        assert recv_monitor_message(monitor)["event"] == zmq.EVENT_DISCONNECTED
        feed.send("status", STATUS)
        assert isinstance(good.receive(), Message)
        assert not stranger.poll(0)
        stranger.disable_monitor()


@pytest.mark.fault(44)
def test_nobody_gets_in_where_nobody_answers() -> None:
    with (
        zmq.Context() as context,
        bound(context, zmq.XPUB, "tcp://127.0.0.1:*", options=(), insecure=False, key=SERVER) as server,
        zmq.Context() as other,
        connected(
            other,
            zmq.SUB,
            server.get_string(zmq.LAST_ENDPOINT),
            key=ClientKey(pair=LISTED, server=SERVER.public),
        ) as client,
    ):
        monitor = client.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        assert monitor.poll(DEADLINE_MS)
        assert recv_monitor_message(monitor)["event"] == zmq.EVENT_DISCONNECTED
        client.disable_monitor()


@pytest.mark.fault(44)
def test_a_gate_that_dies_lets_nobody_in_and_fails_the_next_poll(
    feed: Publisher, key_file: Callable[..., Path], subscribe: Subscribe
) -> None:
    good = subscribe(feed, key=key_file(), fill=False)
    assert feed._gate is not None
    feed._gate.socket.close()
    with (
        zmq.Context() as context,
        connected(context, zmq.SUB, feed.endpoint, key=ClientKey(pair=OTHER, server=SERVER.public)) as late,
    ):
        monitor = late.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        assert monitor.poll(DEADLINE_MS)
        assert recv_monitor_message(monitor)["event"] == zmq.EVENT_DISCONNECTED
        late.disable_monitor()
    with pytest.raises(zmq.ZMQError):  # in the worker, whose failure ends the service
        feed.poll()
    assert feed.n_subscriptions == 1
    assert not good.counts().get(Key("messages.missed", "gap"))


def test_the_connection_of_a_removed_key_is_closed_and_the_others_miss_nothing(
    feed: Publisher, key_file: Callable[..., Path], subscribe: Subscribe, wait_until: WaitUntil
) -> None:
    good = subscribe(feed, key=key_file(), replay=feed.replay_endpoint, timeout_s=0.05)
    with (
        zmq.Context() as context,
        connected(
            context, zmq.SUB, feed.endpoint, key=ClientKey(pair=OTHER, server=SERVER.public)
        ) as removed,
    ):
        monitor = removed.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        removed.subscribe(b"")
        wait_until(feed, lambda: feed.n_subscriptions == 2)
        feed.send("status", STATUS)
        assert removed.poll(DEADLINE_MS)
        removed.recv_multipart()
        endpoints = feed.endpoint, feed.replay_endpoint

        feed.admit({"listed": LISTED.public})
        assert (feed.endpoint, feed.replay_endpoint) == endpoints
        wait_until(feed, lambda: bool(monitor.poll(0)))  # disconnected
        for _ in range(5):
            feed.send("status", STATUS)
        deadline_s = monotonic() + DEADLINE_S
        sequences: list[int] = []
        while len(sequences) < 6:  # the heartbeat after its return tells what is missing
            assert monotonic() < deadline_s, sequences
            feed.send("heartbeat", bodies.heartbeat())
            feed.poll()
            with suppress(TimeoutError):
                item = good.receive()
                assert isinstance(item, Message)
                sequences.append(item.sequence)
        assert sequences == list(range(1, len(sequences) + 1))
        wait_until(feed, lambda: feed.counts().get(REFUSED, 0) >= 1)
        assert not removed.poll(0)
        assert feed.n_subscriptions == 1
        removed.disable_monitor()


def test_nobody_gets_in_where_the_list_is_empty_and_the_operator_is_told(
    publish: Publish, key_file: Callable[..., Path], wait_until: WaitUntil
) -> None:
    feed = publish(key=SERVER)
    assert feed.problem == "nobody may subscribe: the list of clients is empty"
    with Subscriber(feed.endpoint, key=key_file(), fill=False):
        wait_until(feed, lambda: feed.counts().get(REFUSED, 0) >= 1)
    assert feed.n_subscriptions == 0
    feed.admit(CLIENTS)
    assert feed.problem == ""


def test_with_keys_other_machines_may_connect(publish: Publish) -> None:
    assert publish("tcp://0.0.0.0:*", key=SERVER).endpoint.startswith("tcp://0.0.0.0:")


def test_a_list_has_no_effect_on_an_open_feed(publish: Publish, subscribe: Subscribe) -> None:
    feed = publish()
    subscriber = subscribe(feed)
    feed.admit({})
    feed.send("status", STATUS)
    assert isinstance(subscriber.receive(), Message)


def test_two_feeds_with_keys_in_one_context_are_refused_and_leave_nothing_behind(publish: Publish) -> None:
    with zmq.Context() as context:  # whose end waits for every socket
        first = publish(key=SERVER, context=context)
        with pytest.raises(PublishError, match="cannot have two feeds with keys"):
            publish(key=SERVER, context=context)
        first.close()


@pytest.fixture
def context() -> Iterator[zmq.Context]:
    with zmq.Context() as context:
        yield context


def request(*, version=b"1.0", domain=b"quake-stream", mechanism=b"CURVE", key=LISTED.public):
    return [version, b"7", domain, b"127.0.0.1", b"", mechanism, z85.decode(key.encode())]


@pytest.mark.parametrize(
    ("frames", "status"),
    [
        (request(), b"200"),
        (request(key=UNLISTED.public), b"300"),
        (request(version=b"2.0"), b"300"),
        (request(domain=b""), b"300"),
        (request(mechanism=b"NULL"), b"300"),
        (request()[:-1], b"300"),
        ([*request(), b"more"], b"300"),
        ([*request()[:-1], b"short"], b"300"),
        ([b""], b"300"),
    ],
)
def test_a_question_is_answered_by_the_protocol(
    frames: list[bytes], status: bytes, context: zmq.Context
) -> None:
    with closing(Gate(context, CLIENTS)) as gate, context.socket(zmq.REQ) as asker:
        asker.linger = 0
        asker.connect("inproc://zeromq.zap.01")
        asker.send_multipart(frames)
        gate.poll()
        version, number, *answer = asker.recv_multipart()
        assert (version, number) == (b"1.0", b"7" if len(frames) > 1 else b"")
        assert answer[0] == status
        assert answer[2] == (b"listed" if status == b"200" else b"")
        assert len(answer) == 4


def test_a_flood_of_questions_does_not_hold_the_caller(context: zmq.Context) -> None:
    n = MAX_ANSWERS_PER_POLL
    with closing(Gate(context, CLIENTS)) as gate, context.socket(zmq.DEALER) as asker:
        asker.linger = 0
        asker.connect("inproc://zeromq.zap.01")
        for _ in range(n + 5):
            asker.send_multipart([b"", *request()])
        gate.poll()
        assert gate.counts() == {Key("connections.admitted"): n}
        gate.poll()
        assert gate.counts() == {Key("connections.admitted"): n + 5}
        gate.poll()


def test_only_who_loses_the_right_makes_others_go(context: zmq.Context) -> None:
    with closing(Gate(context, CLIENTS)) as gate:
        assert not gate.replace(CLIENTS)
        assert not gate.replace(CLIENTS | {"new": UNLISTED.public})
        assert not gate.replace({"renamed": UNLISTED.public} | CLIENTS)
        assert gate.replace(CLIENTS)
        assert gate.n_clients == 2
        gate.close()
