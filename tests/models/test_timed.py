"""A model that is measured gives the scores that it would give anyway."""

import numpy as np
import pytest

from quake_stream.models.stalta import StaLtaModel
from quake_stream.models.timed import TimedModel


@pytest.fixture
def timed():
    return TimedModel(StaLtaModel())


def test_scores_are_those_of_the_model_and_each_batch_is_measured(timed):
    features = np.random.default_rng(0).random((4, timed.spec.n_samples, 3), dtype=np.float32)
    expected = StaLtaModel().predict(features)
    np.testing.assert_array_equal(timed.predict(features), expected)
    timed.predict(features[:1])
    found = timed.seconds.snapshot()
    assert found.n == 2
    assert 0 < found.total < 60


def test_a_batch_that_fails_is_not_measured_and_fails_as_it_would(timed, monkeypatch):
    def fail(_self, _features):
        raise RuntimeError("no")

    monkeypatch.setattr(StaLtaModel, "predict", fail)
    with pytest.raises(RuntimeError, match="no"):
        timed.predict(np.zeros((1, 1, 3), np.float32))
    assert timed.seconds.snapshot().n == 0
