"""
Publish detections on an MQTT broker, one topic for each instrument.

The client library keeps the connection in a thread of its own and what is not out yet in memory, up to
a bound; what comes beyond that is refused and counted.
"""

import contextlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import structlog
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from quake_stream.counters import Counters, Key, merge
from quake_stream.errors import ConfigError
from quake_stream.formats import Body

MAX_WAITING: Final = 1000
DRAIN_S: Final = 10.0
_FAREWELL_S: Final = 2.0
_AT_LEAST_ONCE: Final = 1  # MQTT's quality of service: the broker confirms each message
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where to publish; ``prefix`` begins every topic."""

    host: str
    port: int
    tls: bool
    prefix: str
    username: str = ""
    password: str = field(default="", repr=False)


def broker(url: str, *, password: str = "") -> Broker:
    """
    Read ``mqtt[s]://[user[:password]@]host[:port][/prefix]``; ``password`` goes first when given.

    Raises
    ------
    ConfigError
        It is no such address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ConfigError("the broker's address has no valid host and port") from exc
    prefix = parts.path.strip("/") or "quake-stream"
    if parts.scheme not in _PORTS or not parts.hostname or set("+#?") & set(url.rpartition("@")[2]):
        raise ConfigError("a broker's address looks like mqtt://host:1883/prefix or mqtts://host")
    return Broker(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        prefix=prefix,
        username=unquote(parts.username or ""),
        password=password or unquote(parts.password or ""),
    )


class MqttSink:
    """
    Publish each message to ``<prefix>/detection/<network>/<station>/<location or -->/<band and source>``.

    The retained topic ``<prefix>/exporter`` says ``online`` or ``offline``, the latter also when this
    program dies.  Detections are never retained: one of last week must not greet who subscribes today.
    """

    def __init__(self, target: Broker, *, max_waiting: int = MAX_WAITING, drain_s: float = DRAIN_S) -> None:
        self._target = target
        self._drain_s = drain_s
        self._counters = Counters()  # of the thread that writes
        self._confirmed = Counters()  # of the client's thread
        self._n_accepted = 0
        self._changed = threading.Condition()
        self._presence = f"{target.prefix}/exporter"
        self._presence_ids: set[int] = set()  # of the client's thread: packets that are no detections
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.max_queued_messages_set(max_waiting)
        self._client.reconnect_delay_set(min_delay=1, max_delay=60)
        self._client.will_set(self._presence, "offline", qos=_AT_LEAST_ONCE, retain=True)
        if target.username:
            self._client.username_pw_set(target.username, target.password or None)
        if target.tls:
            self._client.tls_set()
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._failing = False
        self._client.connect_async(target.host, target.port)
        self._client.loop_start()

    @property
    def n_waiting(self) -> int:
        """Messages that the broker has not confirmed yet."""
        return self._n_accepted - self._confirmed.total("publications.confirmed")

    def write(self, body: Body) -> None:
        """Publish one message, never waiting; counted as dropped where too many wait already."""
        kind = body["channels"][0][:2] or "--"
        parts = ("detection", body["network"], body["station"], body["location"] or "--", kind)
        topic = "/".join([self._target.prefix, *parts])
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        sent = self._client.publish(topic, content, qos=_AT_LEAST_ONCE)
        if sent.rc == paho.MQTT_ERR_QUEUE_SIZE:
            self._counters.add("publications.dropped", reason="queue_full")
        else:
            self._n_accepted += 1  # whether connected or not: the client sends it when it can

    def settle(self) -> None:
        """Nothing: the broker confirms each message."""

    def close(self) -> None:
        """Wait at most ``drain_s`` for confirmations, say good-bye and count what never got one."""
        with self._changed:
            self._changed.wait_for(lambda: self.n_waiting <= 0, self._drain_s)
        self._client.on_publish = None
        if n_lost := self.n_waiting:
            self._counters.add("publications.dropped", n_lost, reason="shutdown")
        if self._client.is_connected():
            farewell = self._client.publish(self._presence, "offline", qos=_AT_LEAST_ONCE, retain=True)
            with contextlib.suppress(RuntimeError):  # the connection broke: the will says the same
                farewell.wait_for_publish(_FAREWELL_S)
        self._client.disconnect()
        self._client.loop_stop()

    def counts(self) -> Mapping[Key, int]:
        """``publications.confirmed`` and ``.dropped`` by reason."""
        return merge([self._counters.snapshot(), self._confirmed.snapshot()])

    def _on_connect(self, _client: object, _data: object, _flags: object, code: Any, _more: object) -> None:
        if code.is_failure:
            self._fail("mqtt.refused", str(code))
            return
        self._failing = False
        log.info("mqtt.connected", host=self._target.host, port=self._target.port)
        sent = self._client.publish(self._presence, "online", qos=_AT_LEAST_ONCE, retain=True)
        self._presence_ids.add(sent.mid)

    def _on_connect_fail(self, _client: object, _data: object) -> None:
        self._fail("mqtt.unreachable", "no connection")

    def _on_disconnect(
        self, _client: object, _data: object, _flags: object, code: Any, _more: object
    ) -> None:
        if code.is_failure:
            self._fail("mqtt.disconnected", str(code))

    def _on_publish(self, _client: object, _data: object, packet: int, _code: Any, _more: object) -> None:
        if packet in self._presence_ids:
            self._presence_ids.discard(packet)
            return
        with self._changed:
            self._confirmed.add("publications.confirmed")
            self._changed.notify_all()

    def _fail(self, event: str, problem: str) -> None:
        """Log the first problem only; the client tries again by itself."""
        if not self._failing:
            log.warning(event, host=self._target.host, port=self._target.port, problem=problem)
        self._failing = True
