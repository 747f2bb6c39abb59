import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quake_stream.errors import SourceError
from quake_stream.training.prepared import STEPS_PER_QUIET_LEVEL, _pack, _unpack, load_prepared, save_prepared


def test_everything_but_the_last_bits_comes_back(tmp_path, make_example):
    quake = make_example(p_index=2000, s_index=2300, noise=(10, 1900), station="XX.Ö", licence="CC0")
    quake.samples[:, 2000:] *= 1e4
    lone = make_example(seed=2, split="val")
    lone.samples[1:] = 0
    save_prepared(tmp_path / "set.npz", [quake, lone])
    loaded = load_prepared(tmp_path / "set.npz")
    for before, after in zip([quake, lone], loaded, strict=True):
        for field in dataclasses.fields(before):
            if field.name != "samples":
                assert getattr(after, field.name) == getattr(before, field.name)
        error = np.abs(after.samples - before.samples)
        assert error.max() <= 0.6 / STEPS_PER_QUIET_LEVEL
    assert not loaded[1].samples[1:].any()


def test_noise_takes_about_a_byte_a_sample(tmp_path, make_example):
    save_prepared(tmp_path / "set.npz", [make_example(n=100_000)])
    assert (tmp_path / "set.npz").stat().st_size < 1.1 * 300_000


def test_a_recording_silent_before_the_earthquake_survives(tmp_path, make_example):
    quake = make_example(p_index=2000)
    quake.samples[:, :2000] = 0
    save_prepared(tmp_path / "set.npz", [quake])
    (loaded,) = load_prepared(tmp_path / "set.npz")
    assert np.allclose(loaded.samples, quake.samples, atol=1e-5)


@given(hnp.arrays(np.int32, st.integers(1, 50), elements=st.integers(-(2**24), 2**24)))
def test_whole_steps_are_packed_without_loss(whole):
    samples = whole.astype(np.float32)
    assert np.array_equal(_unpack(_pack(samples, 1.0), 1.0), samples)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(SourceError, match="no prepared training set"):
        load_prepared(tmp_path / "set.npz")


def test_a_missing_file_and_a_foreign_archive_are_refused(tmp_path):
    with pytest.raises(SourceError, match="no prepared"):
        load_prepared(tmp_path / "gone.npz")
    np.savez(
        tmp_path / "other.npz", table=np.frombuffer(b"{}", np.uint8), **{f"plane{i}": [0] for i in range(4)}
    )
    with pytest.raises(SourceError, match="format"):
        load_prepared(tmp_path / "other.npz")
