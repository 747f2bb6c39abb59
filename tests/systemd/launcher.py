#!/opt/quake-stream/venv/bin/python3
"""
The program ``quake-stream`` in the sandbox, with faults that files in /etc/quake-stream/faults switch on.

Everything else is the program itself, from the checkout that is tested.
"""

import sys
import threading
import time
from functools import wraps
from pathlib import Path

sys.path.insert(0, "/opt/quake-stream/src")

FAULTS = Path("/etc/quake-stream/faults")


def fail(cls, method, name, trouble) -> None:
    """Let ``trouble`` happen before a method, as long as there is a file of this name."""
    original = getattr(cls, method)

    @wraps(original)
    def wrapped(*args, **kwargs):
        if (FAULTS / name).exists():
            trouble()
        return original(*args, **kwargs)

    setattr(cls, method, wrapped)


def hang() -> None:
    threading.Event().wait()


def be_slow() -> None:
    time.sleep(2.0)


def eat_memory() -> None:
    print(len(bytearray(8 << 30)))  # more than LimitAS= of the unit


if __name__ == "__main__":
    from quake_stream.cli import main
    from quake_stream.ingest.resume import ResumeStore
    from quake_stream.models.stalta import StaLtaModel
    from quake_stream.pipeline import Pipeline

    if FAULTS.is_dir():
        fail(StaLtaModel, "predict", "hang-inference", hang)
        fail(StaLtaModel, "predict", "slow-inference", be_slow)
        fail(Pipeline, "receive", "eat-memory", eat_memory)
        fail(ResumeStore, "save", "hang-save", hang)
    main()
