"""Make what the targets begin with: small, valid inputs, by the code of the service itself."""

import json
from collections.abc import Iterator
from functools import cache
from uuid import UUID

import numpy as np
from pymseed import MS3Record

from quake_stream.mseed.header import peek
from quake_stream.publish.frames import Header, encode
from quake_stream.replay.info import ServerFacts
from quake_stream.replay.ring import Ring

_KINDS = {1: (np.int32, "i"), 3: (np.int32, "i"), 4: (np.float32, "f"), 5: (np.float64, "d")}
_KINDS |= {10: _KINDS[3], 11: _KINDS[3]}


@cache
def records() -> tuple[bytes, ...]:
    """One record of each version and encoding."""
    return tuple(_records())


def _records() -> Iterator[bytes]:
    for version in (2, 3):
        for encoding, (dtype, letter) in _KINDS.items():
            made = MS3Record(reclen=256, encoding=encoding)
            made.sourceid, made.starttime, made.samprate = (
                "FDSN:XX_AAA_00_B_H_Z",
                1_700_000_000 * 10**9,
                100.0,
            )
            made.formatversion = version
            samples = (np.arange(40) % 7).astype(dtype)
            yield from (bytes(record) for record in made.generate(data_samples=samples, sample_type=letter))


def message(sequence: int = 1, **fields: object) -> list[bytes]:
    """Three frames of a status message; ``fields`` replace those of its body."""
    body = {"schema": "quake-stream/status/1", "state": "ok", "since": "2026-01-01T00:00:00Z"} | fields
    return encode("status.XX.AAA.00.BH", Header(session=UUID(int=1), sequence=sequence), body)


def detection() -> bytes:
    """Body of a detection message."""
    body = {
        "schema": "quake-stream/detection/1",
        "id": "00ff",
        "state": "new",
        "revision": 0,
        "network": "XX",
        "station": "AAA",
        "location": "",
        "channels": ["HHZ"],
        "source_id": "FDSN:XX_AAA__H_H",
        "onset_time": "2026-01-01T00:00:00Z",
        "onset_uncertainty_s": None,
        "on_time": "2026-01-01T00:00:01Z",
        "off_time": None,
        "class": "earthquake",
        "peak_probability": 0.98,
        "n_windows": 3,
        "amplitude_counts": 1.0,
        "snr_db": 20.0,
        "latency_s": {"total": 1.0},
        "reason": "",
        "model": {"name": "tiny", "version": "1", "sha256": ""},
        "processing": "live",
        "author": "",
        "agency": "",
        "created": "2026-01-01T00:00:02Z",
    }
    return json.dumps(body).encode()


@cache
def served() -> tuple[Ring, ServerFacts]:
    """Make what the server has; no session changes it."""
    ring = Ring(max_bytes=2000, is_shared=True, first_sequence=1)
    streams = {}
    for record in records():
        header = peek(record)
        ring.append(record, header.source_id, start_ns=header.start_ns, end_ns=header.end_ns)
        streams[header.source_id] = header.start_ns
    facts = ServerFacts(
        software="fuzz",
        organization="nobody",
        started_ns=0,
        has_wildcards=True,
        streams=streams,
        stations=frozenset((source.network, source.station) for source in streams),
    )
    return ring, facts
