"""Configurations for tests that run the service: fast model, folders and ports of the test's own."""

import json
from pathlib import Path
from typing import Any


def write(folder: Path, *urls: str, source: str = "", name: str = "test", **sections: dict[str, Any]) -> Path:
    """
    Write ``folder/name.toml`` and return its path.

    ``source`` holds further lines for each source, ``sections`` further keys for each section.
    """
    service = {"state_dir": f"{folder}/s", "runtime_dir": f"{folder}/r", "save_interval_s": 0.5}
    keys: dict[str, dict[str, Any]] = {
        # What comes late on a busy machine is still scored.
        "model": {"name": "stalta", "max_latency_s": 270.0},
        "windows": {"ring_s": 300.0},
        "publish": {"bind": "tcp://127.0.0.1:*", "heartbeat_s": 0.1},
        "service": {"log_format": "json", **service},
    }
    for section, more in sections.items():
        keys[section] = keys.get(section, {}) | more
    lines = [line for url in urls for line in ("[[source]]", f'url = "{url}"', source)]
    for section, values in keys.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
