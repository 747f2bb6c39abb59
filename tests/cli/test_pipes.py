"""A reader that leaves early ends a command well."""

import subprocess
import sys

import pytest

from quake_stream.cli.pipes import open_standard_streams, until_reader_leaves

CODE = """
from quake_stream.cli.pipes import open_standard_streams, until_reader_leaves

@until_reader_leaves
def endless():
    while True:
        print("line")

endless()
"""


def test_a_reader_that_leaves_is_no_failure():
    with subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout.readline() == "line\n"
        program.stdout.close()
        assert program.wait(60) == 0
        assert program.stderr.read() == ""


def test_other_failures_pass_and_the_name_stays():
    @until_reader_leaves
    def command(number):
        """Fail."""
        raise ValueError(number)

    assert (command.__name__, command.__doc__) == ("command", "Fail.")
    with pytest.raises(ValueError, match="7"):
        command(7)


@pytest.mark.fault(46)
def test_standard_streams_that_were_never_open_are_no_failure_and_no_file_takes_their_place(tmp_path):
    code = """
import os, sys
from quake_stream.cli.pipes import open_standard_streams

open_standard_streams()
with open("file", "w") as file:
    assert file.fileno() > 2
    for stream in (sys.stdout, sys.stderr):
        print("text", file=stream, flush=True)
    os.write(2, b"from a library")
assert sys.stdin.read() == ""
os._exit(7)
"""
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code],
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 7
    assert (tmp_path / "file").read_text() == ""


def test_standard_streams_that_are_open_stay_as_they_are(capfd):
    before = (sys.stdin, sys.stdout, sys.stderr)
    open_standard_streams()
    assert (sys.stdin, sys.stdout, sys.stderr) == before
    print("text")
    assert capfd.readouterr().out == "text\n"
