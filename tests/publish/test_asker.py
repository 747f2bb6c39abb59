from collections.abc import Iterator
from contextlib import closing

import pytest
import zmq
from journals import A

from quake_stream.errors import ConfigError
from quake_stream.publish.asker import ASK_AGAIN_S, Asker
from quake_stream.publish.requests import Request, decode_request

DEADLINE_MS = 20_000  # against hanging only
REQUEST = Request(session=A, first=3)


@pytest.fixture
def context() -> Iterator[zmq.Context]:
    with zmq.Context() as context:
        yield context


@pytest.fixture
def router(context: zmq.Context) -> Iterator[zmq.Socket[bytes]]:
    with context.socket(zmq.ROUTER) as router:
        router.bind("inproc://journal")
        yield router


@pytest.fixture
def poller() -> zmq.Poller:
    return zmq.Poller()


@pytest.fixture
def asker(context: zmq.Context, router: zmq.Socket[bytes], poller: zmq.Poller) -> Iterator[Asker]:
    asker = Asker(context, "inproc://journal", poller)
    yield asker
    asker.end()


def asked(router: zmq.Socket[bytes]) -> tuple[bytes, Request]:
    assert router.poll(DEADLINE_MS)
    peer, *frames = router.recv_multipart()
    return peer, decode_request(frames)


def test_an_answer_wakes_the_poller_and_puts_the_next_request_off(
    asker: Asker, router: zmq.Socket[bytes], poller: zmq.Poller
) -> None:
    assert asker.wait_s(0) == 0
    asker.ask(REQUEST, 0)
    assert asker.wait_s(1) == ASK_AGAIN_S - 1
    peer, request = asked(router)
    assert request == REQUEST
    router.send_multipart([peer, b"message"])
    assert dict(poller.poll(DEADLINE_MS)) == {asker.socket: zmq.POLLIN}
    assert asker.receive(2) == [b"message"]
    assert (asker.wait_s(2), asker.silent_s(5)) == (ASK_AGAIN_S, 3)


def test_a_request_without_answer_is_repeated_on_a_new_socket(
    asker: Asker, router: zmq.Socket[bytes], poller: zmq.Poller
) -> None:
    asker.ask(REQUEST, 0)
    first, _ = asked(router)
    asker.ask(REQUEST, ASK_AGAIN_S)
    second, _ = asked(router)
    assert first != second
    assert asker.silent_s(ASK_AGAIN_S) == ASK_AGAIN_S  # counted from the first
    router.send_multipart([second, b"end"])
    assert len(poller.poll(DEADLINE_MS)) == 1


def test_patience_begins_anew_when_it_should(asker: Asker) -> None:
    asker.ask(REQUEST, 0)
    asker.be_patient(100)
    assert asker.silent_s(101) == 1


def test_the_end_of_a_conversation_leaves_no_socket(asker: Asker, poller: zmq.Poller) -> None:
    asker.ask(REQUEST, 0)
    asker.end()
    asker.end()
    assert asker.socket is None
    assert poller.sockets == []
    assert asker.wait_s(0) == 0


def test_what_is_no_address_is_refused_at_once(context: zmq.Context, poller: zmq.Poller) -> None:
    with pytest.raises(ConfigError, match="cannot subscribe to 'nowhere'"):
        Asker(context, "nowhere", poller)


def test_the_next_page_comes_over_the_same_conversation(asker: Asker, router: zmq.Socket[bytes]) -> None:
    with closing(router):
        asker.ask(REQUEST, 0)
        first, _ = asked(router)
        asker.go_on(REQUEST, 1)
        assert asked(router) == (first, REQUEST)
