"""
Write every counter of the service as a metric of its own name.  Pure.

``packets.refused`` becomes ``quake_stream_packets_refused_total``, so that whoever has seen a count in the
log finds it here, and nothing that is counted can be left out.
"""

from collections.abc import Mapping

from quake_stream.counters import Key
from quake_stream.metrics.meanings import MEANINGS
from quake_stream.metrics.text import PREFIX, escape, head


def metric_name(counter: str) -> str:
    """``packets.refused`` → ``quake_stream_packets_refused_total``."""
    return f"{PREFIX}{counter.replace('.', '_')}_total"


def counter_metrics(counts: Mapping[Key, int]) -> str:
    """
    Write all counters, with those in `MEANINGS` that have counted nothing yet.

    Each has a value without labels, 0 unless something was counted so.  Without it the first loss would be no
    increase: Prometheus sees one between two values only.
    """
    names = {*MEANINGS, *(key.name for key in counts)}
    lines = {name: [] if Key(name) in counts else [" 0\n"] for name in names}
    places: dict[str, str] = {"": ""}
    # Thousands of stations times some reasons: each step here is worth its microsecond.
    for (name, reason, station), n in counts.items():
        place = places.get(station)
        if place is None:
            place = places[station] = _place(station)
        why = f'reason="{escape(reason)}"' if reason else ""
        label = f"{{{why}{',' if why and place else ''}{place}}}" if why or place else ""
        lines[name].append(f"{label} {n}\n")
    return "".join(
        head(name := metric_name(counter), "counter", MEANINGS.get(counter, f"Count of {counter}."))
        + "".join([f"{name}{line}" for line in found])
        for counter, found in sorted(lines.items())
    )


def _place(station: str) -> str:
    """Write the label of a station or, with its port, a server."""
    return f'{"server" if ":" in station else "station"}="{escape(station)}"'
