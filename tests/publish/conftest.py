"""Sockets of the tests: real ones, on loopback or inside the process, with deadlines and no sleeps."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from time import monotonic

import pytest

from quake_stream.counters import Key
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.subscriber import Subscriber

DEADLINE_S = 20.0  # against hanging only


@pytest.fixture
def publish() -> Iterator[Callable[..., Publisher]]:
    """Make publishers on free loopback ports; closed at the end."""
    with ExitStack() as stack:
        yield lambda bind="tcp://127.0.0.1:*", **options: stack.enter_context(
            Publisher(bind, linger_ms=0, **options)
        )


@pytest.fixture
def subscribe() -> Iterator[Callable[..., Subscriber]]:
    """Make subscribers, and wait until the publisher knows them; closed at the end."""
    with ExitStack() as stack:

        def connect(publisher: Publisher, **options: object) -> Subscriber:
            n_before = n_joined(publisher)
            options = {"timeout_s": DEADLINE_S, **options}
            subscriber = stack.enter_context(Subscriber(publisher.endpoint, **options))  # type: ignore[arg-type]  # options of any type
            wait_until(publisher, lambda: n_joined(publisher) > n_before)
            return subscriber

        yield connect


def n_joined(publisher: Publisher) -> int:
    return publisher.counts().get(Key("subscriptions.joined"), 0)


def wait_until(publisher: Publisher, is_true: Callable[[], bool]) -> None:
    """Let the publisher note who comes and goes until a condition holds."""
    deadline = monotonic() + DEADLINE_S
    while not is_true():
        assert monotonic() < deadline, f"only {publisher.counts()}"
        publisher.poll(timeout_s=0.1)


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[[Publisher, Callable[[], bool]], None]:
    return wait_until
