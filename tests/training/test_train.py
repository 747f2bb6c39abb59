import dataclasses

import numpy as np
import pytest
import torch

from quake_stream.errors import SourceError
from quake_stream.training.command import build
from quake_stream.training.dataset import gather
from quake_stream.training.settings import TrainSettings
from quake_stream.training.train import train

SETTINGS = TrainSettings(
    hidden=8,
    layers=1,
    steps=60,
    batch_size=32,
    warmup_steps=5,
    evaluate_every=20,
    mine_every=0,
    mine_windows=250,
    dropout=0.0,
)


@pytest.fixture(scope="module")
def examples(data_folder):
    return gather([data_folder])


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(examples, tmp_path, settings=SETTINGS, name="run", **changes):
    return train(examples, settings, build=build, state_file=tmp_path / f"{name}.state", **changes)


def weights(trained):
    return torch.cat([t.flatten().double() for t in trained.network.state_dict().values()])


@pytest.mark.parametrize("kind", ["data_folder", "seisbench_folder"])
def test_a_small_set_of_either_format_is_learned(request, tmp_path, kind):
    told = []
    quick = dataclasses.replace(
        SETTINGS, network="lstm-mhsa", heads=2, learning_rate=1e-2, steps=40, evaluate_every=20
    )
    trained = run(
        gather([request.getfixturevalue(kind)]),
        tmp_path,
        quick,
        report=lambda step, loss, evaluation: told.append((step, loss, evaluation)),
    )
    assert trained.history[-1].auc > 0.9
    assert [step for step, *_ in told] == list(range(1, 41))
    assert [e.step for *_, e in told if e is not None] == [20, 40]
    losses = [loss for _, loss, _ in told]
    assert trained.history[1].training_loss == pytest.approx(sum(losses[20:]) / 20)


def test_a_third_class_is_learned_and_does_not_trigger(make_example, tmp_path):
    rng = np.random.default_rng(0)
    examples = [
        make_example(seed=1, split=split, n=20_000, station=f"XX.{split}") for split in ("train", "val")
    ]
    for number in range(24):
        # An earthquake shakes at all frequencies, a blast of this quarry at 20 Hz only.
        is_blast, split = number % 2 == 0, "val" if number % 6 < 2 else "train"
        example = make_example(
            p_index=2000,
            noise=(0, 1900),
            seed=number,
            split=split,
            label="blast" if is_blast else "earthquake",
        )
        tone = np.sin(2 * np.pi * 0.2 * np.arange(2000) + rng.uniform(0, 6))
        example.samples[:, 2000:] += 30 * (tone if is_blast else rng.standard_normal((3, 2000)))
        examples.append(example)
    settings = dataclasses.replace(
        SETTINGS,
        network="lstm-mhsa",
        heads=2,
        learning_rate=1e-2,
        steps=40,
        classes=("noise", "earthquake", "blast"),
    )
    trained = run(examples, tmp_path, settings)
    assert trained.history[-1].auc > 0.9
    assert set(trained.validation.labels.tolist()) == {0, 1, 2}
    right = trained.logits.argmax(axis=1) == trained.validation.labels
    assert right.mean() > 0.8


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(examples, tmp_path):
    short = dataclasses.replace(SETTINGS, steps=10, evaluate_every=5, mine_every=5)
    first, second = (run(examples, tmp_path, short, name, processes=n) for name, n in (("a", 0), ("b", 2)))
    other = run(examples, tmp_path, dataclasses.replace(short, seed=1), "c", processes=0)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


class KilledError(Exception):
    """Stands for a kill in the middle of a run."""


@pytest.mark.parametrize("average_decay", [0.0, 0.9])
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(examples, tmp_path, average_decay):
    short = dataclasses.replace(
        SETTINGS,
        steps=15,
        evaluate_every=5,
        mine_every=5,
        dropout=0.2,
        layers=2,
        average_decay=average_decay,
        stretched_share=0.5,
    )
    whole = run(examples, tmp_path, short, "whole", processes=0)

    def kill(step, loss, evaluation):
        if step == 12:
            raise KilledError

    with pytest.raises(KilledError):
        run(examples, tmp_path, short, "killed", processes=0, report=kill)
    resumed_from = []
    resumed = run(
        examples, tmp_path, short, "killed", processes=0, report=lambda step, *_: resumed_from.append(step)
    )
    assert resumed_from[0] == 11
    assert resumed.history == whole.history
    assert torch.equal(weights(resumed), weights(whole))


def test_the_average_of_the_weights_is_what_is_judged_and_kept(examples, tmp_path):
    # With a decay this close to one the average has hardly left the first weights after a step.
    still = dataclasses.replace(SETTINGS, steps=3, evaluate_every=1, average_decay=1 - 1e-9, layers=1)
    moving = dataclasses.replace(still, average_decay=0.0)
    averaged, last = (run(examples, tmp_path, s, str(s.average_decay), processes=0) for s in (still, moving))
    aucs = [[evaluation.auc for evaluation in trained.history] for trained in (averaged, last)]
    assert max(aucs[0]) - min(aucs[0]) < 1e-3 < max(aucs[1]) - min(aucs[1])
    assert not torch.equal(weights(averaged), weights(last))


def test_without_a_choice_the_last_weights_are_kept_and_nothing_stops_early(examples, tmp_path):
    idle = dataclasses.replace(SETTINGS, steps=8, learning_rate=0.0, evaluate_every=2, patience=2)
    whole = run(examples, tmp_path, dataclasses.replace(idle, choose_best=False), "whole", processes=0)
    assert [evaluation.step for evaluation in whole.history] == [2, 4, 6, 8]
    assert whole.kept == whole.history[-1]
    chosen = run(examples, tmp_path, idle, "chosen", processes=0)
    assert chosen.kept == max(chosen.history, key=lambda evaluation: evaluation.merit)
    assert chosen.history[-1].step < 8


def test_a_finished_run_is_only_read_again(examples, tmp_path):
    short = dataclasses.replace(SETTINGS, steps=4, evaluate_every=2)
    first = run(examples, tmp_path, short, processes=0)
    steps = []
    again = run(examples, tmp_path, short, processes=0, report=lambda step, *_: steps.append(step))
    assert steps == []
    assert torch.equal(weights(first), weights(again))


def test_a_run_without_progress_stops_early(examples, tmp_path):
    # A learning rate of zero cannot improve on the first evaluation.
    idle = dataclasses.replace(SETTINGS, learning_rate=0.0, evaluate_every=2, patience=2)
    trained = run(examples, tmp_path, idle, processes=0)
    assert trained.history[-1].step < SETTINGS.steps


def test_a_state_of_other_settings_is_refused(examples, tmp_path):
    run(examples, tmp_path, dataclasses.replace(SETTINGS, steps=2, evaluate_every=2), processes=0)
    with pytest.raises(SourceError, match="other settings"):
        run(examples, tmp_path, SETTINGS)


def test_a_state_from_before_an_option_existed_can_go_on(examples, tmp_path):
    short = dataclasses.replace(
        SETTINGS, steps=2, evaluate_every=2, mine_windows=TrainSettings().mine_windows
    )
    run(examples, tmp_path, short, processes=0)
    content = torch.load(tmp_path / "run.state", weights_only=True)
    del content["settings"]["mine_windows"]
    torch.save(content, tmp_path / "run.state")
    assert run(examples, tmp_path, short, processes=0).history[-1].step == 2


def test_a_set_without_validation_is_refused(examples, tmp_path):
    with pytest.raises(SourceError, match="validation"):
        run([e for e in examples if e.split == "train"], tmp_path)
