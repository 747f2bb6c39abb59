"""
Print detections with plain pyzmq: ``python plain.py tcp://127.0.0.1:5561 15``, address and patience in s.

A third argument is the file with the keys of this subscriber, where the feed is encrypted.
"""

import json
import re
import struct
import sys
from pathlib import Path

import zmq

KNOWN = {"detection": 1, "heartbeat": 1}  # schemas, each with the major version that this program reads
_, address, patience_s, *key_file = sys.argv
socket = zmq.Context().socket(zmq.SUB)
socket.subscribe("")  # one sequence counts all topics, so with a filter here the others would look lost
socket.rcvtimeo = round(float(patience_s) * 1000)
for path in key_file:
    keys = dict(
        re.findall(r'^\s*(\w+)-key = "(.{40})"', Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    )
    socket.curve_publickey, socket.curve_secretkey = keys["public"].encode(), keys["secret"].encode()
    socket.curve_serverkey = keys["server"].encode()
socket.connect(address)
last_session, last = b"", 0
while True:
    try:
        topic, header, frame = socket.recv_multipart()
    except zmq.Again:
        print("silence: not even a heartbeat", flush=True)
        continue
    session, sequence = struct.unpack(">16sQ", header)
    if session != last_session:
        print(f"session {session.hex()} from message {sequence}", flush=True)
    elif sequence != last + 1:
        print(f"missed {sequence - last - 1} messages", flush=True)
    last_session, last = session, sequence
    body = json.loads(frame)
    _, kind, major = body["schema"].split("/")
    if int(major) > KNOWN.get(kind, int(major)):
        sys.exit(f"{body['schema']} is newer than this program")
    if kind == "heartbeat":
        print(f"heartbeat of {body['host']}: {body['stations']['ok']} instruments ok", flush=True)
    elif kind == "detection":
        text = f"{body['onset_time']} {topic.decode()} {body['state']} {body['peak_probability']:.2f}"
        print(text, flush=True)
