"""The verdict, and numbers for people."""

import json

import pytest

from quake_stream.diagnosis.report import (
    Finding,
    InstrumentReport,
    Level,
    Load,
    Report,
    duration,
    ok,
    problem,
    problems,
    some,
    warning,
)
from quake_stream.errors import ConfigError

INSTRUMENT = InstrumentReport(
    source="a:18000",
    instrument="BW.UH1.--.SH",
    components=("Z",),
    used=("Z",),
    rates_hz=(50.0,),
    record_s=7.2,
    latency_s=None,
    state="ok",
    note="",
)


def report(*findings: Finding) -> Report:
    load = Load(scored_per_s=100.0, needed_per_s=None)
    return Report(config="a.toml", findings=findings, instruments=(INSTRUMENT,), load=load)


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ([], 0),
        ([ok("model", ""), warning("a:18000", "")], 0),
        ([problem("a:18000", "")], 1),
        ([problem("publish", ""), warning("configuration", "")], 1),
        ([problem("model", "")], 78),
        ([problem("a:18000", ""), problem("configuration", "")], 78),
    ],
)
def test_the_exit_status_is_that_of_the_worst_finding(findings, status):
    assert report(*findings).exit_status == status


def test_a_report_can_be_written_as_json():
    data = json.loads(json.dumps(report(problem("publish", "in use")).as_dict()))
    assert data["exit_status"] == 1
    assert data["findings"] == [{"level": "problem", "about": "publish", "text": "in use"}]
    assert data["instruments"][0]["rates_hz"] == [50.0]
    assert data["load"] == {"scored_per_s": 100.0, "needed_per_s": None}


def test_each_line_of_an_error_is_a_problem_of_its_own():
    found = problems("configuration", ConfigError("one\ntwo"))
    assert [(f.level, f.text) for f in found] == [(Level.PROBLEM, "one"), (Level.PROBLEM, "two")]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (-35.2, "-35.2 s"), (119, "119.0 s"), (120, "2 min"), (7200, "2 h"), (5e8, "5787 d")],
)
def test_durations_have_a_unit_that_a_person_would_take(seconds, text):
    assert duration(seconds) == text


def test_long_lists_are_cut_and_counted():
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"
