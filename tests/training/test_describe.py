import numpy as np
import pytest
import torch

from quake_stream.models.checkpoint import load_checkpoint
from quake_stream.training.batches import LabelledWindows
from quake_stream.training.command import build
from quake_stream.training.describe import training_data, write_checkpoint
from quake_stream.training.train import Evaluation, Trained, TrainSettings

SETTINGS = TrainSettings(network="lstm-mhsa", hidden=8, heads=2, layers=1, seed=5)


def test_the_card_tells_source_recipe_and_the_best_evaluation(tmp_path, make_example):
    torch.manual_seed(0)
    labels = np.array([0, 0, 0, 1, 1, 1])
    logits = np.array([[3, 0], [2, 0], [0, 1], [0, 2], [0, 3], [1, 0]], dtype=np.float32)
    history = tuple(
        Evaluation(step=s, loss=0.5, auc=auc, recall_at_1_percent=0.5, recall_at_01_percent=0.25)
        for s, auc in ((10, 0.8), (20, 0.9), (30, 0.7))
    )
    trained = Trained(
        network=build(SETTINGS),
        history=history,
        validation=LabelledWindows(
            features=np.zeros((6, 257, 3), np.float32), labels=labels, examples=np.zeros(6, np.int64)
        ),
        logits=logits,
    )
    examples = [make_example(licence="CC BY 4.0"), make_example(dataset="held", split="val")]
    write_checkpoint(tmp_path / "m", trained, SETTINGS, examples, on=0.9, off=0.8, min_windows=3)
    card = load_checkpoint(tmp_path / "m").card
    assert card.metrics["validation_auc"] == 0.9
    assert card.metrics["best_step"] == 20
    assert card.training.recipe["hidden"] == 8
    assert card.training.seed == 5
    assert [source.name for source in card.training.data] == ["set"]
    assert card.temperature > 0
    assert card.network.heads == 2


def test_sources_are_counted_and_keep_all_their_licences(make_example):
    (source,) = training_data(
        [make_example(licence="B"), make_example(licence="A"), make_example(licence="A")]
    )
    assert (source.licence, source.n_windows) == ("A; B", 3)
    assert training_data([]) == pytest.approx(())
