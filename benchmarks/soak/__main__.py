# ruff: noqa: INP001  part of a script, no package
"""
Run the service for days of data against a server that does everything wrong: ``python benchmarks/soak``.

The server is killed and started again, the configuration reloaded, subscribers stall, come and go, strangers
send noise.  Exit status 1: something grew without end, was lost, came twice or failed.
"""

import json
import math
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer
from report import table, write
from rich.console import Console
from slopes import DAY_S, OF_LOAD, slopes
from story import Story

import quake_stream
from quake_stream.supervision import StopSignals
from quake_stream.symptoms import Problem

_TURN_S = 0.2
_CONSOLE = Console(width=None if sys.stdout.isatty() else 110)


def soak(  # noqa: PLR0917  typer's options are parameters
    hours: Annotated[float, typer.Option(help="Hours of data.", min=0.01)] = 24.0,
    minutes: Annotated[float, typer.Option(help="Longest time by the clock; 0: no limit.", min=0)] = 0.0,
    speed: Annotated[float, typer.Option(help="Times as fast as it happened.", min=1)] = 60.0,
    model: Annotated[str, typer.Option(help="stalta, lstm or lstm-mhsa.")] = "stalta",
    every: Annotated[float, typer.Option(help="Seconds between samples.", min=0.1)] = 5.0,
    warm_up: Annotated[float, typer.Option(help="Share of the run left out.", min=0, max=0.9)] = 0.3,
    seed: Annotated[int, typer.Option(help="Decides what happens when.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for all files; default: a new one.")] = None,
) -> None:
    """Soak the service; Ctrl-C ends early, with the verdict on what there is."""
    folder = (out or Path(tempfile.mkdtemp(prefix="quake-stream-soak-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    length_s = min(hours * 3600 / speed, limit_s := minutes * 60 or math.inf)
    random = Random(seed)  # noqa: S311  reproducible on purpose
    story = Story(folder, model=model, speed=speed, length_s=length_s, random=random)
    with StopSignals() as signals, story:
        _tell(f"about {length_s / 60:.1f} minutes at {speed:g} times real time with {model}, in {folder}")
        with (folder / "samples.jsonl").open("w", encoding="utf-8") as file:
            while story.is_alive and not signals.stop and story.elapsed_s < limit_s:
                story.act()
                if story.samples and story.samples[-1]["data_s"] >= hours * 3600:
                    break
                if not story.samples or story.elapsed_s >= story.samples[-1]["wall_s"] + every:
                    file.write(json.dumps(story.sample()) + "\n")
                    file.flush()
                signals.wait(_TURN_S)
        outcome = story.finish()
    found = slopes(story.samples, warm_up=warm_up)
    ignored = OF_LOAD if outcome.n_dropped else frozenset()
    grown = [slope.name for slope in found if slope.is_leak and slope.name not in ignored]
    problems = outcome.problems() + [Problem(kind=name, words=f"{name} grows") for name in grown]
    facts = {
        "version": quake_stream.__version__,
        "model": model,
        "speed": speed,
        "seed": seed,
        "warm_up": warm_up,
        "n_cores": os.cpu_count(),
        "problems": [asdict(problem) for problem in problems],
        **asdict(outcome),
        "samples": story.samples,
    }
    path = write(folder, facts, found)
    _conclude(facts, table(found, _title(facts)), path)
    sys.exit(1 if problems else 0)


def _title(facts: dict[str, Any]) -> str:
    last = facts["samples"][-1] if facts["samples"] else {"data_s": 0.0, "wall_s": 0.0}
    return f"{last['data_s'] / DAY_S:.2f} days of data in {last['wall_s'] / 60:.1f} minutes"


def _conclude(facts: dict[str, Any], made: Any, path: Path) -> None:
    _CONSOLE.print(made)
    for name in ("acts", "injected", "counts"):
        _tell(f"{name}: " + ", ".join(f"{key} {n}" for key, n in sorted(facts[name].items())))
    _tell(f"{facts['n_detections']} detections, {facts['n_replayed']} messages from the journal")
    for problem in facts["problems"]:
        _tell(f"PROBLEM: {problem['words']}")
    _tell(f"all of it: {path}")


def _tell(line: str) -> None:
    _CONSOLE.print(line, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(soak)
    app()
