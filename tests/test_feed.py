"""The whole story of the feed: what happens to either side, a subscriber gets every message once."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quake_stream.publish.segment import scan
from quake_stream.publish.subscriber import Message, Missed, Subscriber

N_MESSAGES = 20_000
STEP = 500  # messages that may be under way
STALL_EVERY = 2500
BEHIND = 1500  # messages that pass during a stall: far more than all the queues take
KILL_AFTER = (3100, 7100, 11_100, 15_100)
TORN = b"\0\0\1\0torn"


class Feed:
    """The program that is killed, and started again where it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "journal"
        self.bind = f"ipc://{folder}/feed"
        self.start()

    def start(self) -> None:
        self.limit = self.n_journalled()
        program = Path(__file__).with_name("flaky_feed.py")
        self.process = subprocess.Popen(
            [sys.executable, program, self.folder, self.bind, str(self.limit)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def allow(self, limit: int) -> None:
        """Let it publish so many messages in all."""
        limit = min(limit, N_MESSAGES)
        if limit > self.limit:
            self.limit = limit
            print(limit, file=self.process.stdin, flush=True)

    def wait(self) -> None:
        """Wait until all that it may publish is published."""
        assert self.process.stdout
        while int(self.process.stdout.readline()) < self.limit:
            pass

    def kill(self) -> None:
        """Kill it without warning."""
        self.process.kill()
        self.process.communicate()

    def n_journalled(self) -> int:
        segments = [scan(path)[0] for path in self.folder.glob("*.journal")]
        return sum(
            entry.frames[0] != b"heartbeat" for segment in segments if segment for entry in segment.read(1)
        )


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    feed = Feed(tmp_path)
    yield feed
    feed.kill()


@pytest.mark.fault(34)
def test_stalls_kills_and_a_torn_record_lose_and_double_nothing(feed: Feed) -> None:
    numbers: list[int] = []
    replayed: set[int] = set()
    kills = list(KILL_AFTER)
    feed.allow(STEP)
    with Subscriber(feed.bind, since_ns=0, timeout_s=60, recv_hwm=50) as subscriber:
        while len(numbers) < N_MESSAGES:
            item = subscriber.receive()
            assert not isinstance(item, Missed), item
            assert isinstance(item, Message)
            if item.topic == "heartbeat":
                continue
            numbers.append(item.body["n"])
            if item.replayed:
                replayed.add(item.body["n"])
            if len(numbers) % 100 == 0:
                feed.allow(len(numbers) + STEP)
            if len(numbers) % STALL_EVERY == 0:
                feed.allow(len(numbers) + BEHIND)
                feed.wait()
            if kills and len(numbers) == kills[0]:
                del kills[0]
                feed.kill()
                if not kills:
                    with max(feed.folder.glob("*.journal")).open("ab") as file:
                        file.write(TORN)
                feed.start()
    assert numbers == list(range(N_MESSAGES))
    assert 0 < len(replayed) < N_MESSAGES
    assert [path.read_bytes() for path in feed.folder.glob("*.damaged-1")] == [TORN]
