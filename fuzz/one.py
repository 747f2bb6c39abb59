"""Run one target under libFuzzer: ``python -m fuzz.one NAME [libFuzzer's options] [corpus folders]``."""

import importlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris
import structlog

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  a folder of our own is made below it; files there cost no disk


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    with atheris.instrument_imports(include=["quake_stream"]):
        target = importlib.import_module(f"fuzz.targets.{sys.argv[1]}")
    # A log line for every refused input would be most of the work.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    base = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    with TemporaryDirectory(prefix="fuzz-", dir=base) as folder:
        atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: target.check(data, Path(folder)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
