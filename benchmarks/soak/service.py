# ruff: noqa: INP001  part of a script, no package
"""The service under test, as a process that is watched from outside: its folders under /proc, its log."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.request import urlopen

_READY_S = 600.0  # against hanging only
_END_S = 120.0
_CONFIG = """
[[source]]
url = "seedlink://127.0.0.1:{port}"
streams = ["BW.*"]
keepalive_s = 5.0
command_timeout_s = 5.0
[model]
name = "{model}"
[trigger]
hold_s = {hold_s}
[publish]
bind = "tcp://127.0.0.1:*"
heartbeat_s = 0.5
send_hwm = 50
journal_max_mb = 1
[metrics]
bind = "127.0.0.1:{metrics_port}"
[service]
state_dir = "{folder}/state"
runtime_dir = "{folder}/runtime"
save_interval_s = 1.0
queue_packets = 500
stale_after_s = 10.0
log_format = "json"
"""


class Service:
    """
    ``quake-stream run``, started at once.

    Parameters
    ----------
    folder
        Takes configuration, state and log.
    port, metrics_port
        Of the SeedLink server; where the metrics are.
    model
        Name of the model.

    Raises
    ------
    RuntimeError
        It ends, or is not ready in time; its log says why.
    """

    def __init__(self, folder: Path, *, port: int, metrics_port: int, model: str) -> None:
        self.n_reloads = 0
        self._folder = folder
        self._keys = {"folder": folder, "port": port, "metrics_port": metrics_port, "model": model}
        self._path = folder / "soak.toml"
        self._configure()
        self._ready = threading.Event()
        self._endpoints: dict[str, Any] = {}
        command = [sys.executable, "-m", "quake_stream", "run", str(self._path)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603  our own program
        self._reader = threading.Thread(target=self._copy_log, name="service-log")
        self._reader.start()
        if not self._ready.wait(_READY_S) or not self._endpoints:
            self.stop()
            raise RuntimeError(f"the service does not start; see {folder / 'service.log'}")

    @property
    def endpoints(self) -> tuple[str, str]:
        """Addresses of the feed and of its journal."""
        return self._endpoints["bind"], self._endpoints["replay_bind"]

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def reload(self) -> None:
        """Change a threshold and ask it to read its configuration again."""
        self.n_reloads += 1
        self._configure()
        self._process.send_signal(signal.SIGHUP)

    def sample(self) -> dict[str, float]:
        """Memory (MB), descriptors, threads and state on disk (MB), as the kernel counts them; metrics (kB)."""
        proc = Path(f"/proc/{self._process.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        ticks = (proc / "stat").read_text().rpartition(")")[2].split()
        return {
            "memory_mb": int(status["VmRSS"].split()[0]) / 1024,
            "descriptors": len(list((proc / "fd").iterdir())),
            "threads": int(status["Threads"]),
            "cpu_s": (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"),
            "state_mb": _size(self._folder / "state") / 1e6,
            "metrics_kb": len(self._metrics()) / 1e3,
        }

    def health(self) -> dict[str, Any]:
        """Report of the service about itself; empty where it has not written one yet."""
        try:
            report: dict[str, Any] = json.loads((self._folder / "runtime" / "soak.health.json").read_bytes())
        except FileNotFoundError:
            return {}
        return report

    def _metrics(self) -> bytes:
        url = f"http://127.0.0.1:{self._keys['metrics_port']}/metrics"
        with urlopen(url, timeout=_END_S) as page:
            content: bytes = page.read()
        return content

    def stop(self) -> int:
        """Ask it to end, and return the exit status; kill it where it does not."""
        self._process.terminate()
        try:
            status = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait(_END_S)
        self._reader.join(_END_S)
        assert self._process.stderr is not None
        self._process.stderr.close()
        return status

    def _configure(self) -> None:
        text = _CONFIG.format(hold_s=2.0 + self.n_reloads % 2, **self._keys)
        self._path.write_text(text, encoding="utf-8")

    def _copy_log(self) -> None:
        assert self._process.stderr is not None
        with (self._folder / "service.log").open("w", encoding="utf-8") as log:
            for line in self._process.stderr:
                log.write(line)
                if not self._ready.is_set() and '"service.ready"' in line:
                    self._endpoints = json.loads(line)
                    self._ready.set()
        self._ready.set()  # over


def _size(folder: Path) -> int:
    """Bytes of all files; those that vanish meanwhile have none."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
