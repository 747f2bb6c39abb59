"""Program that the story of the feed kills: publishes numbered messages, as many as it is told to."""

import os
import select
import sys
from pathlib import Path

import bodies

from quake_stream.publish.journal import Journal
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.sockets import replay_endpoint

SEND_HWM = 50  # little, so that a subscriber that stalls loses messages


def main(folder: Path, bind: str, first: int) -> None:
    journal = Journal(folder, max_bytes=100_000_000, max_age_s=86_400)
    with Publisher(bind, replay_bind=replay_endpoint(bind), journal=journal, send_hwm=SEND_HWM) as publisher:
        n = limit = first
        while True:  # until it is killed
            if n < limit:
                publisher.send("status.IU.ANMO.00.BH", bodies.status(n=n))
                publisher.poll()
                n += 1
                if n == limit:
                    print(n, flush=True)
            else:
                publisher.send("heartbeat", bodies.heartbeat())
                publisher.poll(0.05)
            if select.select([0], [], [], 0)[0]:
                limit = int(os.read(0, 65536).split()[-1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
