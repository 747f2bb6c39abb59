"""What help texts say of options."""

import re

import pytest
import typer
from typer.testing import CliRunner

from quake_stream.cli import app
from quake_stream.cli.plain_help import PlainCommand, PlainGroup

GROUPS = {
    "evaluate": ["streams", "windows"],
    "export": ["quakeml", "scml", "usgs", "csv", "sqlite", "mqtt", "webhook"],
    "keys": ["new", "add", "remove", "list"],
    "bench": ["feed"],
}
COMMANDS = [
    *("demo", "run", "check", "health", "listen", "scan", "replay", "train", "tune", "coincide", "compare"),
    *(f"{group} {name}" for group, names in GROUPS.items() for name in names),
]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_every_text_fits_the_terminal_and_no_flag_asks_for_a_value(command, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    done = CliRunner().invoke(app, [*command.split(), "--help"], terminal_width=columns)
    assert done.exit_code == 0
    assert "--help" in done.output
    assert max(map(len, done.output.splitlines())) <= columns
    assert "…" not in done.output
    assert "bool" not in done.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_on_one_line(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(app, [*command.split(), "--help"], terminal_width=80)
    assert re.search(rf"^ Example: quake-stream {command}\b.*\n +\n", done.output, re.MULTILINE)


def test_a_value_keeps_its_type():
    small = typer.Typer(cls=PlainGroup)

    @small.command(cls=PlainCommand)
    def wait(seconds: float, *, loudly: bool = False, name: str = "") -> None:
        """Wait."""

    output = CliRunner().invoke(small, ["--help"]).output
    assert re.search(r"--name +(<str>|TEXT)", output)
    assert "--no-loudly" in output
    assert "bool" not in output
