"""``quake-stream evaluate``: windows and streams, tables, files and refusals."""

import json

import numpy as np
import pytest
from evaluated import burst, write_set

from quake_stream.training.examples import Example
from quake_stream.training.prepared import save_prepared


@pytest.fixture
def sets(tmp_path):
    """One set with an earthquake at 60 s, and one of noise at a station held out."""
    events = write_set(tmp_path / "events", bursts_s=(60,))
    (events / "events.csv").write_text(
        "event_id,station,p_time,s_time,quality\ne,XX.ST1,2020-01-01T00:01:00Z,2020-01-01T00:01:03Z,A\n"
    )
    return events, write_set(tmp_path / "noise", bursts_s=(), station="V1", n_s=120)


def test_streams_are_evaluated_beside_sta_lta(quake_stream, sets, tmp_path):
    events, noise = sets
    args = ("evaluate", "streams", events, "--noise", noise, "--model", "stalta")
    files = ("--json", tmp_path / "out.json", "--cache", tmp_path / "cache")
    done = quake_stream(*args, *files, "--pictures", tmp_path / "pictures")
    assert done.status == 0, done.err
    assert "Recall at 0.25 false alarms per station-hour" in done.out
    assert "events: done" in done.err
    result = json.loads((tmp_path / "out.json").read_text())
    assert {row["method"] for row in result["points"]} == {"stalta", "STA/LTA"}
    assert all(row["sets"]["events"]["recall_a"] == 1.0 for row in result["points"])
    assert (tmp_path / "pictures" / "recall.png").is_file()
    again = quake_stream(*args, *files)
    assert again.out == done.out
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_windows_are_evaluated(quake_stream, tmp_path):
    rng = np.random.default_rng(0)
    examples = []
    for number in range(6):
        samples = rng.standard_normal((3, 4000))
        is_quake = number % 2 == 0
        if is_quake:
            samples[:, 3000:] += 3 * burst(rng, 1000)
        examples.append(
            Example(
                samples=samples.astype(np.float32),
                p_index=3000 if is_quake else -1,
                s_index=-1,
                noise=(0, 2900 if is_quake else 4000),
                dataset="set",
                station=f"XX.S{number}",
                group=f"g{number}",
                split="val",
                native_rate_hz=100.0,
                label="earthquake" if is_quake else "",
                snr_db=20.0 if is_quake else None,
            )
        )
    save_prepared(tmp_path / "set.npz", examples)
    done = quake_stream(
        *("evaluate", "windows", tmp_path / "set.npz", "--model", "stalta"),
        *("--json", tmp_path / "out.json", "--pictures", tmp_path / "pictures"),
    )
    assert done.status == 0, done.err
    assert "end 1-5 s after P" in done.out
    (row,) = json.loads((tmp_path / "out.json").read_text())["models"]
    assert row["headline"]["n_earthquake"] == 15
    assert (tmp_path / "pictures" / "roc.png").is_file()


def test_a_model_that_does_not_exist_is_one_line_and_exit_status_78(quake_stream, sets):
    events, noise = sets
    done = quake_stream("evaluate", "streams", events, "--noise", noise, "--model", "nonsense")
    assert done.status == 78
    assert len(done.err.splitlines()) == 1


def test_a_set_without_recordings_is_one_line_and_exit_status_66(quake_stream, tmp_path):
    done = quake_stream("evaluate", "streams", tmp_path, "--noise", tmp_path)
    assert done.status == 66
    assert len(done.err.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_one_line(quake_stream, sets, tmp_path):
    events, noise = sets
    args = ("evaluate", "streams", events, "--noise", noise, "--model", "stalta")
    done = quake_stream(*args, "--json", tmp_path / "nowhere" / "out.json")
    assert done.status == 1
    assert "cannot be written" in done.err
