"""``quake-stream listen``: JSON lines to programs, a table to people, nothing missed in silence."""

import json
import os
import pty
import signal
import threading

import bodies
import pytest

from quake_stream.publish.journal import Journal
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.sockets import replay_endpoint

BODY = bodies.detection(state="end", peak_probability=0.98765, reason="off")


@pytest.fixture
def feed(tmp_path):
    """Publish two detections and a status in turn until the test ends; gives the address."""
    opened, done = threading.Event(), threading.Event()
    address = []

    def run():
        journal = Journal(tmp_path / "journal", max_bytes=1_000_000, max_age_s=1e6)
        address.append(f"ipc://{tmp_path}/feed")
        with Publisher(address[0], replay_bind=replay_endpoint(address[0]), journal=journal) as publisher:
            for n in range(3):
                publisher.send("detection.XX.EARLY.--.HH", BODY | {"revision": n})
            opened.set()
            while not done.wait(0.02):
                if publisher.n_subscriptions:
                    publisher.send("detection.CX.PB01.--.HH", BODY)
                    publisher.send("detection.IU.ANMO.00.BH", BODY)
                    publisher.send("status.IU.ANMO.00.BH", bodies.status())
                publisher.poll()

    thread = threading.Thread(target=run)
    thread.start()
    assert opened.wait(20)
    yield address[0]
    done.set()
    thread.join(20)
    assert not thread.is_alive()


def test_piped_output_is_one_json_object_a_line_until_enough_came(program, feed):
    listener = program("listen", feed, "--count", 3)
    assert listener.end() == 0
    messages = [json.loads(line) for line in listener.out]
    messages = [message for message in messages if "missed" not in message]
    assert len(messages) == 3
    assert {message["topic"] for message in messages} == {
        "detection.CX.PB01.--.HH",
        "detection.IU.ANMO.00.BH",
    }
    assert all(message["body"] == BODY for message in messages)
    assert listener.err == [f"listening on {feed} for detection.; Ctrl-C ends"]


def test_what_came_before_is_listed_on_demand_and_says_so(program, feed):
    listener = program("listen", feed, "--since", "1h", "--count", 4)
    assert listener.end() == 0
    messages = [json.loads(line) for line in listener.out]
    assert [message["body"]["revision"] for message in messages[:3]] == [0, 1, 2]
    assert all(message["replayed"] for message in messages[:3])


def test_a_time_that_is_none_is_wrong_usage(quake_stream):
    done = quake_stream("listen", "--since", "yesterday")
    assert done.status == 2
    assert "neither a duration such as 1h nor a UTC time" in done.err


def test_topics_choose(program, feed):
    listener = program("listen", feed, "--topic", "status.IU.", "--topic", "detection.CX.", "--count", 4)
    assert listener.end() == 0
    topics = {json.loads(line).get("topic") for line in listener.out} - {None}
    assert topics == {"detection.CX.PB01.--.HH", "status.IU.ANMO.00.BH"}


def test_a_terminal_gets_a_table(program, feed):
    ours, theirs = pty.openpty()
    with os.fdopen(ours) as screen:
        listener = program("listen", feed, "--count", 2, stdout=theirs)
        os.close(theirs)
        heading = screen.readline().split()
        rows = [screen.readline() for _ in range(2)]
        assert listener.end() == 0
    assert heading[:4] == ["onset", "(UTC)", "instrument", "state"]
    assert any("2010-05-27T16:24:33.315Z CX.PB01.--.HH   end      earthquake   0.99" in row for row in rows)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_though_nobody_publishes(program, number):
    listener = program("listen", "tcp://127.0.0.1:1")
    listener.until(lambda: bool(listener.err))
    assert listener.stop(number) == 0
    assert listener.out == []


def test_an_address_that_is_none_is_one_line(quake_stream):
    done = quake_stream("listen", "nowhere")
    assert done.status == 78
    assert done.err.startswith("quake-stream: cannot subscribe to 'nowhere'")
    assert len(done.err.splitlines()) == 1
