import math

import numpy as np
import pytest
from evaluated import INSTRUMENT, LevelModel, scored_windows, write_set

from quake_stream.errors import QuakeStreamError
from quake_stream.evaluation.cache import Recordings, ScoreCache, load_scored, save_scored


def same(one, other):
    return one.keys() == other.keys() and all(
        list(map(str, part.windows)) == list(map(str, other[key].windows))
        and np.array_equal(part.probabilities, other[key].probabilities)
        and np.array_equal(part.end_ns, other[key].end_ns)
        for key, part in one.items()
    )


def recordings(folder):
    return Recordings(name="set", paths=(folder / "mseed",))


def test_what_was_scored_is_read_back_and_not_scored_again(event_set, tmp_path):
    model, cache = LevelModel(), ScoreCache(tmp_path / "cache", hop_s=0.5)
    (first,) = cache.score([model], recordings(event_set))
    n_scored = model.n_scored
    (again,) = cache.score([model], recordings(event_set))
    assert model.n_scored == n_scored > 0
    assert same(first, again)


def test_only_the_model_that_is_new_is_run(event_set, tmp_path):
    known, new = LevelModel(), LevelModel(0.4, sha256="1" * 64)
    cache = ScoreCache(tmp_path / "cache", hop_s=0.5)
    (alone,) = cache.score([known], recordings(event_set))
    n_scored = known.n_scored
    other, first = cache.score([new, known], recordings(event_set))
    assert known.n_scored == n_scored == new.n_scored
    assert same(alone, first)
    assert not same(alone, other)


@pytest.mark.parametrize("change", ["recordings", "hop", "model"])
def test_another_hop_model_or_recording_is_scored_anew(event_set, tmp_path, change):
    model = LevelModel()
    ScoreCache(tmp_path / "cache", hop_s=0.5).score([model], recordings(event_set))
    n_scored = model.n_scored
    other = LevelModel(sha256="2" * 64) if change == "model" else model
    if change == "recordings":
        write_set(event_set, station="ST2")
    ScoreCache(tmp_path / "cache", hop_s=1.0 if change == "hop" else 0.5).score(
        [other], recordings(event_set)
    )
    assert other.n_scored > (0 if change == "model" else n_scored)


def test_a_damaged_file_is_scored_anew(event_set, tmp_path):
    model, cache = LevelModel(), ScoreCache(tmp_path / "cache", hop_s=0.5)
    (first,) = cache.score([model], recordings(event_set))
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    (again,) = cache.score([model], recordings(event_set))
    assert same(first, again)
    assert load_scored(file) is not None


def test_levels_that_are_not_known_stay_so(tmp_path):
    part = scored_windows([0.1, 0.2], levels=[math.nan, 3.5])
    save_scored(tmp_path / "x.npz", {INSTRUMENT: part})
    back = load_scored(tmp_path / "x.npz")
    assert same(back, {INSTRUMENT: part})
    assert back[INSTRUMENT].windows[1] == part.windows[1]


def test_without_a_folder_nothing_is_kept(event_set, tmp_path):
    model = LevelModel()
    ScoreCache(None, hop_s=0.5).score([model], recordings(event_set))
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_made_is_one_line(event_set, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(QuakeStreamError, match="cannot be written"):
        ScoreCache(tmp_path / "file" / "cache", hop_s=0.5).score([LevelModel()], recordings(event_set))
