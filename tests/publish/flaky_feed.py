"""Program that the replay test kills: publishes numbered messages from wherever the run before came."""

import sys
from pathlib import Path

from quake_stream.publish.journal import Journal
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.sockets import replay_endpoint

SCHEMA = "quake-stream/status/1"


def main(folder: Path, bind: str, first: int, end: int, per_poll: int) -> None:
    journal = Journal(folder / "journal", max_bytes=50_000_000, max_age_s=86_400)
    with Publisher(bind, replay_bind=replay_endpoint(bind), journal=journal, send_hwm=50) as publisher:
        for n in range(first, end):
            publisher.send("status.XX.A.--.HH", {"schema": SCHEMA, "n": n, "padding": "x" * 200})
            if n % per_poll == 0:
                publisher.poll(0.002)
        while True:  # until it is killed
            publisher.send("heartbeat", {"schema": "quake-stream/heartbeat/1"})
            publisher.poll(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
