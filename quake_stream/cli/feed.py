"""Options that the commands which subscribe to a feed have in common."""

import time
from pathlib import Path
from typing import Annotated, Final

import typer

FEED: Final = "tcp://127.0.0.1:5561"

Connect = Annotated[str, typer.Option(metavar="ADDRESS", help="Where the service publishes.")]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN", help="Begin in the past: 15m, 1h, 2d ago, or a UTC time 2026-05-27T16:24:00Z."
    ),
]
Replay = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Where missed messages are had; default: the port after."),
]
KeyFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keys for an encrypted feed, from quake-stream keys.")
]

STATES = ("new", "update", "end", "retract")


class StateSet(frozenset[str]):
    """States as the command line takes them, ``new,end``."""

    def __str__(self) -> str:
        return ",".join(state for state in STATES if state in self)


def states_of(text: str | StateSet) -> StateSet:
    """Read ``new,end``; raises `typer.BadParameter` on anything else."""
    if isinstance(text, StateSet):  # typer hands defaults over as well
        return text
    chosen = StateSet(name.strip() for name in text.split(","))
    if not chosen <= set(STATES):
        raise typer.BadParameter(f"{text!r} holds others than {', '.join(STATES)}")
    return chosen


def since_ns(since: str | None) -> int | None:
    """Read ``--since`` against the clock; raises `typer.BadParameter` on what is no time."""
    if since is None:
        return None
    from quake_stream.publish.since import parse_since  # noqa: PLC0415  keep --help fast

    try:
        return parse_since(since, now_ns=time.time_ns())
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--since") from exc
