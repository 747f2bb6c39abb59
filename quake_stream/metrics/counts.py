"""
Write every counter of the service as a metric of its own name.  Pure.

``packets.refused`` becomes ``quake_stream_packets_refused_total``, so that whoever has seen a count in the
log finds it here, and nothing that is counted can be left out.
"""

from collections import defaultdict
from collections.abc import Mapping

from quake_stream.counters import Key
from quake_stream.metrics.meanings import MEANINGS
from quake_stream.metrics.text import PREFIX, head, labels


def metric_name(counter: str) -> str:
    """``packets.refused`` → ``quake_stream_packets_refused_total``."""
    return f"{PREFIX}{counter.replace('.', '_')}_total"


def counter_metrics(counts: Mapping[Key, int]) -> str:
    """
    Write all counters; those in `MEANINGS` that have counted nothing yet are 0.

    Without the zeros the first loss would be no increase: Prometheus sees one between two values only.
    """
    lines: dict[str, list[str]] = defaultdict(list, {name: [] for name in MEANINGS})
    for key, n in counts.items():
        # A server's name has a port, a station's has none.
        place = "server" if ":" in key.station else "station"
        label = labels(reason=key.reason, **{place: key.station})
        lines[key.name].append(f"{metric_name(key.name)}{label} {n}\n")
    return "".join(
        head(name := metric_name(counter), "counter", MEANINGS.get(counter, f"Count of {counter}."))
        + ("".join(found) or f"{name} 0\n")
        for counter, found in sorted(lines.items())
    )
