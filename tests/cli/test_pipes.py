"""A reader that leaves early ends a command well."""

import subprocess
import sys

import pytest

from quake_stream.cli.pipes import until_reader_leaves

CODE = """
from quake_stream.cli.pipes import until_reader_leaves

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
