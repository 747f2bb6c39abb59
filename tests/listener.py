"""A subscriber in a thread of its own, which was there from the start and never leaves."""

import threading
from collections.abc import Callable

from bodies import comparable
from program import DEADLINE_S

from quake_stream.publish.subscriber import Message, Missed, Subscriber


class Listener:
    """Collects what it is told of detections, and what it missed."""

    def __init__(self, endpoint: str, *, deadline_s: float = DEADLINE_S) -> None:
        self.bodies: list[dict[str, object]] = []
        self.missed: list[Missed] = []
        self._deadline_s = deadline_s
        self._changed = threading.Condition()
        self._subscriber = Subscriber(endpoint, since_ns=0)
        self._thread = threading.Thread(target=self._listen, name="listener")
        self._thread.start()

    def _listen(self) -> None:
        for item in self._subscriber:
            with self._changed:
                if isinstance(item, Missed):
                    self.missed.append(item)
                elif isinstance(item, Message) and item.topic.startswith("detection."):
                    self.bodies.append(dict(item.body))
                self._changed.notify_all()

    def wait_for(self, predicate: Callable[[], bool]) -> bool:
        """Wait for something that a message brings; whether it came."""
        with self._changed:
            return self._changed.wait_for(predicate, self._deadline_s)

    def told(self) -> set[str]:
        """All that was told of detections, but what the end of a process cut short."""
        return {comparable(body) for body in self.bodies if body["reason"] != "shutdown"}

    def close(self) -> None:
        self._subscriber.stop()
        self._thread.join(self._deadline_s)
        assert not self._thread.is_alive()
        self._subscriber.close()
