"""Exporters as programs: a real feed, a signal at the end."""

import json
import signal
import threading

import pytest
import structlog
from bodies import detection

from quake_stream.errors import ConfigError
from quake_stream.export import program
from quake_stream.publish.publisher import Publisher


class Sink:
    """Stops the program like an operator once it was given enough."""

    n_waiting = 0

    def __init__(self, number, n_wanted):
        self.got = []
        self.closed = False
        self._number = number
        self._n_wanted = n_wanted

    def write(self, body):
        self.got.append(body["id"])
        if len(self.got) == self._n_wanted:
            signal.raise_signal(self._number)

    def settle(self):
        pass

    def close(self):
        self.closed = True

    def counts(self):
        return {}


@pytest.fixture
def endless_feed():
    """Publish the same detections over and over until the test ends; gives the address."""
    opened, done = threading.Event(), threading.Event()
    address = []

    def run():
        with Publisher("tcp://127.0.0.1:*", linger_ms=0) as publisher:
            address.append(publisher.endpoint)
            opened.set()
            while not done.wait(0.01):
                if publisher.n_subscriptions:
                    publisher.send("detection.CX.PB01.--.HH", detection("a"))
                    publisher.send("detection.CX.PB01.--.HH", detection("b", "update"))
                publisher.poll()

    thread = threading.Thread(target=run)
    thread.start()
    assert opened.wait(20)
    yield address[0]
    done.set()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(endless_feed, number, capsys):
    before = signal.getsignal(number)
    sink = Sink(number, n_wanted=3)
    try:
        program.run(lambda: sink, connect=endless_feed, states={"new"}, min_probability=0.0)
    finally:
        structlog.reset_defaults()
    assert sink.got == ["a", "a", "a"]
    assert sink.closed
    assert signal.getsignal(number) is before
    logs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [log["event"] for log in logs] == ["export.started", "export.stopped"]
    assert logs[1]["counts"]["detections.exported"] == 3


def test_an_address_that_is_none_is_refused_before_the_sink_is_made():
    with pytest.raises(ConfigError, match="cannot subscribe"):
        program.run(lambda: pytest.fail("made"), connect="nowhere", states={"new"}, min_probability=0.0)
    structlog.reset_defaults()
