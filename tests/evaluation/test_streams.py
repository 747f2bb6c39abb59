import json

import pytest
from evaluated import LevelModel, write_set

from quake_stream.evaluation.cache import ScoreCache
from quake_stream.evaluation.pictures import draw_streams
from quake_stream.evaluation.sets import open_sets
from quake_stream.evaluation.streams import STALTA, Named, describe, sweep_all
from quake_stream.evaluation.tables import point_tables


@pytest.fixture
def swept(event_set, noise_set):
    write_set(noise_set, station="ST1", seed=2)  # of training
    named = [
        Named(label=f"seed {i}", model=LevelModel(offset, sha256=str(i) * 64))
        for i, offset in enumerate((0.5, 0.4))
    ]
    told = []

    def sweep(*, all_stations=False):
        return sweep_all(
            named,
            open_sets([event_set], [noise_set]),
            ScoreCache(None, hop_s=0.5),
            hop_s=0.5,
            all_stations=all_stations,
            report=lambda name, share: told.append((name, share)),
        )

    sweep.told = told
    return sweep


def test_models_and_sta_lta_are_held_against_each_other_at_the_same_rates(swept, tmp_path):
    models, baseline = swept()
    result = json.loads(json.dumps(describe(models, baseline), allow_nan=False))
    for row in result["points"]:
        assert row["false_alarms"]["held_out"]["per_hour"] <= row["limit_per_hour"]
        assert row["sets"]["events"]["n_a"] == 1
    found = {(row["method"], row["limit_per_hour"]) for row in result["points"]}
    missed = {(row["method"], row["limit_per_hour"]) for row in result["out_of_reach"]}
    everyone = {(method, rate) for method in ("seed 0", "seed 1") for rate in (0.25, 0.5, 1.0, 3.0)}
    assert {one for one in found if one[0] != STALTA} | missed == everyone
    assert any(row["n_members"] == 2 for row in result["families"])
    assert [curve["method"] for curve in result["curves"]] == ["seed 0", "seed 1", *[STALTA] * 3]
    assert swept.told[-1] == ("site", 1.0)
    assert point_tables(result)
    names = {file.name for file in draw_streams(tmp_path / "pictures", models, baseline, result)}
    assert {"recall.png", "seeds.png"} <= names


def test_stations_of_training_are_scored_only_on_request(swept):
    (first, _), _ = swept()
    assert set(first.sets[1].hours) == {"XX.V1"}
    (first, _), _ = swept(all_stations=True)
    assert set(first.sets[1].hours) == {"XX.ST1", "XX.V1"}


def test_what_cannot_be_read_of_a_set_is_told(event_set):
    (event_set / "mseed" / "damaged.mseed").write_bytes(b"no record" * 100)
    told = {}
    sweep_all(
        [Named(label="m", model=LevelModel())],
        open_sets([event_set], []),
        ScoreCache(None, hop_s=0.5),
        hop_s=0.5,
        all_stations=False,
        left_out=told.__setitem__,
    )
    assert told == {"events": {"files.skipped.not_miniseed": 1}}


def test_a_set_of_training_stations_only_is_passed_over(event_set, tmp_path):
    noise = write_set(tmp_path / "busy", station="ST1")
    models, baseline = sweep_all(
        [Named(label="m", model=LevelModel())],
        open_sets([event_set], [noise]),
        ScoreCache(None, hop_s=0.5),
        hop_s=0.5,
        all_stations=False,
    )
    assert [part.recordings.name for part in models[0].sets] == ["events"]
    assert describe(models, baseline)["points"] == []
