"""Publishing on a real broker: Debian's mosquitto, started and killed by the test."""

import json
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager

import pytest
from bodies import detection
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from structlog.testing import capture_logs

from quake_stream.counters import Key
from quake_stream.errors import ConfigError
from quake_stream.export.mqtt import Broker, MqttSink, broker

DEADLINE_S = 20.0
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin")


def kept_port():
    """Bind a free port without listening: nobody else is given it, and who connects is refused."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    return one


class Mosquitto:
    """A broker on a port of its own, which can be killed and started again."""

    def __init__(self, folder):
        self._kept = kept_port()
        self.port = self._kept.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [MOSQUITTO, "-v", "-c", self._config],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stderr:  # it says so once its socket listens
            if " running" in line:
                break
        threading.Thread(target=self.process.stderr.read).start()

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def close(self):
        self.kill()
        self._kept.close()


@pytest.fixture
def mosquitto(tmp_path):
    if MOSQUITTO is None:
        pytest.skip("NOT RUN: no mosquitto here (apt-get install mosquitto)")
    one = Mosquitto(tmp_path)
    one.start()
    yield one
    one.close()


@contextmanager
def listener(port, n_wanted, topic="/detection/"):
    """Collect messages of a broker; gives the list and an event, set when enough of a topic are there."""
    got, enough, ready = [], threading.Event(), threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)

    def keep(_client, _data, message):
        got.append((message.topic, message.payload.decode(), message.retain))
        if len([one for one, _, _ in got if topic in one]) >= n_wanted:
            enough.set()

    client.on_connect = lambda *_: client.subscribe("#", qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = keep
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert ready.wait(DEADLINE_S)
    yield got, enough
    client.disconnect()
    client.loop_stop()


def target(port, **options):
    return Broker(host="127.0.0.1", port=port, tls=False, prefix="quake-stream", **options)


def test_detections_arrive_under_their_instrument_and_are_confirmed(mosquitto):
    with listener(mosquitto.port, 2) as (got, enough):
        sink = MqttSink(target(mosquitto.port))
        sink.write(detection("a"))
        sink.write(detection("b", location="00"))
        assert enough.wait(DEADLINE_S)
        sink.close()
    arrived = [(topic, json.loads(text), retain) for topic, text, retain in got if "/detection/" in topic]
    assert arrived == [
        ("quake-stream/detection/CX/PB01/--/HH", detection("a"), False),
        ("quake-stream/detection/CX/PB01/00/HH", detection("b", location="00"), False),
    ]
    assert sink.counts() == {Key("publications.confirmed"): 2}
    assert sink.n_waiting == 0


def test_who_comes_later_learns_that_the_exporter_is_gone(mosquitto):
    sink = MqttSink(target(mosquitto.port))
    sink.write(detection("a"))
    sink.close()
    assert sink.counts() == {Key("publications.confirmed"): 1}
    with listener(mosquitto.port, 1, "/exporter") as (got, enough):
        assert enough.wait(DEADLINE_S)
        retained = [(topic, text) for topic, text, retain in got if retain]
    assert retained == [("quake-stream/exporter", "offline")]


def test_a_broker_that_was_killed_gets_the_rest_when_it_is_back(mosquitto):
    sink = MqttSink(target(mosquitto.port))
    with listener(mosquitto.port, 1) as (_, enough):
        sink.write(detection("a"))
        assert enough.wait(DEADLINE_S)
    mosquitto.kill()
    sink.write(detection("b"))
    assert sink.n_waiting >= 1
    mosquitto.start()
    with listener(mosquitto.port, 1) as (_, enough):
        assert enough.wait(DEADLINE_S)
    sink.close()
    assert sink.counts()[Key("publications.confirmed")] == 2


def test_a_broker_that_is_not_there_costs_bounded_memory_and_time_and_is_said_once():
    with kept_port() as nobody, capture_logs() as logs:
        sink = MqttSink(target(nobody.getsockname()[1]), max_waiting=2, drain_s=0.1)
        for name in "abcd":
            sink.write(detection(name))
        assert sink.n_waiting == 2
        sink.close()
    assert sink.counts() == {
        Key("publications.dropped", "queue_full"): 2,
        Key("publications.dropped", "shutdown"): 2,
    }
    assert len([log for log in logs if log["event"] == "mqtt.unreachable"]) <= 1


def test_a_broker_that_refuses_is_said(mosquitto, tmp_path):
    mosquitto.kill()
    (tmp_path / "mosquitto.conf").write_text(f"listener {mosquitto.port} 127.0.0.1\nallow_anonymous false\n")
    mosquitto.start()
    refused = threading.Event()
    with capture_logs() as logs:
        sink = MqttSink(target(mosquitto.port, username="me", password="wrong"), drain_s=0.1)
        seen = sink._client.on_connect

        def on_connect(*args):
            seen(*args)
            refused.set()

        sink._client.on_connect = on_connect
        assert refused.wait(DEADLINE_S)
        sink.close()
    events = [log for log in logs if log["event"] == "mqtt.refused"]
    assert len(events) == 1
    assert "wrong" not in str(events)


def test_addresses_are_read_with_their_defaults():
    assert broker("mqtt://host") == Broker(host="host", port=1883, tls=False, prefix="quake-stream")
    assert broker("mqtts://me:s%40crt@host:1/a/b/") == Broker(
        host="host", port=1, tls=True, prefix="a/b", username="me", password="s@crt"
    )
    assert broker("mqtt://me:one@host", password="two").password == "two"
    assert "s@crt" not in repr(broker("mqtts://me:s%40crt@host"))


@pytest.mark.parametrize(
    "url", ["host", "http://host", "mqtt://", "mqtt://host:x", "mqtt://host/a/%23/#", "mqtt://h/+"]
)
def test_what_is_no_broker_is_refused(url):
    with pytest.raises(ConfigError, match="broker's address"):
        broker(url)
