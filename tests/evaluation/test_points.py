import dataclasses
import json

import pytest
from evaluated import made_sweep

from quake_stream.evaluation.points import card_metrics, curve, families, point, spread


def test_a_point_says_what_a_threshold_stands_for():
    found = point(made_sweep([6, 2], hours=4.0, hits=[1, 1]), 1)
    assert (found["on"], found["min_windows"]) == (0.2, 2)
    rate = found["false_alarms"]["held_out"]
    assert (rate["n"], rate["station_hours"], rate["per_hour"], rate["per_day"]) == (2, 4.0, 0.5, 12.0)
    assert found["kinds"]["m"] == found["noise_sets"]["m"] == found["false_alarms"]
    row = found["sets"]["m"]
    assert (row["n_a"], row["recall_a"], row["recall_ab_one_to_one"]) == (1, 1.0, 1.0)
    assert (row["delay_median_s"], row["delay_90_s"]) == (2.0, 2.0)
    json.dumps(found, allow_nan=False)


def test_stations_of_training_stand_beside_those_held_out():
    found = point(made_sweep([6], hours=4.0, station="XX.ST1"), 0)["false_alarms"]
    assert (found["held_out"]["per_hour"], found["held_out"]["per_hour_95"]) == (None, None)
    assert found["all_scored"]["per_hour"] == 1.5
    assert point(made_sweep([6]), 0)["sets"] == {}


def test_seeds_are_gathered_as_median_and_range():
    points = [
        {"limit_per_hour": 1.0, **point(made_sweep([0], hits=[hit], label="m"), 0)} for hit in (1, 0, 1)
    ]
    (row,) = families(points)
    assert (row["family"], row["n_members"]) == ("level", 3)
    assert row["mean_recall_ab"] == {"median": 1.0, "min": 0.0, "max": 1.0}
    assert row["sets"]["m"]["delay_median_s"] is None  # one member found nothing
    assert spread([]) is None


def test_a_curve_lists_every_threshold():
    sweep = made_sweep([6, 2], hours=2.0, hits=[1, 0])
    rows = curve(dataclasses.replace(sweep, label="x"))
    assert rows["method"] == "x"
    assert [row["per_hour"] for row in rows["thresholds"]] == pytest.approx([3.0, 1.0])
    assert [row["recall_a_ab"]["m"] for row in rows["thresholds"]] == [[1.0, 1.0], [0.0, 0.0]]


def test_the_metrics_for_the_card_name_threshold_and_recall():
    assert card_metrics(made_sweep([0] * 6, hits=[1, 1, 1, 1, 1, 0])) == {
        "stream_recall_ab_at_on_0.1": 1.0,
        "stream_recall_ab_at_on_0.6": 0.0,
    }
