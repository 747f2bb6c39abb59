import numpy as np
import pytest

from quake_stream.training.scores import evidence, fit_temperature, log_softmax, recall_at, roc_auc


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    scores, labels = np.array([0.1, 0.4, 0.35, 0.8, 0.35]), np.array([0, 0, 1, 1, 0])
    pairs = [
        1.0 if p > n else 0.5 if p == n else 0.0 for p in scores[labels == 1] for n in scores[labels == 0]
    ]
    assert roc_auc(scores, labels) == pytest.approx(np.mean(pairs))


def test_one_class_alone_has_no_area():
    with pytest.raises(ValueError, match="both"):
        roc_auc(np.array([1.0]), np.array([1]))


def test_recall_counts_what_lies_above_the_allowed_background():
    labels = np.array([0] * 100 + [1] * 4)
    scores = np.array([*range(100), 98, 98.5, 99.5, 10.0])
    assert recall_at(scores, labels, 0.0) == 0.25
    assert recall_at(scores, labels, 0.01) == 0.5
    assert recall_at(scores, labels, 1.0) == 1.0


def test_the_temperature_of_overconfident_logits_is_found():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.02, 0.98, 20_000)
    labels = (rng.random(20_000) < p).astype(int)
    logits = np.stack([np.log(1 - p), np.log(p)], axis=1) * 3
    assert fit_temperature(logits, labels) == pytest.approx(3.0, rel=0.05)


def test_log_softmax_survives_large_logits():
    log_p = log_softmax(np.array([[1000.0, 0.0]]))
    assert np.allclose(log_p, [[0.0, -1000.0]])


def test_evidence_is_the_log_odds_of_the_wanted_classes():
    logits = np.log([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert evidence(logits, [1, 2]) == pytest.approx(np.log([1.0, 9.0]))
    assert evidence(logits[:, :2], [1]) == pytest.approx(logits[:, 1] - logits[:, 0])


def test_evidence_tells_apart_what_rounds_to_certainty():
    assert np.diff(evidence(np.array([[0.0, 80.0], [0.0, 90.0]]), [1])).item() == pytest.approx(10)
