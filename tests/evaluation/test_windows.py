import json

import numpy as np
import pytest
from evaluated import LevelModel, burst

from quake_stream.errors import SourceError
from quake_stream.evaluation.windows import (
    NOISE_PER_STATION,
    evaluate_windows,
    places_of,
    recorded_at,
    score_places,
    vertical_only,
)
from quake_stream.training.cuts import N_SHORTEST_MEMORY, N_WINDOW
from quake_stream.training.examples import Example


def example(number, *, is_quake, **changes):
    rng = np.random.default_rng(number)
    samples = rng.standard_normal((3, 4000))
    if is_quake:
        samples[:, 3000:] += 3 * burst(rng, 1000)
    values = {
        "samples": samples.astype(np.float32),
        "p_index": 3000 if is_quake else -1,
        "s_index": -1,
        "noise": (0, 0 if is_quake else 4000),
        "dataset": "set",
        "station": f"XX.S{number % 5}",
        "group": f"g{number}",
        "split": "val",
        "native_rate_hz": 100.0 if number % 4 else 50.0,
        "label": "earthquake" if is_quake else "",
        "snr_db": 5.0 * (number % 6) if is_quake else None,
        "magnitude": 1.5 if is_quake else None,
    }
    return Example(**{**values, **changes})


@pytest.fixture(scope="module")
def examples():
    return [example(n, is_quake=n % 2 == 0) for n in range(12)]


def test_windows_end_one_to_five_seconds_after_p_with_their_background_before_them(examples):
    places = places_of(examples)
    for place in places:
        shown = examples[place.example]
        assert N_SHORTEST_MEMORY <= place.start <= shown.n_samples - N_WINDOW
        assert place.label == shown.is_earthquake
        if place.label:
            assert place.start + N_WINDOW == shown.p_index + 100 * place.end_after_p_s
    assert {place.end_after_p_s for place in places if place.label} == {1, 2, 3, 4, 5}


def test_no_station_gives_more_background_than_the_others_may():
    long = [
        example(1, is_quake=False, samples=np.ones((3, 60_000), np.float32), noise=(0, 60_000)),
        example(2, is_quake=True),
    ]
    places = places_of(long)
    assert sum(place.label == 0 for place in places) == NOISE_PER_STATION
    assert places == places_of(long)


def test_one_class_alone_is_refused(examples):
    with pytest.raises(SourceError):
        places_of([e for e in examples if e.is_earthquake])


def test_a_variant_changes_what_is_seen_and_nothing_else(examples):
    places = places_of(examples)[:40]
    model = LevelModel()
    plain, again = score_places([model, model], examples, places)
    assert np.array_equal(plain, again)
    (alone,) = score_places([model], examples, places, change=vertical_only)
    assert not np.array_equal(plain, alone)
    (same,) = score_places([model], examples, places, change=recorded_at(100.0))
    assert np.array_equal(plain, same)


def test_models_are_measured_on_the_validation_part_with_all_its_parts(examples):
    training = [example(50, is_quake=True, split="train", dataset="unseen")]
    told = []
    result = evaluate_windows(
        [("a", LevelModel()), ("b", LevelModel(0.4))],
        [*examples, *training],
        progress=lambda name, share: told.append((name, share)),
    )
    result = json.loads(json.dumps(result, allow_nan=False))
    first, _ = result["models"]
    headline = first["headline"]
    # SNR 10, 20: those below 8 dB are in the tables only.
    assert headline["n_earthquake"] == 5 * sum((e.snr_db or 0) >= 8 for e in examples)
    assert headline["auc"] > 0.95
    assert headline["auc_95"][0] <= headline["auc"] <= headline["auc_95"][1]
    parts = {(row["by"], row["value"]): row for row in first["parts"]}
    assert ("data set", "unseen") not in parts
    assert parts["SNR", "15-25 dB"]["n_earthquake"] > 0
    assert parts["recorded at", "50 Hz"]["n_earthquake"] == 5 * 3
    assert parts["variant", "vertical only"]["auc"] > 0.9
    assert ("variant", "as at 20 Hz") in parts
    assert 0 <= first["calibration"]["ece"] <= 1
    assert result["families"][0]["n_members"] == 2
    assert told[-1] == ("as at 50 Hz", 1.0)
