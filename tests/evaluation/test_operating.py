import dataclasses

import pytest
from evaluated import made_sweep

from quake_stream.evaluation.operating import (
    any_station,
    best_variant,
    false_alarms,
    lowest_threshold,
    mean_recall,
)


def test_the_lowest_threshold_that_keeps_the_rate_is_taken():
    sweep = made_sweep([9, 5, 2, 0], hours=2.0)
    assert [lowest_threshold(sweep, rate) for rate in (0.5, 1, 2.5, 10)] == [3, 2, 1, 0]


def test_a_threshold_below_one_that_breaks_the_rate_is_not_trusted():
    assert lowest_threshold(made_sweep([0, 5, 1, 0], hours=1.0), 1) == 2


def test_where_no_threshold_keeps_the_rate_there_is_none():
    assert lowest_threshold(made_sweep([9, 9], hours=1.0), 1) is None
    assert lowest_threshold(made_sweep([0, 0], hours=0.0), 1) is None


def test_stations_of_training_count_only_where_all_are_asked_for():
    sweep = made_sweep([4], hours=1.0, station="XX.ST1")
    assert false_alarms(sweep.sets, 0).per_hour is None
    rate = false_alarms(sweep.sets, 0, any_station)
    assert (rate.n, rate.per_hour) == (4, 4.0)
    assert rate.interval == pytest.approx((1.09, 10.24), abs=0.01)


def test_each_set_counts_alike_in_the_mean_recall():
    sweep = made_sweep([0], hours=1.0, hits=[1])
    other = made_sweep([0], hours=1.0, hits=[0])
    both = dataclasses.replace(sweep, sets=sweep.sets + other.sets)
    assert mean_recall(both, 0) == 0.5
    assert mean_recall(dataclasses.replace(both, sets=()), 0) == 0.0


def test_the_variant_that_finds_most_stands_for_the_method():
    worse = made_sweep([0, 0], hours=1.0, hits=[0, 0])
    better = made_sweep([3, 0], hours=1.0, hits=[1, 1])
    hopeless = made_sweep([9, 9], hours=1.0, hits=[1, 1])
    assert best_variant([hopeless, worse, better], 1) == (better, 1)
    assert best_variant([hopeless], 1) is None
