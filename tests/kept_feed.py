"""A feed for workers under test: it keeps what is sent."""

import threading
from contextlib import contextmanager
from uuid import UUID

from quake_stream.counters import Key
from quake_stream.publish.frames import WireError


class KeptFeed:
    """Keeps what is sent, and tells who waits for it."""

    session = UUID(int=7)
    endpoint = "inproc://feed"
    replay_endpoint = "inproc://feed.replay"
    problem = ""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict]] = []
        self.changed = threading.Condition()
        self.is_open = False
        self.clients = {}
        self.refuses = lambda topic: False
        self.thread: threading.Thread | None = None

    @property
    def last_sequence(self) -> int:
        return len(self.sent)

    def send(self, topic, body) -> int:
        assert self.is_open
        if self.refuses(topic):
            raise WireError(f"the message on {topic!r} cannot be written")
        with self.changed:
            self.sent.append((topic, dict(body)))
            self.changed.notify_all()
        return len(self.sent)

    def poll(self) -> None:
        assert threading.current_thread() is self.thread

    def admit(self, clients) -> None:
        assert threading.current_thread() is self.thread
        with self.changed:
            self.clients = clients
            self.changed.notify_all()

    def counts(self):
        return {Key("messages.sent"): len(self.sent)}

    @contextmanager
    def open(self):
        self.is_open, self.thread = True, threading.current_thread()
        yield self
        self.is_open = False

    def until(self, predicate) -> None:
        with self.changed:
            assert self.changed.wait_for(predicate, 60), self.sent[-3:]

    def bodies(self, kind: str) -> list[dict]:
        return [body for topic, body in self.sent.copy() if topic.partition(".")[0] == kind]
