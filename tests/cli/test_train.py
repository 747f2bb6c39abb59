"""``quake-stream train``: from recordings to weights that the service loads."""

import json

import numpy as np
import pytest

from quake_stream.models import load_model
from quake_stream.training.examples import Example
from quake_stream.training.prepared import save_prepared

SMALL = ("--hidden", 4, "--layers", 1, "--steps", 4, "--batch-size", 8)
SMALL += ("--evaluate-every", 2, "--mine-every", 0, "--processes", 0)


def example(number):
    """Make noise of 40 s, with an earthquake after 20 s in every second one."""
    rng = np.random.default_rng(number)
    is_quake = number % 2 == 0
    samples = rng.standard_normal((3, 4000)).astype(np.float32)
    if is_quake:
        samples[:, 2000:] += 10 * rng.standard_normal((3, 2000)).astype(np.float32)
    return Example(
        samples=samples,
        p_index=2000 if is_quake else -1,
        s_index=2300 if is_quake else -1,
        noise=(0, 1900 if is_quake else 4000),
        dataset="synthetic",
        station=f"XX.S{number}",
        group=f"g{number}",
        split="val" if number % 3 == 0 else "train",
        native_rate_hz=100.0,
        label="earthquake" if is_quake else "",
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "set.npz"
    save_prepared(path, [example(number) for number in range(24)])
    return path


@pytest.mark.parametrize("network", ["lstm", "lstm-mhsa"])
def test_a_prepared_set_becomes_weights_that_load(quake_stream, prepared, tmp_path, network):
    out = tmp_path / "mine"
    options = ("--network", network, "--heads", 2, "--on", 0.7, "--off", 0.6, "--min-windows", 3)
    done = quake_stream("train", out, "--prepared", prepared, *SMALL, *options)
    assert done.status == 0, done.err
    assert done.out == ""
    spec = load_model(str(out)).spec
    assert (spec.on, spec.off, spec.min_windows) == (0.7, 0.6, 3)
    assert json.loads(out.with_suffix(".json").read_text())


def test_a_run_that_is_started_again_says_that_it_goes_on_and_ends_the_same(quake_stream, prepared, tmp_path):
    out = tmp_path / "mine"
    first = quake_stream("train", out, "--prepared", prepared, *SMALL)
    weights = out.with_suffix(".safetensors").read_bytes()
    again = quake_stream("train", out, "--prepared", prepared, *SMALL)
    assert (first.status, again.status) == (0, 0)
    assert "goes on" not in first.err
    assert again.err.splitlines()[0] == f"{out}.state: the run that it belongs to goes on"
    assert out.with_suffix(".safetensors").read_bytes() == weights


def test_a_run_is_not_continued_with_other_settings(quake_stream, prepared, tmp_path):
    out = tmp_path / "mine"
    quake_stream("train", out, "--prepared", prepared, *SMALL)
    done = quake_stream("train", out, "--prepared", prepared, *SMALL, "--seed", 1)
    assert done.status == 66
    assert done.err.endswith(f"{out}.state: made with other settings; remove it to start afresh\n")


def test_preparing_writes_one_file(quake_stream, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("quake_stream.training.command.prepare", lambda data, out: asked.append((data, out)))
    assert quake_stream("train", tmp_path / "set", "--prepare", "--data", tmp_path).status == 0
    assert asked == [(tmp_path, tmp_path / "set")]


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ((), 66, "training needs recordings"),
        (("--prepare",), 2, "--prepare needs --data"),
        (("--prepared", "nowhere.npz"), 66, "no prepared"),
        (("--network", "gru"), 2, "'gru'"),
        (("--device", "tpu"), 2, "'tpu'"),
        (("--steps", "0"), 2, "--steps"),
    ],
)
def test_wrong_usage_is_told_without_a_traceback(quake_stream, tmp_path, options, status, message):
    done = quake_stream("train", tmp_path / "mine", *options)
    assert done.status == status
    assert message in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []
