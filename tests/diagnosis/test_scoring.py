"""The model, its thresholds and its speed."""

import numpy as np
import pytest

from quake_stream.diagnosis import scoring
from quake_stream.diagnosis.report import Level
from quake_stream.models.stalta import StaLtaModel

SOURCE = {"url": "seedlink://localhost"}


def test_a_model_that_loads_is_described(make_config):
    model, (finding,) = scoring.load(make_config(SOURCE))
    assert model is not None
    assert (finding.level, finding.about) == (Level.OK, "model")
    for words in (
        "stalta 1",
        model.spec.sha256[:12],
        "512 samples at 100 Hz",
        "on 0.5, off 0.2",
        "ZNE or Z12",
    ):
        assert words in finding.text


def test_a_model_that_does_not_load_is_a_problem(make_config):
    model, (finding,) = scoring.load(make_config(SOURCE, model={"name": "gpt"}))
    assert model is None
    assert (finding.level, finding.about) == (Level.PROBLEM, "model")


def test_thresholds_that_replace_the_models_are_named(make_config):
    _, findings = scoring.load(make_config(SOURCE, trigger={"on": 0.7, "min_windows": 3}))
    assert findings[-1].text == "[trigger] sets on 0.7, min_windows 3 instead of the model's"


def test_thresholds_that_contradict_the_models_are_a_wrong_configuration(make_config):
    _, findings = scoring.load(make_config(SOURCE, trigger={"off": 0.9}, stations={"CX.PB01": {"off": 0.8}}))
    wrong = [f for f in findings if f.level is Level.PROBLEM]
    assert [f.about for f in wrong] == ["configuration", "configuration"]


class CountingModel:
    """Counts rows; each batch takes a tenth of a second of its clock."""

    spec = StaLtaModel().spec

    def __init__(self) -> None:
        self.now_s = 0.0
        self.n_rows = 0

    def predict(self, features):
        self.now_s += 0.1
        self.n_rows += len(features)
        return np.full((len(features), 2), 0.5, np.float32)


def test_speed_is_measured_without_the_first_batch():
    model = CountingModel()
    speed = scoring.windows_per_s(model, batch_windows=32, at_least_s=0.45, monotonic=lambda: model.now_s)
    assert speed == pytest.approx(320.0)
    assert model.n_rows == 6 * 32


@pytest.mark.parametrize(
    ("n_instruments", "level", "words"),
    [
        (0, Level.OK, "enough for 25 instruments"),
        (10, Level.OK, "10 instruments every 0.5 s need 20 (5 times as many)"),
        (30, Level.WARNING, "catch up"),
        (51, Level.PROBLEM, "too slow"),
    ],
)
def test_speed_is_held_against_what_the_instruments_need(n_instruments, level, words):
    load, finding = scoring.judge(100.0, n_instruments, 0.5)
    assert load.needed_per_s == (n_instruments / 0.5 if n_instruments else None)
    assert finding.level is level
    assert words in finding.text


def test_a_real_model_is_timed(make_config):
    load, finding = scoring.measure(make_config(SOURCE), StaLtaModel(), 2)
    assert load.needed_per_s == 4.0
    assert load.scored_per_s > 0.0
    assert "windows/s" in finding.text
