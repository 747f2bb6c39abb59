import numpy as np
import pytest

from quake_stream.evaluation.intervals import bootstrap, bootstrap_share, poisson_rate


def test_the_interval_of_a_share_is_that_of_the_binomial_when_events_are_alone():
    hits = [True] * 60 + [False] * 40
    low, high = bootstrap_share(hits, range(100))
    assert low == pytest.approx(0.6 - 1.96 * 0.049, abs=0.015)
    assert high == pytest.approx(0.6 + 1.96 * 0.049, abs=0.015)


def test_ten_stations_of_one_event_are_one_piece_of_evidence():
    hits = ([True] * 60 + [False] * 40) * 10
    alone = bootstrap_share(hits[:100], range(100))
    shared = bootstrap_share(hits, list(range(100)) * 10)
    assert shared == pytest.approx(alone, abs=0.01)


def test_the_same_seed_gives_the_same_interval():
    def mean(weights):
        return float((weights * np.arange(10)).sum() / weights.sum())

    assert bootstrap(range(10), mean, seed=3) == bootstrap(range(10), mean, seed=3)
    assert bootstrap(range(10), mean, seed=3) != bootstrap(range(10), mean, seed=4)


def test_one_event_has_no_interval_nor_has_what_is_never_finite():
    assert bootstrap_share([True, False], ["a", "a"]) is None
    assert bootstrap(range(3), lambda _: float("nan")) is None


def test_no_alarm_in_three_hours_bears_about_one_an_hour():
    low, high = poisson_rate(0, 3.0)
    assert low == 0.0
    assert high == pytest.approx(3.689 / 3, rel=1e-3)  # -ln(0.025)


def test_rates_follow_the_tables_of_garwood():
    assert poisson_rate(10, 1.0) == pytest.approx((4.795, 18.39), rel=1e-3)
