"""``quake-stream evaluate``: rows for programs and for people."""

import json

import numpy as np
import obspy
import pytest
from synthetic import samples


@pytest.fixture
def folder(tmp_path):
    """Three minutes of one station with wave trains at 60 and 120 s, of which the list knows the first."""
    mseed = tmp_path / "set" / "mseed"
    mseed.mkdir(parents=True)
    for seed, code in enumerate("ZNE"):
        trace = obspy.Trace(samples(180, [60.0, 120.0], seed).astype(np.int32))
        trace.stats.update(
            {"network": "XX", "station": "ST1", "channel": f"HH{code}", "sampling_rate": 100.0}
        )
        trace.stats.starttime = obspy.UTCDateTime(2020, 1, 1)
        trace.write(str(mseed / f"{code}.mseed"), format="MSEED")
    (tmp_path / "set" / "events.csv").write_text(
        "station,p_time,s_time,quality\nXX.ST1,2020-01-01T00:01:00Z,2020-01-01T00:01:03Z,A\n"
    )
    return tmp_path / "set"


def test_every_threshold_is_one_line_of_json(quake_stream, folder):
    done = quake_stream("evaluate", folder, "--model", "stalta", "--on", 0.5, "--on", 0.9, "--min-windows", 2)
    assert done.status == 0, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["on"], row["min_windows"]) for row in rows] == [(0.5, 2), (0.9, 2)]
    assert [(row["recall_a"], row["n_detections"], row["n_unmatched"]) for row in rows] == [(1.0, 2, 1)] * 2


def test_a_person_gets_a_table(quake_stream, folder):
    done = quake_stream("evaluate", folder, "--model", "stalta", "--table")
    heading, row = done.out.splitlines()
    assert heading.split()[:4] == ["set", "hours", "on", "n"]
    assert row.split()[0] == "set"
    assert "100%" in row


def test_a_model_that_does_not_exist_is_one_line_and_exit_status_78(quake_stream, tmp_path):
    done = quake_stream("evaluate", tmp_path, "--model", "nonsense")
    assert done.status == 78
    assert len(done.err.splitlines()) == 1
