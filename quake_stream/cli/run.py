"""``quake-stream run``: the service."""

from pathlib import Path
from typing import Annotated

import typer

from quake_stream.memory import keep_freed_memory, look_for_garbage_often


def run(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", help="Configuration file; config/quake-stream.toml has every key."),
    ],
) -> None:
    """
    Run the service until SIGTERM or Ctrl-C.

    SIGHUP reads the configuration again: thresholds, station overrides, log level and who may subscribe
    change at once; a file with mistakes is refused and the old one stays.

    Example: `quake-stream run config/raspberry-shake.toml`
    """
    keep_freed_memory()  # before anything large is loaded
    from quake_stream import log  # noqa: PLC0415  torch and ObsPy load slowly; --help does not need them
    from quake_stream.config import load  # noqa: PLC0415  likewise
    from quake_stream.service import Service  # noqa: PLC0415  likewise

    settings = load(config)
    log.configure(settings.service.log_level, settings.service.log_format)
    service = Service(settings, config)
    look_for_garbage_often()
    service.run()
