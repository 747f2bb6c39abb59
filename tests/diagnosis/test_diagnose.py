"""The whole check on the product's own server, and on what goes wrong."""

import socket
import threading
from pathlib import Path

import pytest

from quake_stream.diagnosis.diagnose import diagnose
from quake_stream.diagnosis.report import Level, Report

PATH = Path("home.toml")
LISTEN_S = 20.0  # at most; every test here ends as soon as all has been heard


def texts(report: Report, level: Level) -> list[str]:
    return [finding.text for finding in report.findings if finding.level is level]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("probe-")]


def test_all_is_well_with_the_demo(server, make_config):
    told: list[str] = []
    config = make_config({"url": f"seedlink://{server.address}", "streams": ["BW.UH?"]})
    report = diagnose(config, PATH, listen_s=LISTEN_S, tell=told.append)
    assert (texts(report, Level.PROBLEM), report.exit_status) == ([], 0)
    assert [(r.instrument, r.used, r.rates_hz) for r in report.instruments] == [
        ("BW.UH1.--.SH", ("Z",), (50.0,)),
        ("BW.UH2.--.SH", ("Z",), (50.0,)),
        ("BW.UH3.--.SH", ("Z", "N", "E"), (50.0,)),
        ("BW.UH4.--.EH", ("Z",), (100.0,)),
    ]
    assert report.load is not None
    assert report.load.needed_per_s == 8.0
    assert "listening for up to 20 s" in told


def test_a_dead_server_and_a_wrong_pattern_are_problems_and_the_rest_is_still_looked_at(server, make_config):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = f"127.0.0.1:{listener.getsockname()[1]}"
    report = diagnose(
        make_config(
            {"url": f"seedlink://{server.address}", "streams": ["BW.UH3", "BW.UH33..SH?"]},
            {"url": f"seedlink://{dead}", "streams": ["BW.UH4"]},
            {"url": "seedlink://127.0.0.1:0"},
        ),
        PATH,
        listen_s=LISTEN_S,
    )
    assert report.exit_status == 1
    wrong, missing, refused = texts(report, Level.PROBLEM)
    assert "is no SeedLink server" in wrong
    assert missing.startswith("no stream matches BW.UH33..SH?; did you mean BW.UH3")
    assert "nothing listens at this port" in refused
    assert [r.instrument for r in report.instruments] == ["BW.UH3.--.SH"]


def test_a_model_that_does_not_load_hides_nothing_else(server, make_config):
    config = make_config({"url": f"seedlink://{server.address}"}, model={"name": "/nowhere.json"})
    report = diagnose(config, PATH, listen_s=LISTEN_S)
    assert report.exit_status == 78
    assert len(report.instruments) == 4
    assert report.load is None


def test_recordings_are_surveyed(demo_folder, make_config):
    report = diagnose(make_config({"url": demo_folder.as_uri()}), PATH, listen_s=LISTEN_S)
    assert report.exit_status == 0
    assert {r.source for r in report.instruments} == {"recordings"}
    assert "4 of 4 instruments can be used" in texts(report, Level.OK)


def test_thresholds_for_a_station_that_is_not_there_are_a_warning(demo_folder, make_config):
    config = make_config(
        {"url": demo_folder.as_uri()}, stations={"BW.UH1": {"on": 0.9}, "BW.UH9": {"on": 0.9}}
    )
    report = diagnose(config, PATH, listen_s=LISTEN_S)
    assert texts(report, Level.WARNING) == ['stations."BW.UH9" matches none of the stations that were found']


def test_an_interruption_ends_every_thread(server, make_config):
    def interrupt(text: str) -> None:
        if text.startswith("listening"):
            raise KeyboardInterrupt

    config = make_config({"url": f"seedlink://{server.address}", "streams": ["BW.UH?", "XX.NONE"]})
    with pytest.raises(KeyboardInterrupt):
        diagnose(config, PATH, listen_s=LISTEN_S, tell=interrupt)
