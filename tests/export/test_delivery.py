"""The queue before slow receivers: it never makes the feed wait, and ends in bounded time."""

import threading

import pytest
from bodies import detection

from quake_stream.counters import Key
from quake_stream.errors import QuakeStreamError
from quake_stream.export import delivery
from quake_stream.export.delivery import Delivery

DEADLINE_S = 20.0


class Receiver:
    """Delivers when the test lets it; fails as the test says."""

    def __init__(self, hurry, outcome=lambda _: ""):
        self.hurry = hurry
        self.may = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.got = []
        self.closed = threading.Event()
        self._outcome = outcome

    def deliver(self, body):
        self.begun.release()
        while not self.hurry.is_set() and not self.may.acquire(timeout=0.02):
            pass
        self.got.append(body["id"])
        return self._outcome(body)

    def close(self):
        self.closed.set()

    def counts(self):
        return {Key("posts.retried"): 1}


def make(outcome=lambda _: "", **options):
    hurry = threading.Event()
    receiver = Receiver(hurry, outcome)
    return Delivery(receiver, hurry, **options), receiver


def test_all_is_delivered_in_order_before_the_end():
    sink, receiver = make()
    receiver.may.release(3)
    for name in "abc":
        sink.write(detection(name))
    sink.close()
    assert receiver.got == ["a", "b", "c"]
    assert receiver.closed.is_set()
    assert sink.counts() == {Key("deliveries.done"): 3, Key("posts.retried"): 1}


def test_a_slow_receiver_loses_the_oldest_and_the_loss_is_counted():
    sink, receiver = make(max_waiting=2)
    sink.write(detection("under-way"))
    assert receiver.begun.acquire(timeout=DEADLINE_S)
    for name in "abcd":
        sink.write(detection(name))
    assert sink.n_waiting == 2
    receiver.may.release(3)
    sink.close()
    assert receiver.got == ["under-way", "c", "d"]
    assert sink.counts()[Key("deliveries.dropped", "queue_full")] == 2


def test_a_receiver_that_hangs_does_not_hold_up_the_end():
    sink, receiver = make(drain_s=0.05)
    sink.write(detection("under-way"))
    assert receiver.begun.acquire(timeout=DEADLINE_S)
    sink.write(detection("a"))
    sink.close()
    assert receiver.hurry.is_set()
    assert receiver.closed.is_set()
    assert receiver.got == ["under-way"]
    assert sink.counts()[Key("deliveries.dropped", "shutdown")] == 1


def test_what_was_given_up_is_counted_by_reason():
    sink, receiver = make(outcome=lambda body: "http_404" if body["id"] == "a" else "")
    receiver.may.release(2)
    sink.write(detection("a"))
    sink.write(detection("b"))
    sink.close()
    assert sink.counts()[Key("deliveries.failed", "http_404")] == 1
    assert sink.counts()[Key("deliveries.done")] == 1


def test_a_receiver_that_breaks_ends_the_exporter():
    def broken(_):
        raise RuntimeError("a bug")

    sink, receiver = make(outcome=broken)
    receiver.may.release()
    sink.write(detection("a"))
    assert receiver.closed.wait(DEADLINE_S)
    sink._thread.join(DEADLINE_S)
    with pytest.raises(QuakeStreamError, match="the delivery failed: a bug"):
        sink.settle()
    with pytest.raises(QuakeStreamError, match="the delivery failed: a bug"):
        sink.write(detection("b"))
    sink.close()


def test_the_receiver_knows_the_event_that_ends_its_attempts():
    made = []
    sink = delivery.start(lambda hurry: made.append(Receiver(hurry)) or made[0])
    assert not made[0].hurry.is_set()
    sink.close()
    assert made[0].hurry.is_set()
    assert not sink._thread.is_alive()
