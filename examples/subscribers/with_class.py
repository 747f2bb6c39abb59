"""Print detections of the last hour, then as they come: ``python with_class.py tcp://127.0.0.1:5561``."""

import sys
import time

from quake_stream.publish.subscriber import Missed, Subscriber

for item in Subscriber(sys.argv[1], topics=("detection.",), since_ns=time.time_ns() - 3600 * 10**9):
    if isinstance(item, Missed):
        print(f"missed {item.count} messages", flush=True)
    else:
        print(item.body["onset_time"], item.topic, item.body["state"], flush=True)
