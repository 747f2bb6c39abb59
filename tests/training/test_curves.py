import json

from quake_stream.training.curves import draw_curves, write_curves
from quake_stream.training.train import Evaluation

HISTORY = [
    Evaluation(
        step=step,
        loss=1 / step,
        auc=1 - 1 / step,
        recall_at_1_percent=0.5,
        recall_at_01_percent=0.2,
        training_loss=loss,
    )
    for step, loss in ((100, None), (200, 0.4), (300, 0.3))
]


def test_the_history_is_kept_in_full_beside_the_weights(tmp_path):
    table, picture = write_curves(tmp_path / "mine.v2", HISTORY)
    assert (table.name, picture.name) == ("mine.v2.history.json", "mine.v2.curves.png")
    assert [Evaluation(**row) for row in json.loads(table.read_text())] == HISTORY
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_picture_shows_both_losses_and_marks_the_state_that_was_kept():
    losses, scores = draw_curves(HISTORY).axes
    training, validation, best = losses.lines
    assert training.get_xdata().tolist() == [200, 300]
    assert validation.get_ydata().tolist() == [1 / 100, 1 / 200, 1 / 300]
    assert list(best.get_xdata()) == [300, 300]
    assert len(scores.lines) == 4
