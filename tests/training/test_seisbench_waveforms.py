import h5py
import numpy as np
import pytest

from quake_stream.errors import SourceError
from quake_stream.training.seisbench_waveforms import Waveforms

TRACE = np.arange(3 * 50, dtype=np.float32).reshape(3, 50)


@pytest.fixture
def opened(tmp_path, tools):
    """Write arrays with a format; the open file."""
    files = []

    def write(arrays, **data_format):
        tools.write_seisbench(tmp_path, [], arrays, **data_format)
        files.append(Waveforms(tmp_path / "waveforms.hdf5").__enter__())
        return files[-1]

    yield write
    for file in files:
        file.__exit__(None, None, None)


def test_a_trace_is_read_by_name_and_out_of_a_block(opened):
    block = np.stack([TRACE, TRACE + 1000, np.zeros_like(TRACE)])
    file = opened({"lone": TRACE, "bucket1": block})
    assert np.array_equal(file.read("lone"), TRACE)
    assert np.array_equal(file.read("bucket1$1,:3,:40"), TRACE[:, :40] + 1000)
    assert np.array_equal(file.read("bucket1$0"), TRACE)
    assert np.array_equal(file.read("bucket1$1,:,10:20"), TRACE[:, 10:20] + 1000)
    assert file.rate_hz == 100.0


@pytest.mark.parametrize(
    ("order", "channels"),
    [("ENZ", [2, 1, 0]), ("Z12", [0, 1, 2]), ("12Z", [2, 0, 1]), (["N", "E", "Z"], [2, 0, 1])],
)
def test_components_come_in_channel_order(opened, order, channels):
    assert np.array_equal(opened({"a": TRACE}, component_order=order).read("a"), TRACE[channels])


def test_samples_may_come_first(opened):
    assert np.array_equal(opened({"a": TRACE.T}, dimension_order="WC").read("a"), TRACE)


def test_an_absent_component_is_zero_and_a_hydrophone_is_left_aside(opened):
    file = opened({"one": TRACE[:1], "four": np.vstack([TRACE, TRACE[:1]])}, component_order="ZNEH")
    lone = file.read("one", "Z")
    assert np.array_equal(lone[0], TRACE[0])
    assert not lone[1:].any()
    assert np.array_equal(file.read("four"), TRACE)


@pytest.mark.parametrize("name", ["gone", "a$0,:3,:50", "a$x", "a$7", "a$0"])
def test_what_is_not_there_is_none(opened, name):
    assert opened({"a": TRACE}).read(name) is None


def test_components_that_no_model_takes_are_none(opened):
    file = opened({"a": TRACE[:2]}, component_order="NE")
    assert file.read("a") is None
    assert file.read("a", "Z") is None


@pytest.mark.parametrize(
    ("data_format", "message"),
    [
        ({"component_order": None}, "no data_format/component_order"),
        ({"dimension_order": None}, "no data_format/dimension_order"),
        ({"dimension_order": "CIW"}, "'CIW' is neither CW nor WC"),
        ({"sampling_rate": "fast"}, "sampling_rate is no number"),
    ],
)
def test_a_format_of_no_use_is_named(opened, data_format, message):
    with pytest.raises(SourceError, match=rf"waveforms\.hdf5: .*{message}"):
        opened({"a": TRACE}, **data_format)


def test_a_missing_or_foreign_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.hdf5"):
        Waveforms(tmp_path / "gone.hdf5")
    with h5py.File(tmp_path / "other.hdf5", "w"):
        pass
    with pytest.raises(SourceError, match="no data_format"):
        Waveforms(tmp_path / "other.hdf5")
