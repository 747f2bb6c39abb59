"""No parser of what comes from outside breaks its word, whatever the bytes are."""

import importlib
import importlib.util
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.run import command, names

ROOT = Path(__file__).resolve().parent.parent
N_RUNS = 1000
LIMIT_S = 2

each_target = pytest.mark.parametrize("name", names())


@pytest.fixture(autouse=True)
def _every_message_fits_its_schema():
    """Undo the check of all other tests: here, publishers are hostile."""


def target(name):
    return importlib.import_module(f"fuzz.targets.{name}")


@st.composite
def damaged(draw, seeds):
    """Cut, change, repeat and mix what is valid."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["overwrite", "insert", "delete", "repeat", "cut", "mix"]))
        if how in {"overwrite", "insert"}:
            new = draw(st.binary(min_size=1, max_size=8))
            data[at : at + (len(new) if how == "overwrite" else 0)] = new
        elif how == "cut":
            del data[at:]
        elif how == "mix":
            data[at:] = draw(st.sampled_from(seeds))[at:]
        else:
            n_bytes = draw(st.integers(1, 64))
            data[at:at] = data[at : at + n_bytes]
            if how == "delete":
                del data[at : at + 2 * n_bytes]
    return bytes(data)


@each_target
def test_a_parser_keeps_its_word_on_valid_and_on_no_input(name, tmp_path):
    seeds = list(target(name).seeds())
    assert seeds
    for data in (*seeds, b""):
        target(name).check(data, tmp_path)


@each_target
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_parser_keeps_its_word_on_damaged_input(name, tmp_path, data):
    seeds = list(target(name).seeds())
    target(name).check(data.draw(damaged(seeds) | st.binary(max_size=200)), tmp_path)


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="NOT RUN: atheris is not installed, so no input is searched for by coverage",
)
@each_target
def test_a_short_search_by_coverage_finds_nothing(name, tmp_path):
    done = subprocess.run(
        # The limit for one input is long: on a machine that does much else it measures the others.
        command(name, tmp_path, f"-runs={N_RUNS}", f"-max_total_time={LIMIT_S}", "-seed=1", "-timeout=100"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
