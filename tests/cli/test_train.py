"""``quake-stream train``: from recordings to weights that the service loads."""

import dataclasses
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


def test_preparing_writes_one_file_of_several_sets(quake_stream, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "quake_stream.training.command.prepare", lambda *args, **options: asked.append((*args, options))
    )
    options = ("--data", tmp_path / "a", "--data", tmp_path / "b", "--limit", 7, "--seed", 3)
    classes = ("--classes", "noise,earthquake, blast")
    assert quake_stream("train", tmp_path / "set", "--prepare", *options, *classes).status == 0
    wanted = {"labels": ("earthquake", "blast"), "limit": 7, "seed": 3}
    assert asked == [([tmp_path / "a", tmp_path / "b"], tmp_path / "set", wanted)]


def test_a_run_is_repeated_from_its_card(quake_stream, prepared, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    assert quake_stream("train", first, "--prepared", prepared, *SMALL, "--seed", 4).status == 0
    done = quake_stream("train", again, "--prepared", prepared, "--recipe", first, "--processes", 0)
    assert done.status == 0, done.err
    assert "not the recordings" not in done.err
    assert again.with_suffix(".safetensors").read_bytes() == first.with_suffix(".safetensors").read_bytes()
    history = json.loads((tmp_path / "again.history.json").read_text())
    assert [row["step"] for row in history] == [2, 4]
    assert (tmp_path / "again.curves.png").is_file()


def test_classes_and_what_triggers_are_chosen(quake_stream, tmp_path):
    blasts = [
        dataclasses.replace(example(number), label="blast" if number % 4 == 0 else "earthquake")
        if number % 2 == 0
        else example(number)
        for number in range(36)
    ]
    save_prepared(tmp_path / "set.npz", blasts)
    options = ("--classes", "noise,earthquake,blast", "--trigger-class", "blast")
    done = quake_stream("train", tmp_path / "mine", "--prepared", tmp_path / "set.npz", *SMALL, *options)
    assert done.status == 0, done.err
    spec = load_model(str(tmp_path / "mine")).spec
    assert (spec.classes, spec.trigger_classes) == (("noise", "earthquake", "blast"), ("blast",))


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ((), 66, "training needs recordings"),
        (("--prepare",), 2, "--prepare needs --data"),
        (("--prepared", "nowhere.npz"), 66, "no prepared"),
        (("--network", "gru"), 2, "'gru'"),
        (("--device", "tpu"), 2, "'tpu'"),
        (("--data", "nowhere"), 66, "nowhere: no training data"),
        (("--classes", "earthquake"), 78, "'noise' and then others"),
        (("--trigger-class", "blast"), 78, "must be some of"),
        (("--transform", "wavelets"), 78, "wavelets"),
        (("--recipe", "nowhere"), 78, "nowhere"),
        (("--steps", "0"), 2, "--steps"),
    ],
)
def test_wrong_usage_is_told_without_a_traceback(quake_stream, tmp_path, options, status, message):
    done = quake_stream("train", tmp_path / "mine", *options)
    assert done.status == status
    assert message in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_gpu_that_is_not_there_is_told_in_one_line(quake_stream, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = quake_stream("train", tmp_path / "mine", "--prepared", prepared, "--device", "cuda")
    assert done.status == 78
    assert done.err.count("\n") == 1
    assert "no CUDA device" in done.err
