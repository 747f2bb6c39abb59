"""
Subscribers in a process of their own: ``python -m quake_stream.bench.reader``, told by JSON lines.

The first line on standard input says what to do (`Task`), the end of the input ends it.  A heartbeat ends a
round, and once every subscriber has it, one line on standard output tells what came in it (`Round`).
"""

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TextIO

import zmq

from quake_stream.publish.frames import decode_envelope
from quake_stream.publish.keys import ClientKey, KeyPair
from quake_stream.publish.sockets import connected
from quake_stream.publish.wire import HEARTBEAT_TOPIC

_STALLED_HWM: Final = 1  # so that what is not read piles up at the publisher, where it might hurt others


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """
    Who is to subscribe where.

    ``keys`` are the public and secret key of the subscribers and the public key of the feed, none where it
    is not encrypted.  Subscribers that are ``stalled`` connect and never read.
    """

    endpoint: str
    n_subscribers: int
    keys: tuple[str, ...] = ()
    stalled: bool = False


@dataclass(slots=True, kw_only=True)
class Round:
    """
    What all subscribers of the process received between two heartbeats: sequence and arrival of each message.

    Bodies are not read, so that the feed is measured and not how fast Python reads JSON.  Arrivals are by
    the monotonic clock, which is one for all processes of a machine.
    """

    sequences: list[int] = field(default_factory=list)
    received_ns: list[int] = field(default_factory=list)
    n_ended: int = 0  # subscribers that have seen the end

    def take(self, frames: list[bytes], received_ns: int) -> None:
        """Note one message."""
        topic, header = decode_envelope(frames)
        if topic == HEARTBEAT_TOPIC:
            self.n_ended += 1
        else:
            self.sequences.append(header.sequence)
            self.received_ns.append(received_ns)


def subscribe(task: Task, commands: TextIO, answers: TextIO) -> None:
    """Subscribe, and answer for each round until ``commands`` end."""
    key = None
    if task.keys:
        public, secret, server = task.keys
        key = ClientKey(pair=KeyPair(public=public, secret=secret), server=server)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    poller = zmq.Poller()
    poller.register(commands, zmq.POLLIN)
    try:
        for _ in range(task.n_subscribers):
            options = ((zmq.RCVHWM, _STALLED_HWM),) if task.stalled else ((zmq.RCVHWM, 10_000),)
            one = connected(context, zmq.SUB, task.endpoint, options=options, key=key)
            one.subscribe(b"")
            if not task.stalled:
                poller.register(one, zmq.POLLIN)
        _receive(task.n_subscribers, poller, answers)
    finally:
        context.destroy(linger=0)


def _receive(n_subscribers: int, poller: zmq.Poller, answers: TextIO) -> None:
    current = Round()
    while True:
        for ready, _ in poller.poll():
            if not isinstance(ready, zmq.Socket):
                return
            current.take(ready.recv_multipart(), time.monotonic_ns())
        if current.n_ended == n_subscribers:
            answers.write(json.dumps(asdict(current)) + "\n")
            answers.flush()
            current = Round()


def main() -> None:
    """Do what standard input says."""
    fields: dict[str, Any] = json.loads(sys.stdin.readline())
    subscribe(Task(**fields), sys.stdin, sys.stdout)


if __name__ == "__main__":
    main()
