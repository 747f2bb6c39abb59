import numpy as np
import pytest

from quake_stream.errors import SourceError
from quake_stream.training.conditioning import N_SETTLE
from quake_stream.training.labelled import read_labelled, to_example


def test_marks_move_with_the_cut(tools):
    trace = np.zeros((3, tools.N), np.float32)
    trace[:, tools.P :] = 1000.0  # a step that the high-pass keeps at P
    example = to_example({k: str(v) for k, v in tools.row_of(0, is_quake=True).items()}, trace)
    assert np.flatnonzero(example.samples[0])[0] == example.p_index
    assert example.s_index - example.p_index == 300
    assert example.noise == (0, example.p_index - 100)


def test_padding_is_never_part_of_an_example(data_folder):
    examples = list(read_labelled(data_folder / "labelled"))
    assert len(examples) == 60
    assert max(np.abs(e.samples).max() for e in examples) < 1000


def test_late_coda_is_left_out(data_folder):
    quakes = [e for e in read_labelled(data_folder / "labelled") if e.is_earthquake]
    assert {e.n_samples - e.p_index for e in quakes} == {800}


@pytest.mark.parametrize(
    "changes",
    [
        {"quality": "C"},
        {"station_key": "BW.UH3"},
        {"station_key": "BW.RJOB"},
        {"network": "BW", "start_time": "2010-05-27T16:24:08.150000Z"},
        {"label": "other"},
        {"p_sample": ""},
        {"split": "test"},
    ],
)
def test_what_must_not_be_learned_from_is_left_out(tmp_path, tools, changes):
    traces = [tools.noise(np.random.default_rng(i)) for i in range(2)]
    rows = [tools.row_of(0, is_quake=True, **changes), tools.row_of(1, is_quake=True)]
    tools.write_labelled(tmp_path / "labelled", rows, traces)
    assert [e.group for e in read_labelled(tmp_path / "labelled")] == ["group1"]


def test_a_dead_component_is_zero_and_a_dead_recording_is_none(tools):
    row = {k: str(v) for k, v in tools.row_of(1, is_quake=False).items()}
    trace = tools.noise(np.random.default_rng(0)).astype(np.float32)
    trace[1] = 77.0
    example = to_example(row, trace)
    assert [bool(c.any()) for c in example.samples] == [True, False, True]
    assert to_example(row, np.full_like(trace, 5.0)) is None


def test_a_recording_that_is_too_short_is_none(tools):
    row = {k: str(v) for k, v in tools.row_of(1, is_quake=False, valid_end=200 + 2 * N_SETTLE).items()}
    assert to_example(row, tools.noise(np.random.default_rng(0)).astype(np.float32)) is None


def test_a_missing_table_or_shard_is_named(tmp_path, tools):
    with pytest.raises(SourceError, match=r"metadata\.csv"):
        list(read_labelled(tmp_path))
    tools.write_labelled(tmp_path / "l", [tools.row_of(0, is_quake=True, shard="gone.h5")], [np.ones((3, 9))])
    with pytest.raises(SourceError, match=r"gone\.h5"):
        list(read_labelled(tmp_path / "l"))


@pytest.mark.shared
def test_the_shared_set_keeps_out_the_demonstration(shared):
    examples = list(read_labelled(shared / "waveforms" / "labelled"))
    assert sum(e.is_earthquake for e in examples) > 1000
    assert not [e.station for e in examples if e.station.startswith("BW.")]
