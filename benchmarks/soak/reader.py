# ruff: noqa: INP001  part of a script, no package
"""Subscribers in threads: one that reads all, others that stop reading now and then."""

import threading
from typing import Self

import zmq

from quake_stream.publish.subscriber import Message, Missed, Subscriber
from quake_stream.types import NS_PER_S

_TIMEOUT_S = 0.5
_END_S = 120.0
_STALLING_BYTES = 4096
_STALLING_HWM = 10
_MAX_IDS = 10_000  # detections that a doubled one is looked for in


class Reader:
    """
    Count what a subscriber gets; a context manager.

    ``n_missed`` are messages lost for good, ``n_doubled`` revisions of a detection that came twice.
    """

    def __init__(self, endpoint: str, replay: str, *, is_stalling: bool = False) -> None:
        self.n_missed = 0
        self.n_doubled = 0
        self.n_replayed = 0
        self.n_detections = 0
        self.queue_packets = 0
        self._last_ids: dict[str, int] = {}
        self._delays_ms: list[float] = []
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._awake.set()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        if is_stalling:  # what it leaves unread shall wait at the service, not in the kernel
            self._context.rcvbuf = _STALLING_BYTES
        self._subscriber = Subscriber(
            endpoint,
            replay=replay,
            timeout_s=_TIMEOUT_S,
            since_ns=0,  # what was sent before it was there is no loss
            recv_hwm=_STALLING_HWM if is_stalling else 10_000,
            context=self._context,
        )
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="reader")

    def stall(self) -> None:
        """Stop reading."""
        self._awake.clear()

    def wake(self) -> None:
        """Read on."""
        self._awake.set()

    def take_delays_ms(self) -> list[float]:
        """Delays of the detections since the last call, from the queue of windows to here (ms)."""
        with self._lock:
            delays_ms, self._delays_ms = self._delays_ms, []
        return delays_ms

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._subscriber.stop()
        self.wake()
        self._thread.join(_END_S)
        self._subscriber.close()
        self._context.term()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._read()
        except Exception as exc:  # noqa: BLE001  kept, and raised where the reader is closed
            self._failure = exc

    def _read(self) -> None:
        while True:
            self._awake.wait()
            try:
                item = self._subscriber.receive()
            except TimeoutError:
                continue
            if item is None:
                return
            if isinstance(item, Missed):
                self.n_missed += item.count
            else:
                self._take(item)

    def _take(self, message: Message) -> None:
        body = message.body
        kind = message.topic.partition(".")[0]
        self.n_replayed += message.replayed
        if kind == "heartbeat":
            self.queue_packets = body["queue_depth"]
        if kind != "detection":
            return
        self.n_detections += body["revision"] == 0
        self.n_doubled += body["revision"] <= self._last_ids.get(body["id"], -1)
        self._last_ids[body["id"]] = body["revision"]
        if len(self._last_ids) > _MAX_IDS:
            self._last_ids.pop(next(iter(self._last_ids)))
        if not message.replayed:
            delay_s = (message.received_ns - body["created_ns"]) / NS_PER_S
            delay_s += body["latency_s"]["queue"] + body["latency_s"]["inference"]
            with self._lock:
                self._delays_ms.append(delay_s * 1000)
