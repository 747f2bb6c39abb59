from quake_stream.detection.features import get_transform
from quake_stream.training.batches import HardWindow
from quake_stream.training.mining import N_KEPT, mine

TRANSFORM = get_transform("rfft-over-background/1")


def level(features):
    return features.mean(axis=(1, 2))


def test_the_windows_that_score_highest_are_found(make_example):
    quiet, loud = make_example(n=8000), make_example(n=8000, seed=2)
    loud.samples[:, 5000:5050] *= 1e4
    found = mine([quiet, loud], TRANSFORM, level, seed=(0, 1), known=[], n_searched=512)
    assert all(w.example == 1 and 5000 - 512 < w.start < 5050 for w in found)


def test_new_windows_come_before_old_ones_and_the_list_stays_short(make_example):
    known = [HardWindow(example=0, start=i) for i in range(N_KEPT)]
    found = mine([make_example()], TRANSFORM, level, seed=(0, 1), known=known, n_searched=250)
    assert len(found) == N_KEPT
    assert found[5:] == known[: N_KEPT - 5]


def test_the_same_seed_finds_the_same(make_example):
    examples = [make_example(n=9000)]
    runs = [mine(examples, TRANSFORM, level, seed=(3, 4), known=[], n_searched=250) for _ in range(2)]
    assert runs[0] == runs[1]


def test_earthquakes_are_not_searched(make_example):
    quake = make_example(p_index=2000, noise=(0, 1900))
    found = mine([quake], TRANSFORM, level, seed=(1,), known=[], n_searched=512)
    assert all(window.start + 512 <= 1900 for window in found)
