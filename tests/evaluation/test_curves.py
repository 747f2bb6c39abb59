import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.evaluation.curves import Ranked, calibration, label_bins
from quake_stream.training.scores import recall_at, roc_auc

SCORED = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.4]), st.integers(0, 1)), min_size=2).filter(
    lambda rows: 0 < sum(label for _, label in rows) < len(rows)
)


@given(rows=SCORED, rate=st.sampled_from([0.0, 0.01, 0.3, 1.0]))
def test_area_and_recall_are_those_that_training_reports(rows, rate):
    scores, labels = np.array([s for s, _ in rows]), np.array([label for _, label in rows])
    ranked = Ranked.of(scores, labels)
    assert ranked.auc() == pytest.approx(roc_auc(scores, labels))
    if rate < 1:  # where all background may pass, training counts ties as found
        assert ranked.recall_at(rate) == pytest.approx(recall_at(scores, labels, rate))


@given(rows=SCORED, seed=st.integers(0, 5))
def test_a_weight_of_two_is_the_window_twice(rows, seed):
    scores, labels = np.array([s for s, _ in rows]), np.array([label for _, label in rows])
    times = np.random.default_rng(seed).integers(1, 3, len(rows))
    repeated = Ranked.of(np.repeat(scores, times), np.repeat(labels, times))
    ranked = Ranked.of(scores, labels)
    assert ranked.auc(times.astype(float)) == pytest.approx(repeated.auc())
    assert ranked.recall_at(0.2, times.astype(float)) == pytest.approx(repeated.recall_at(0.2))


def test_one_class_alone_has_no_area_and_no_recall():
    ranked = Ranked.of(np.array([0.5]), np.array([1]))
    assert np.isnan(ranked.auc())
    assert np.isnan(ranked.recall_at(0.1))


def test_the_curve_rises_from_the_highest_threshold():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 5000)
    curve = Ranked.of(rng.random(5000) + labels, labels).curve()
    assert curve["threshold"] == sorted(curve["threshold"], reverse=True)
    assert curve["recall"] == sorted(curve["recall"])
    assert curve["false_positive_rate"][-1] == curve["recall"][-1] == 1.0
    assert len(curve["recall"]) <= 400


def test_honest_probabilities_have_no_calibration_error():
    rng = np.random.default_rng(1)
    p = rng.random(200_000)
    labels = (rng.random(200_000) < p).astype(int)
    result = calibration(p, labels)
    assert result["ece"] < 0.01
    assert result["brier"] == pytest.approx(1 / 6, abs=0.01)
    assert sum(row["weight"] for row in result["bins"]) == pytest.approx(1)


def test_a_model_that_is_always_sure_and_half_the_time_wrong_is_far_off():
    labels = np.array([0, 1] * 50)
    assert calibration(np.full(100, 0.999), labels)["ece"] == pytest.approx(0.499)


def test_both_classes_weigh_alike_in_calibration():
    labels = np.array([1] + [0] * 99)
    assert calibration(np.full(100, 0.5), labels)["ece"] == pytest.approx(0)


def test_intervals_are_named_with_their_unit():
    values = [None, 2.9, 3.0, 7.0, 8.0]
    assert label_bins(values, (3, 8), "dB") == ["unknown", "< 3 dB", "3-8 dB", "3-8 dB", ">= 8 dB"]
