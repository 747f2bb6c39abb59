import pytest
from evaluated import made_sweep

from quake_stream.errors import QuakeStreamError
from quake_stream.evaluation.pictures import draw_streams, draw_windows
from quake_stream.evaluation.streams import describe

PNG = b"\x89PNG"
WINDOWS = {
    "models": [
        {
            "model": "m",
            "headline": {"auc": 0.9},
            "roc": {"threshold": [0.9, 0.1], "false_positive_rate": [0.0, 1.0], "recall": [0.5, 1.0]},
            "calibration": {
                "ece": 0.1,
                "bins": [{"probability": 0.5, "share_earthquake": 0.4, "weight": 1.0}],
            },
        }
    ]
}


def test_curves_and_delays_are_drawn_and_seeds_where_there_are_several(tmp_path):
    models = [made_sweep([3, 0], hits=[1, 1], label="m") for _ in range(2)]
    baseline = [made_sweep([3, 0], hits=[1, 1], label="m", family="STA/LTA")]
    files = draw_streams(tmp_path, models, baseline, describe(models, baseline))
    assert {file.name for file in files} == {"recall.png", "delays.png", "seeds.png"}
    assert all(file.read_bytes().startswith(PNG) for file in files)


def test_where_nothing_was_found_there_are_no_delays(tmp_path):
    models, baseline = [made_sweep([0], hits=[0])], [made_sweep([0], hits=[0])]
    files = draw_streams(tmp_path, models, baseline, describe(models, baseline))
    assert {file.name for file in files} == {"recall.png", "misses-m.png"}


def test_the_curves_of_windows_are_drawn(tmp_path):
    files = draw_windows(tmp_path / "new", WINDOWS)
    assert [file.name for file in files] == ["roc.png", "reliability.png"]
    assert all(file.read_bytes().startswith(PNG) for file in files)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(QuakeStreamError, match="cannot be written"):
        draw_windows(tmp_path / "file" / "new", WINDOWS)
