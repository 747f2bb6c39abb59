"""The tree of errors: drawn as it is, and each with the exit status that operators rely on."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from quake_stream import cli, errors
from quake_stream.errors import QuakeStreamError
from quake_stream.publish.frames import VersionError, WireError

PACKAGE = Path(errors.__file__).parent
NAMED = re.compile(r"^([│├└─ ]*)(\w+Error)\s.*\bexit (\d+)$", re.MULTILINE)


def defined():
    """Every class of the package that descends from `QuakeStreamError`, found by reading all modules."""
    found = {QuakeStreamError}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        names = {
            node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
        }
        for name in sorted(names):
            if name.endswith("Error") and not name.startswith("_"):
                one = getattr(importlib.import_module(module), name)
                found |= {one} if issubclass(one, QuakeStreamError) else set()
    return found


def test_every_error_is_drawn_below_its_base_with_its_exit_status():
    drawn, above = {}, {0: "QuakeStreamError"}
    for branch, name, status in NAMED.findall(errors.__doc__):
        depth = len(branch) // 4 - 1  # the root stands four blanks in
        above[depth] = name
        drawn[name] = (above[depth - 1], int(status))
    expected = {one.__name__: (one.__base__.__name__, one.exit_code) for one in defined()}
    del expected["QuakeStreamError"]
    assert drawn == expected


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (QuakeStreamError, 1),
        (errors.ConfigError, 78),
        (errors.ModelError, 78),
        (errors.SourceError, 66),
        (errors.PublishError, 1),
        (WireError, 1),
        (VersionError, 1),
    ],
)
def test_an_error_ends_the_program_with_its_status_and_its_message(error, status, monkeypatch, capsys):
    def fail():
        raise error("this is wrong\nand that")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == error.exit_code == status
    assert capsys.readouterr().err == "quake-stream: this is wrong\nquake-stream: and that\n"
