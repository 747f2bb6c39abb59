import dataclasses

import pytest

from quake_stream.training.identity import digest, versions
from quake_stream.training.prepared import load_prepared, save_prepared


def test_the_same_recordings_have_the_same_digest_also_when_they_were_packed(tmp_path, make_example):
    examples = [make_example(p_index=2000, noise=(0, 1900), trace="a", snr_db=7.5), make_example(seed=2)]
    save_prepared(tmp_path / "set.npz", examples)
    assert digest(load_prepared(tmp_path / "set.npz")) == digest(examples)


@pytest.mark.parametrize("changes", [{"split": "val"}, {"trace": "b"}, {"p_index": 7}, {"noise": (0, 5)}])
def test_another_choice_cut_mark_or_split_is_another_set(make_example, changes):
    example = make_example(trace="a")
    assert digest([dataclasses.replace(example, **changes)]) != digest([example])
    assert digest([example, example]) != digest([example])


def test_versions_are_told():
    assert {"quake_stream", "torch"} == set(versions())
