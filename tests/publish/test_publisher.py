import contextlib
import random
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import bodies
import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from quake_stream.counters import Key
from quake_stream.errors import ConfigError, PublishError
from quake_stream.publish.frames import Message, WireError
from quake_stream.publish.journal import Journal
from quake_stream.publish.publisher import MAX_EVENTS_PER_POLL, Publisher
from quake_stream.publish.requests import Request
from quake_stream.publish.sequence import Missed
from quake_stream.publish.subscriber import Subscriber

Publish = Callable[..., Publisher]
Subscribe = Callable[..., Subscriber]
WaitUntil = Callable[[Publisher, Callable[[], bool]], None]

DEADLINE_MS = 20_000  # against hanging only
STATUS = bodies.status()


def address(publisher: Publisher) -> tuple[str, int]:
    parts = urlsplit(publisher.endpoint)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def assert_works(publisher: Publisher, subscribe: Subscribe) -> None:
    """Send until a new subscriber receives: noise on the port may have looked like its subscription."""
    subscriber = subscribe(publisher, timeout_s=0.1)
    for _ in range(200):
        publisher.send("status", STATUS)
        with contextlib.suppress(TimeoutError):
            if any(isinstance(subscriber.receive(), Message) for _ in range(2)):
                return
    pytest.fail("no message arrived")


def test_messages_are_numbered_from_one_in_a_session_of_their_own(publish: Publish) -> None:
    one, other = publish(), publish()
    assert [one.send("status", STATUS) for _ in range(3)] == [1, 2, 3]
    assert (one.last_sequence, other.last_sequence) == (3, 0)
    assert one.session != other.session
    assert one.counts() == {Key("messages.sent", "status"): 3}


def test_a_message_that_cannot_be_sent_uses_up_no_number(publish: Publish) -> None:
    publisher = publish()
    with pytest.raises(WireError):
        publisher.send("status", STATUS | {"x": float("nan")})
    assert publisher.send("status", STATUS) == 1


def test_a_message_is_in_the_journal_before_it_is_sent(tmp_path: Path, publish: Publish) -> None:
    journal = Journal(tmp_path, max_bytes=1_000_000, max_age_s=1e6)
    publisher = publish(journal=journal)
    seen = []
    wire = publisher._socket

    class Spy:
        def poll(self, timeout: int) -> int:
            return wire.poll(timeout)

        def send_multipart(self, frames: list[bytes], _flags: int) -> None:
            (entry,) = journal.page(Request(session=publisher.session)).entries
            seen.append(list(entry.frames) == frames)

    publisher._socket = Spy()  # type: ignore[assignment]  # all that sending needs
    publisher.send("status", STATUS)
    assert seen == [True]


def test_a_journal_that_fails_does_not_keep_messages_from_subscribers(
    tmp_path: Path, publish: Publish, subscribe: Subscribe
) -> None:
    folder = tmp_path / "journal"
    folder.write_text("a file where the folder should be")
    publisher = publish(journal=Journal(folder, max_bytes=1_000_000, max_age_s=1e6))
    subscriber = subscribe(publisher)
    publisher.send("status", STATUS)
    assert isinstance(subscriber.receive(), Message)
    assert publisher.problem == "messages cannot be journalled (File exists)"
    assert publisher.counts()[Key("messages.unjournalled", "EEXIST")] == 1


def test_a_replay_address_in_use_leaves_nothing_open(tmp_path: Path, publish: Publish) -> None:
    taken = publish().endpoint
    with pytest.raises(PublishError, match=f"cannot publish on {taken}: Address already in use"):
        publish(replay_bind=taken)


def test_subscribers_that_come_and_go_are_counted(
    publish: Publish, subscribe: Subscribe, wait_until: WaitUntil
) -> None:
    publisher = publish()
    subscribers = [subscribe(publisher) for _ in range(3)]
    assert publisher.n_subscriptions == 3
    subscribers[0].close()
    wait_until(publisher, lambda: publisher.n_subscriptions == 2)
    assert publisher.counts() == {Key("subscriptions.joined"): 3, Key("subscriptions.left"): 1}


@pytest.mark.parametrize("bind", ["tcp://127.0.0.1:0", "tcp://127.0.0.1:*", "tcp://[::1]:*"])
def test_the_endpoint_tells_the_port_that_was_free(bind: str, publish: Publish, subscribe: Subscribe) -> None:
    if "::1" in bind:
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("NOT RUN: this machine has no IPv6 loopback")
    publisher = publish(bind)
    assert address(publisher)[1] > 0
    assert_works(publisher, subscribe)


def test_a_file_can_be_the_address(tmp_path: Path, publish: Publish, subscribe: Subscribe) -> None:
    assert_works(publish(f"ipc://{tmp_path}/feed"), subscribe)


def test_two_publishers_on_one_port_are_refused_by_name(publish: Publish) -> None:
    endpoint = publish().endpoint
    with pytest.raises(PublishError, match=f"cannot publish on {endpoint}: Address already in use"):
        publish(endpoint)


def test_a_port_is_free_again_after_close(publish: Publish, subscribe: Subscribe) -> None:
    first = publish()
    endpoint = first.endpoint
    first.close()
    first.close()
    assert_works(publish(endpoint), subscribe)


