import dataclasses

import numpy as np
import pytest
import torch

from quake_stream.models.checkpoint import load_checkpoint
from quake_stream.training.batches import LabelledWindows
from quake_stream.training.command import build
from quake_stream.training.describe import recipe_of, training_data, write_checkpoint
from quake_stream.training.identity import digest
from quake_stream.training.settings import TrainSettings
from quake_stream.training.train import Evaluation, Trained

SETTINGS = TrainSettings(network="lstm-mhsa", hidden=8, heads=2, layers=1, seed=5)


@pytest.fixture
def write(tmp_path):
    """Write a checkpoint from made-up results; its card as it is read again."""

    def write(examples, settings=SETTINGS):
        torch.manual_seed(0)
        labels = np.arange(6) * len(settings.classes) // 6
        logits = np.eye(len(settings.classes), dtype=np.float32)[labels] * 2
        logits[0] = 1 - logits[0]
        history = tuple(
            Evaluation(step=s, loss=0.5, auc=auc, recall_at_1_percent=0.5, recall_at_01_percent=0.25)
            for s, auc in ((10, 0.8), (20, 0.9), (30, 0.7))
        )
        windows = LabelledWindows(
            features=np.zeros((6, 257, 3), np.float32), labels=labels, examples=np.zeros(6, np.int64)
        )
        trained = Trained(
            network=build(settings), history=history, kept=history[1], validation=windows, logits=logits
        )
        write_checkpoint(tmp_path / "m", trained, settings, examples, on=0.9, off=0.8, min_windows=3)
        return load_checkpoint(tmp_path / "m").card

    return write


def test_the_card_tells_source_recipe_and_the_evaluation_of_the_weights(write, make_example):
    card = write([make_example(licence="CC BY 4.0"), make_example(dataset="held", split="val")])
    assert card.metrics["validation_auc"] == 0.9
    assert card.metrics["best_step"] == 20
    assert card.metrics["validation_n_noise_windows"] == card.metrics["validation_n_earthquake_windows"] == 3
    assert card.training.recipe["hidden"] == 8
    assert card.training.seed == 5
    assert [source.name for source in card.training.data] == ["set"]
    assert card.temperature > 0
    assert card.network.heads == 2


def test_the_card_says_what_the_validation_part_chose(write, make_example):
    chosen = write([make_example()], dataclasses.replace(SETTINGS, choose_best=True))
    last = write([make_example()], dataclasses.replace(SETTINGS, choose_best=False))
    assert chosen.training.split.endswith("stopping chosen on the validation part")
    assert last.training.split.endswith("chose the temperature and nothing else")


def test_a_run_can_be_repeated_from_its_card(write, make_example):
    examples = [make_example(trace="a"), make_example(trace="b")]
    settings = dataclasses.replace(
        SETTINGS,
        classes=("noise", "earthquake", "blast"),
        trigger_classes=("earthquake", "blast"),
        dropout=0.3,
    )
    card = write(examples, settings)
    assert (card.classes, card.trigger_classes) == (settings.classes, settings.trigger_classes)
    assert recipe_of(card) == (settings, digest(examples))
    assert {"quake_stream", "torch"} <= card.training.recipe.keys()


def test_the_card_of_an_older_program_names_no_recordings(write, make_example):
    card = write([make_example()])
    kept = {name: card.training.recipe[name] for name in ("network", "hidden", "heads", "layers", "seed")}
    training = card.training.model_copy(update={"recipe": kept})
    assert recipe_of(card.model_copy(update={"training": training})) == (SETTINGS, "")


def test_sources_are_counted_and_keep_all_their_licences_and_citations(make_example):
    (source,) = training_data(
        [
            make_example(licence="B", citation="x"),
            make_example(licence="A", citation="y"),
            make_example(licence="A", citation="x"),
            make_example(),
        ]
    )
    assert (source.licence, source.citation, source.n_windows) == ("A; B", "x; y", 4)
    assert training_data([]) == ()
