"""``quake-stream health``: how a running service is doing."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def health(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="Configuration file of the running service.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """
    Say whether the service is well: exit status 0 ok, 1 degraded, 2 down, with the reasons in words.

    Live: all its parts make progress.  Ready: data come in.  A dead server upstream makes it not ready and
    degraded; it stays live, and no restart would help.

    Example: `quake-stream health my.toml || mail -s quake-stream me`
    """
    from quake_stream.config import load  # noqa: PLC0415  pydantic takes a while
    from quake_stream.health import EXIT_CODES, HealthFile  # noqa: PLC0415  likewise

    name = f"{config.stem}.health.json"
    paths = [load(config).runtime_dir / name, Path("/run/quake-stream") / config.stem / name]
    path = next((path for path in paths if _exists(path)), paths[0])
    report = HealthFile(path).read(time.time())
    if as_json:
        print(json.dumps(asdict(report)))
    else:
        print(report.state)
        for reason in report.reasons:
            print(f"- {reason}")
        print(f"{'live' if report.live else 'not live'}, {'ready' if report.ready else 'not ready'}")
        if report.pid:
            stations = ", ".join(f"{n} {state}" for state, n in sorted(report.stations.items())) or "none yet"
            print(f"up {report.uptime_s:.0f} s, model {report.model}, instruments: {stations}")
            print(f"{report.windows_per_s:.1f} windows/s, {report.n_detections} detections")
    raise typer.Exit(EXIT_CODES[report.state])


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # a folder of the service's user: reading the file says so in words
        return True
