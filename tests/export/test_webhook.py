"""Posting: against a web server on loopback, and against answers that the test plays."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import tenacity
from bodies import detection
from structlog.testing import capture_logs

from quake_stream.counters import Key
from quake_stream.errors import ConfigError
from quake_stream.export.templates import template
from quake_stream.export.webhook import MAX_WAIT_S, Webhook, _retry_after_s, _TransientError

URL = "https://hooks.example.org/services/secret"


@contextmanager
def server(*statuses):
    """Answer with these statuses, the last one for ever; gives address and what was posted."""
    posts = []
    answers = iter(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posts.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(next(answers, statuses[-1]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{one.server_port}/hook", posts
        finally:
            one.shutdown()
            thread.join(20)
            assert not thread.is_alive()


def webhook(url=URL, *answers, **options):
    """Make a receiver; with answers (statuses or exceptions) these are played instead of a network."""
    transport = None
    if answers:
        played = iter(answers)

        def handle(_):
            answer = next(played)
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, httpx.Response) else httpx.Response(answer)

        transport = httpx.MockTransport(handle)
    options = {"first_wait_s": 0.0, "transport": transport} | options
    hurry = options.pop("hurry", threading.Event())
    return Webhook(template("json", url), hurry, **options)


def test_a_detection_arrives_as_json_with_the_token():
    with server(200) as (url, posts):
        receiver = webhook(url, token="abc")
        assert receiver.deliver(detection()) == ""
        receiver.close()
    ((headers, content),) = posts
    assert json.loads(content) == detection()
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer abc"


def test_a_server_that_is_ill_for_a_while_gets_it_in_the_end():
    with server(503, 429, 200) as (url, posts):
        receiver = webhook(url)
        assert receiver.deliver(detection()) == ""
        receiver.close()
    assert len(posts) == 3
    assert receiver.counts() == {Key("posts.retried"): 2}


def test_a_server_that_is_not_there_is_tried_again():
    receiver = webhook(URL, httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), 204)
    assert receiver.deliver(detection()) == ""
    assert receiver.counts() == {Key("posts.retried"): 2}


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_a_refusal_for_good_is_not_tried_again(status):
    receiver = webhook(URL, status)
    assert receiver.deliver(detection()) == f"http_{status}"
    assert receiver.counts() == {}


def test_it_gives_up_in_the_end_with_the_reason():
    receiver = webhook(URL, 500, give_up_s=0.0)
    assert receiver.deliver(detection()) == "http_500"
    receiver = webhook(URL, httpx.ConnectError("refused"), give_up_s=0.0)
    assert receiver.deliver(detection()) == "connection"


def test_a_stop_ends_the_waiting_at_once():
    hurry = threading.Event()
    tried = threading.Event()

    def handle(_):
        tried.set()
        return httpx.Response(503, headers={"Retry-After": "60"})

    receiver = webhook(hurry=hurry, transport=httpx.MockTransport(handle))
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(receiver.deliver(detection())))
    thread.start()
    assert tried.wait(20)
    hurry.set()
    thread.join(20)
    assert outcome == ["http_503"]


@pytest.mark.parametrize(("asked", "waited"), [(5.0, 5.0), (9999.0, MAX_WAIT_S)])
def test_it_waits_as_long_as_the_server_asks_within_bounds(asked, waited):
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    state.set_exception((_TransientError, _TransientError("http_429", retry_after_s=asked), None))
    assert _retry_after_s(state) == waited


def test_failing_and_recovery_are_logged_once_each_and_no_secret_is():
    receiver = webhook(URL, 503, 503, 200, 200, 404, token="token-secret")
    with capture_logs() as logs:
        for _ in range(3):
            receiver.deliver(detection())
    events = [log["event"] for log in logs]
    assert events == ["webhook.failing", "webhook.recovered", "webhook.failing", "webhook.gave_up"]
    assert "secret" not in str(logs)


def test_a_token_that_cannot_be_a_header_is_refused_without_being_shown():
    with pytest.raises(ConfigError) as refused:
        webhook(token="sécret")
    assert "cret" not in str(refused.value)