@pytest.mark.parametrize(
    "bind", ["tcp://0.0.0.0:*", "tcp://*:*", "tcp://[::]:*", "tcp://lo:*", "tcp://8.8.8.8:1"]
)
def test_an_address_that_others_can_reach_is_refused_unless_allowed(bind: str) -> None:
    with pytest.raises(ConfigError, match=r"without encryption.*bind to 127\.0\.0\.1, or set allow_insecure"):
        Publisher(bind)


def test_an_open_address_can_be_allowed(publish: Publish) -> None:
    assert publish("tcp://0.0.0.0:*", allow_insecure=True).endpoint.startswith("tcp://0.0.0.0:")


@pytest.mark.parametrize(
    "bind", ["", "127.0.0.1:5561", "udp://127.0.0.1:5561", "tcp://", "tcp://127.0.0.1:x", "tcp://127.0.0.1"]
)
def test_what_is_no_address_is_refused_as_configuration(bind: str) -> None:
    with pytest.raises(ConfigError):
        Publisher(bind)


@pytest.mark.fault(42)
def test_garbage_on_the_port_does_no_harm(publish: Publish, subscribe: Subscribe) -> None:
    publisher = publish()
    noise = random.Random(1)
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 32)
    starts = [b"", b"\xff", greeting[:10], greeting, b"GET / HTTP/1.1\r\n\r\n"]
    for n in range(100):
        with socket.create_connection(address(publisher)) as peer:
            peer.sendall(starts[n % len(starts)] + noise.randbytes(noise.randrange(1000)))
        publisher.send("status", STATUS)
    assert_works(publisher, subscribe)


@pytest.mark.fault(42)
def test_a_subscription_that_is_too_long_is_cut_off(publish: Publish, subscribe: Subscribe) -> None:
    publisher = publish()
    with zmq.Context() as context, context.socket(zmq.SUB) as peer:
        peer.linger = 0
        monitor = peer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        peer.subscribe(b"x" * 10_000)
        peer.connect(publisher.endpoint)
        assert monitor.poll(DEADLINE_MS), "still connected"
        assert recv_monitor_message(monitor)["event"] == zmq.EVENT_DISCONNECTED
        peer.disable_monitor()
    publisher.poll()
    assert publisher.n_subscriptions == 0
    assert_works(publisher, subscribe)


@pytest.mark.fault(42)
def test_a_flood_of_subscriptions_does_not_hold_the_caller(publish: Publish, wait_until: WaitUntil) -> None:
    publisher = publish()
    with zmq.Context() as context, context.socket(zmq.SUB) as peer:
        peer.linger, peer.sndhwm = 0, 0
        peer.connect(publisher.endpoint)
        for n in range(3 * MAX_EVENTS_PER_POLL):
            peer.subscribe(f"topic {n}")
        n_before, most = 0, 0
        while n_before < 3 * MAX_EVENTS_PER_POLL:
            publisher.poll(timeout_s=DEADLINE_MS / 1000)
            assert publisher.n_subscriptions > n_before, "no subscription arrived"
            most = max(most, publisher.n_subscriptions - n_before)
            n_before = publisher.n_subscriptions
    assert most <= MAX_EVENTS_PER_POLL


def test_messages_from_subscribers_are_counted_and_ignored(publish: Publish, wait_until: WaitUntil) -> None:
    publisher = publish()
    with zmq.Context() as context, context.socket(zmq.XSUB) as peer:
        peer.linger = 0
        peer.connect(publisher.endpoint)
        peer.send(b"\x00never begun")
        peer.send(b"hello")
        peer.send(b"\x01topic")
        wait_until(publisher, lambda: publisher.n_subscriptions == 1)
    assert publisher.counts()[Key("messages.unexpected")] == 1


@pytest.mark.fault(41)
def test_a_stalled_subscriber_delays_nobody_and_learns_what_it_missed(
    tmp_path: Path, publish: Publish, subscribe: Subscribe
) -> None:
    publisher = publish(f"ipc://{tmp_path}/feed", send_hwm=100)  # unix sockets buffer little themselves
    stalled, good = subscribe(publisher, recv_hwm=1, fill=False), subscribe(publisher)
    body = STATUS | {"padding": "x" * 3500}
    n_messages = 2000
    for _ in range(n_messages):
        sequence = publisher.send("status", body)
        item = good.receive()
        assert isinstance(item, Message)
        assert item.sequence == sequence

    received, missed, n_sent = 0, 0, n_messages
    while missed == 0 or received + missed < n_sent:  # what the stalled one finds when it wakes up
        if n_sent < n_messages + 1000 and received % 10 == 0:
            n_sent = publisher.send("status", STATUS)
        item = stalled.receive()
        if isinstance(item, Missed):
            assert item.reason == "gap"
            missed += item.count
        else:
            received += 1
    assert received < n_messages / 2, "the backlog was kept"


def test_no_file_descriptor_is_left_open(
    publish: Publish, subscribe: Subscribe, wait_until: WaitUntil
) -> None:
    def n_open() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    publisher = publish()
    subscribe(publisher).close()
    n_before = n_open()
    for _ in range(5):
        subscribe(publisher).close()
        publish().close()
        with pytest.raises(PublishError):
            publish(publisher.endpoint)
    wait_until(publisher, lambda: n_open() <= n_before + 2)  # it closes the last ones in its own time
