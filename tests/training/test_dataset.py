import numpy as np
import pytest

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.training.dataset import gather
from quake_stream.training.seisbench import Choice


def test_labelled_recordings_and_background_are_gathered(data_folder):
    told = []
    examples = gather([data_folder], report=told.append)
    assert sum(e.is_earthquake for e in examples) == 30
    assert {e.dataset for e in examples} == {"synthetic", "site"}
    assert told == [
        "labelled: 30 events, 39 minutes of background",
        "site: 0 events, 1 minutes of background",
    ]


def test_recordings_kept_for_evaluation_are_not_read(data_folder, tmp_path, tools):
    for part in ("labelled", "noise"):
        (tmp_path / part).symlink_to(data_folder / part)
    (tmp_path / "continuous").mkdir()  # reading it would fail: it holds no recordings
    assert {e.dataset for e in gather([tmp_path])} == {"synthetic", "site"}


def test_sets_of_every_kind_are_gathered_together(data_folder, seisbench_folder, tmp_path, tools):
    noise = 100 * np.random.default_rng(0).standard_normal((3, 9000))
    tools.write_stream(tmp_path / "own", noise, start="2020-01-01T00:00:00", station="OWN")
    counters = Counters()
    examples = gather(
        [data_folder, seisbench_folder, tmp_path / "own"], choice=Choice(limit=10), counters=counters
    )
    assert {e.dataset for e in examples} == {"synthetic", "site", seisbench_folder.name, "own"}
    assert sum(e.dataset == seisbench_folder.name for e in examples) == 10
    assert counters.total("examples.refused", reason="kept for testing") > 0


def test_a_folder_without_data_is_refused_by_its_name(tmp_path):
    with pytest.raises(SourceError, match=f"{tmp_path}: no training data"):
        gather([tmp_path])


def test_background_alone_trains_nothing(data_folder):
    with pytest.raises(SourceError, match=r"site: needs events with a P time and background"):
        gather([data_folder / "noise" / "site"])
