"""The command line as a whole: help, version, exit statuses, pipes."""

import subprocess
import sys
from pathlib import Path

import pytest

import quake_stream

COMMANDS = [
    "demo",
    "run",
    "check",
    "health",
    "listen",
    "scan",
    "coincide",
    "compare",
    "replay",
    "train",
    "evaluate",
    "tune",
    "export",
    "bench",
]


def ask(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quake_stream", *args],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "", "COLUMNS": "100"} | more,
    )


def test_help_loads_nothing_heavy():
    code = """
import sys
from quake_stream import cli
heavy = {"torch", "obspy", "zmq", "structlog", "pymseed", "pydantic", "numpy", "scipy"}
print(*sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == []


def test_help_names_every_command():
    done = ask("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"│ {command} " in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_without_leftover_markup(command):
    done = ask(command, "-h")
    assert done.returncode == 0, done.stderr
    assert "--help" in done.stdout
    assert "[bold]" not in done.stdout
    assert "`" not in done.stdout


def test_the_version_is_that_of_the_package():
    assert ask("--version").stdout == f"quake-stream {quake_stream.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell):
    done = ask("--show-completion", shell)
    assert done.returncode == 0, done.stderr
    assert "COMPLETE" in done.stdout


def test_completion_knows_the_commands():
    script = Path(sys.executable).parent / "quake-stream"
    asked = {
        "_QUAKE_STREAM_COMPLETE": "complete_bash",
        "COMP_WORDS": "quake-stream sc",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [script], check=False, capture_output=True, text=True, timeout=60, env=asked | {"PATH": ""}
    )
    assert done.stdout.split() == ["scan"], done.stderr


@pytest.mark.parametrize(
    "args", [("nonsense",), ("scan",), ("scan", "x", "--format", "xml"), ("run", "a", "b")]
)
def test_wrong_usage_is_exit_status_2(args):
    done = ask(*args)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
