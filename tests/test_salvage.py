"""Rows that make the model fail cost no other row its scores; a model that always fails is found out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.errors import InferenceError
from quake_stream.models.stalta import StaLtaModel
from quake_stream.salvage import salvage

POISON = 666.0


class Fussy:
    """The baseline, which fails on any batch that holds a poisoned row."""

    def __init__(self, fail=None) -> None:
        self._model = StaLtaModel()
        self._fail = fail
        self.spec = self._model.spec
        self.n_calls = 0

    def predict(self, features):
        self.n_calls += 1
        scores = self._model.predict(features)
        poisoned = (features[:, 0, 0] == POISON).nonzero()[0]
        if len(poisoned):
            if self._fail is not None:
                raise self._fail
            scores[poisoned, 0] = np.inf
        return scores


def batch(n_rows, poisoned=()):
    features = np.random.default_rng(n_rows).normal(size=(n_rows, 512, 3)).astype(np.float32)
    features[list(poisoned), 0, 0] = POISON
    return features


@pytest.mark.fault(25)
@given(n_rows=st.integers(2, 40), seed=st.integers(0, 2**32), fails=st.booleans(), data=st.data())
def test_all_rows_but_the_poisoned_have_the_scores_that_they_have_alone(n_rows, seed, fails, data):
    poisoned = data.draw(st.sets(st.integers(0, n_rows - 1), max_size=n_rows - 1))
    features = batch(n_rows, poisoned)
    model = Fussy(RuntimeError("bad row") if fails else None)
    salvaged = salvage(model, features)
    assert salvaged.failed == tuple(sorted(poisoned))
    good = [row for row in range(n_rows) if row not in poisoned]
    assert salvaged.scores[good].tobytes() == StaLtaModel().predict(features[good]).tobytes()
    assert bool(salvaged.error) == bool(poisoned)


def test_a_good_batch_is_computed_once():
    model = Fussy()
    assert salvage(model, batch(64)).error == ""
    assert model.n_calls == 1


@pytest.mark.fault(25)
def test_one_bad_row_among_many_costs_few_calls():
    model = Fussy(RuntimeError("bad row"))
    salvaged = salvage(model, batch(64, [17]))
    assert salvaged.failed == (17,)
    assert salvaged.error == "RuntimeError: bad row"
    assert model.n_calls == 1 + 2 * 6


@pytest.mark.fault(25)
def test_a_large_batch_of_bad_rows_does_not_hold_the_worker_up():
    model = Fussy(RuntimeError("bad row"))
    salvaged = salvage(model, batch(1000, range(1, 1000)))
    assert set(salvaged.failed) == set(range(1, 1000))
    assert model.n_calls < 250


@pytest.mark.fault(25)
def test_a_batch_that_fails_only_as_a_whole_keeps_all_its_scores():
    class Small(Fussy):
        def predict(self, features):
            if len(features) > 8:
                raise RuntimeError("out of memory\nTried to allocate …")
            return super().predict(features)

    salvaged = salvage(Small(), batch(20))
    assert (salvaged.failed, salvaged.error) == ((), "RuntimeError: out of memory")
    assert np.isfinite(salvaged.scores).all()


@pytest.mark.fault(25)
@pytest.mark.parametrize("error", [ValueError("x"), FloatingPointError(), IndexError("i"), None])
def test_a_batch_of_bad_rows_alone_is_not_the_fault_of_the_model(error):
    salvaged = salvage(Fussy(error), batch(3, [0, 1, 2]))
    assert salvaged.failed == (0, 1, 2)


@pytest.mark.fault(26)
def test_a_model_that_fails_on_silence_too_ends_the_service_with_the_reason():
    class Lost(Fussy):
        def predict(self, features):
            raise RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be …")

    with pytest.raises(InferenceError) as caught:
        salvage(Lost(), batch(5))
    said = "the model stalta fails on any input: RuntimeError: CUDA error: unspecified launch failure"
    assert str(caught.value) == said
    assert caught.value.exit_code == 1


def test_a_model_that_gives_no_number_for_anything_ends_the_service():
    class Damaged(Fussy):
        def predict(self, features):
            return np.full((len(features), 2), np.nan, np.float32)

    with pytest.raises(InferenceError, match="no finite scores on any input"):
        salvage(Damaged(), batch(5))


@pytest.mark.parametrize("error", [MemoryError(), TypeError("a bug")])
def test_what_is_no_fault_of_the_data_is_raised_as_it_is(error):
    with pytest.raises(type(error)):
        salvage(Fussy(error), batch(4, [1]))
