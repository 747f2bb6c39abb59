"""Run commands inside the test's process: faster than a program, and as close to it as ``main`` is."""

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import structlog

from quake_stream import cli


class Done(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def quake_stream(monkeypatch, capsys) -> Iterator[Callable[..., Done]]:
    """Run a command: ``quake_stream("scan", folder)``."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*args: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["quake-stream", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Done(ended.value.code or 0, captured.out, captured.err)

    yield run
    structlog.reset_defaults()
