"""
Print detections of the last hour, then as they come: ``python with_class.py tcp://127.0.0.1:5561``.

A second argument is the file with the keys of this subscriber, where the feed is encrypted.
"""

import sys
import time

from quake_stream.publish.subscriber import Missed, Subscriber

address, key = [*sys.argv[1:], None][:2]
an_hour_ago_ns = time.time_ns() - 3600 * 10**9
for item in Subscriber(address, topics=("detection.",), since_ns=an_hour_ago_ns, key=key):
    if isinstance(item, Missed):
        print(f"missed {item.count} messages", flush=True)
    else:
        print(item.body["onset_time"], item.topic, item.body["state"], flush=True)
