"""Say what the process takes from the host, under the names that every Prometheus client uses."""

import resource
import time
from pathlib import Path

from quake_stream.metrics.text import single

_PROC = Path("/proc/self")


def process_metrics(started_s: float) -> str:
    """Write processor time, memory, descriptors and threads; ``started_s`` is Unix time.  Raises OSError."""
    resident_pages = int((_PROC / "statm").read_text(encoding="ascii").split()[1])
    max_fds: float = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if max_fds == resource.RLIM_INFINITY:
        max_fds = float("inf")
    gauges = (
        ("resident_memory_bytes", "Memory in use.", resident_pages * resource.getpagesize()),
        ("open_fds", "Open file descriptors.", _n_entries("fd")),
        ("max_fds", "File descriptors that may be open.", max_fds),
        ("threads", "Threads, those of libraries included.", _n_entries("task")),
        ("start_time_seconds", "Start of the service, Unix time.", round(started_s, 3)),
    )
    cpu = single("process_cpu_seconds_total", "counter", "Processor time used.", time.process_time())
    return cpu + "".join(single(f"process_{name}", "gauge", meaning, n) for name, meaning, n in gauges)


def _n_entries(folder: str) -> int:
    return sum(1 for _ in (_PROC / folder).iterdir())
