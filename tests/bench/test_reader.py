"""Subscribers of the benchmark: what they tell of a round, and that they end."""

import io
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from quake_stream.bench.messages import detection, end_of_round
from quake_stream.bench.reader import Task, subscribe
from quake_stream.publish.publisher import Publisher

DEADLINE_S = 20.0  # against hanging only


class Answers(io.StringIO):
    """Lines, and the news that one is there."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Semaphore(0)

    def flush(self) -> None:
        self.written.release()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher("tcp://127.0.0.1:*", linger_ms=0) as publisher:
        yield publisher


@contextmanager
def reading(publisher: Publisher, n: int, *, stalled: bool = False) -> Iterator[Answers]:
    """Subscribe in a thread, which ends with its commands."""
    task = Task(endpoint=publisher.endpoint, n_subscribers=n, stalled=stalled)
    answers = Answers()
    receiver, sender = os.pipe()
    with os.fdopen(receiver) as commands:
        thread = threading.Thread(target=subscribe, args=(task, commands, answers))
        thread.start()
        try:
            for _ in range(100):
                publisher.poll(DEADLINE_S / 100)
                if publisher.n_subscriptions == n:
                    break
            assert publisher.n_subscriptions == n
            yield answers
        finally:
            os.close(sender)
            thread.join(DEADLINE_S)
    assert not thread.is_alive()


def send_round(publisher: Publisher, n_messages: int) -> None:
    for _ in range(n_messages):
        publisher.send("detection.XX.BENCH.--.HH", detection(created_ns=0))
    publisher.send("heartbeat", end_of_round())


def test_each_round_is_answered_when_every_subscriber_has_seen_its_end(publisher):
    with reading(publisher, 3) as answers:
        for n in (2, 1):
            send_round(publisher, n)
            assert answers.written.acquire(timeout=DEADLINE_S)
    first, second = (json.loads(line) for line in answers.getvalue().splitlines())
    assert [first["n_ended"], second["n_ended"]] == [3, 3]
    assert sorted(first["sequences"]) == [1, 1, 1, 2, 2, 2]
    assert second["sequences"] == [4, 4, 4]  # the end of the first round is 3
    assert len(first["received_ns"]) == 6
    assert max(first["received_ns"]) < min(second["received_ns"])


def test_a_stalled_subscriber_answers_nothing_and_ends_all_the_same(publisher):
    with reading(publisher, 1, stalled=True) as answers:
        send_round(publisher, 1)
    assert answers.getvalue() == ""
