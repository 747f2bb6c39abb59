"""Latency and throughput of the feed, and what a stalled subscriber costs the others; prints nothing."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import zmq

from quake_stream.bench.bed import Bed, Load, Sample
from quake_stream.bench.messages import detection

Report = Callable[[str, float], None]

_MAX_BURST: Final = 5000  # below what the publisher keeps for each subscriber, so that none is dropped
_STALL_HWM: Final = 1000
_STALL_BYTES: Final = 8_000_000  # more than the kernel keeps between two programs
_STALL_STEP: Final = 500  # below the limit, so that only the stalled subscriber loses messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """
    How much to measure.

    Messages a second and seconds for latency, deliveries for the highest rate, and pairs of rounds, without
    and with a stalled subscriber.
    """

    rate_hz: float = 50.0
    seconds: float = 2.0
    n_deliveries: int = 20_000
    n_pairs: int = 5


def measure(
    n_subscribers: Sequence[int], *, effort: Effort, n_stall_others: int, report: Report
) -> dict[str, Any]:
    """
    Measure each number of subscribers, plain and encrypted, and then the stalled subscriber.

    Latency is the time from ``created`` of a message, just before its body is built, to its arrival at a
    subscriber: encoding, journal, encryption and ZeroMQ.  Times are in ms.  The result is made of plain
    types, ready for JSON.

    Raises
    ------
    QuakeStreamError
        Subscribers do not connect or answer.
    """
    loads = [
        Load(n_subscribers=n, is_encrypted=encrypted) for encrypted in (False, True) for n in n_subscribers
    ]
    cases = []
    for i, load in enumerate(loads):
        report(f"{load.n_subscribers} subscribers, {_security(load)}", i / (len(loads) + 1))
        cases.append(_case(load, effort))
    report("a stalled subscriber", len(loads) / (len(loads) + 1))
    stalled = _stall(n_stall_others, effort)
    report("feed", 1.0)
    return {
        "machine": {
            "n_cores": os.cpu_count(),
            "load_1min": round(os.getloadavg()[0], 2),
            "libzmq": zmq.zmq_version(),
        },
        "effort": asdict(effort) | {"body_bytes": _body_bytes()},
        "cases": cases,
        "stalled": stalled,
    }


def _case(load: Load, effort: Effort) -> dict[str, Any]:
    with Bed(load) as bed:
        bed.burst(1)  # connections, files and caches are warm after it
        paced = bed.paced(rate_hz=effort.rate_hz, seconds=effort.seconds)
        burst = bed.burst(max(1, min(_MAX_BURST, effort.n_deliveries // load.n_subscribers)))
        n_processes = bed.n_processes
    rate_hz = burst.n_sent / (burst.took_ns / 1e9)
    return {
        "n_subscribers": load.n_subscribers,
        "n_processes": n_processes,
        "security": _security(load),
        **_summary([paced], load.n_subscribers),
        "messages_per_s": round(rate_hz, 1),
        "deliveries_per_s": round(rate_hz * load.n_subscribers, 1),
        "n_missed_at_full_rate": burst.n_sent * load.n_subscribers - len(burst.latencies_ns),
    }


def _stall(n_others: int, effort: Effort) -> dict[str, Any]:
    """Measure in turns, so that what else the machine does weighs on both sides."""
    with ExitStack() as stack:
        without, stalled = (
            stack.enter_context(Bed(Load(n_subscribers=n_others, n_stalled=n, send_hwm=_STALL_HWM)))
            for n in (0, 1)
        )
        n_unread = _STALL_HWM + _STALL_BYTES // _body_bytes()
        for bed in (without, stalled):
            for _ in range(-(-n_unread // _STALL_STEP)):
                bed.burst(_STALL_STEP)
        samples: dict[str, list[Sample]] = {"without": [], "with": []}
        for _ in range(effort.n_pairs):
            for name, bed in (("without", without), ("with", stalled)):
                samples[name].append(bed.paced(rate_hz=effort.rate_hz, seconds=effort.seconds / 2))
    result = {name: _summary(several, n_others) for name, several in samples.items()}
    # One pause of the machine decides a p99, so each pair has its ratio, and their median counts.
    pairs = [[_summary([one], n_others) for one in pair] for pair in zip(*samples.values(), strict=True)]
    ratio = {
        name: round(float(np.median([pair[1][name] / pair[0][name] for pair in pairs])), 2)
        for name in ("p50_ms", "p99_ms", "send_max_ms")
    }
    return {"n_others": n_others, "n_unread": n_unread, **result, "ratio": ratio}


def _summary(samples: Sequence[Sample], n_subscribers: int) -> dict[str, Any]:
    latencies_ms = np.concatenate([np.asarray(one.latencies_ns) for one in samples]) / 1e6
    p50, p99 = np.percentile(latencies_ms, [50, 99])
    n_sent = sum(one.n_sent for one in samples)
    return {
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
        "max_ms": round(float(latencies_ms.max()), 3),
        "send_max_ms": round(max(one.send_max_ns for one in samples) / 1e6, 3),
        "n_missed": n_sent * n_subscribers - len(latencies_ms),
    }


def _security(load: Load) -> str:
    return "CURVE" if load.is_encrypted else "NULL"


def _body_bytes() -> int:
    return len(json.dumps(detection(created_ns=0), separators=(",", ":")))
