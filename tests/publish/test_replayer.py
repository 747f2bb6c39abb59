import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zmq
from journals import A, fill, frames

from quake_stream.counters import Key
from quake_stream.publish import replayer as module
from quake_stream.publish.journal import Journal
from quake_stream.publish.replayer import MAX_PAGES_PER_POLL, Replayer
from quake_stream.publish.requests import END, MESSAGE, Request, encode_request
from quake_stream.publish.sockets import connected

DEADLINE_MS = 20_000  # against hanging only


@pytest.fixture
def context() -> Iterator[zmq.Context]:
    with zmq.Context() as context:
        yield context


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal", max_bytes=10_000_000, max_age_s=1e6)) as journal:
        fill(journal, A, 1, 20)
        yield journal


@pytest.fixture
def replayer(context: zmq.Context, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replayer]:
    monkeypatch.setattr(module, "_REST", 0)  # no pause between two polls
    with closing(Replayer(context, "tcp://127.0.0.1:*", journal=journal, insecure=False)) as replayer:
        yield replayer


def ask(replayer: Replayer, peer: zmq.Socket[bytes], *request: bytes) -> list[list[bytes]]:
    """Send a request and give its whole answer."""
    peer.send_multipart(request)
    assert replayer.socket.poll(DEADLINE_MS)
    replayer.poll()
    replies = []
    while not replies or replies[-1][0] == MESSAGE:
        assert peer.poll(DEADLINE_MS)
        replies.append(peer.recv_multipart())
    return replies


@pytest.fixture
def peer(context: zmq.Context, replayer: Replayer) -> Iterator[zmq.Socket[bytes]]:
    with connected(context, zmq.DEALER, replayer.endpoint) as peer:
        yield peer


def test_any_program_can_ask_and_gets_the_same_frames_again(replayer: Replayer, peer: zmq.Socket) -> None:
    request = json.dumps({"session": str(A), "from": 3, "to": 4}).encode()
    *messages, end = ask(replayer, peer, request)
    assert messages == [[MESSAGE, *frames(A, n)] for n in (3, 4)]
    assert end[0] == END
    assert json.loads(end[1]) == {
        "schema": "quake-stream/end/1",
        "n_messages": 2,
        "found": True,
        "next": None,
    }
    assert replayer.counts() == {Key("requests.answered"): 1, Key("messages.replayed"): 2}


def test_the_end_of_a_page_holds_the_request_for_the_next(
    replayer: Replayer, peer: zmq.Socket, journal: Journal
) -> None:
    fill(journal, A, 21, 1200)
    n_messages, request = 0, b'{"since":"1970-01-01T00:00:00Z"}'
    for _ in range(3):
        replies = ask(replayer, peer, request)
        n_messages += len(replies) - 1
        more = json.loads(replies[-1][1])["next"]
        request = json.dumps(more).encode()
    assert (n_messages, more) == (1200, None)


@pytest.mark.parametrize("request_", [(b"hello",), (b"",), (b"{}", b"{}"), (b"\xff" * 100,)])
def test_what_is_no_request_is_refused_with_the_reason(
    replayer: Replayer, peer: zmq.Socket, request_: tuple[bytes, ...]
) -> None:
    ((kind, reason),) = ask(replayer, peer, *request_)
    assert kind == b"refused"
    assert reason
    assert replayer.counts() == {Key("requests.refused"): 1}


def test_without_a_journal_the_answer_is_empty(context: zmq.Context) -> None:
    with (
        closing(Replayer(context, "tcp://127.0.0.1:*", journal=None, insecure=False)) as replayer,
        connected(context, zmq.DEALER, replayer.endpoint) as peer,
    ):
        (end,) = ask(replayer, peer, *encode_request(Request(session=A)))
    assert json.loads(end[1])["found"] is False


def test_who_is_gone_costs_one_reply(replayer: Replayer, context: zmq.Context) -> None:
    with connected(context, zmq.DEALER, replayer.endpoint) as peer:
        peer.set(zmq.LINGER, DEADLINE_MS)
        peer.send_multipart(encode_request(Request(session=A)))
        assert replayer.socket.poll(DEADLINE_MS)
        peer.disconnect(replayer.endpoint)
        with connected(context, zmq.DEALER, replayer.endpoint) as other:
            other.send_multipart(encode_request(Request(session=A, last=1)))
            while not other.poll(10):
                replayer.poll()
    assert replayer.counts()[Key("requests.answered")] == 2


def test_a_flood_of_requests_is_answered_a_few_at_a_time(replayer: Replayer, peer: zmq.Socket) -> None:
    for _ in range(50):
        peer.send_multipart(encode_request(Request(session=A, last=1)))
    n_before = 0
    while n_before < 50:
        assert replayer.socket.poll(DEADLINE_MS)
        replayer.poll()
        n_answered = replayer.counts()[Key("requests.answered")]
        assert n_answered - n_before <= MAX_PAGES_PER_POLL
        n_before = n_answered


def test_after_an_answer_it_rests_so_that_publishing_goes_on(
    replayer: Replayer, peer: zmq.Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_REST", 1e9)
    ask(replayer, peer, *encode_request(Request(session=A)))
    peer.send_multipart(encode_request(Request(session=A)))
    assert replayer.socket.poll(DEADLINE_MS)
    replayer.poll()
    assert replayer.counts()[Key("requests.answered")] == 1
