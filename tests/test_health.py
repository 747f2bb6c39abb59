"""The health report: live and ready told apart, reasons in words."""

import json
import os
import subprocess
import sys

import pytest

from quake_stream.health import Health, HealthFile, SourceHealth, assess, is_ready, state_of


def health(**changes) -> Health:
    values = {
        "state": "ok",
        "live": True,
        "ready": True,
        "reasons": (),
        "written_s": 1000.0,
        "pid": os.getpid(),
        "uptime_s": 60.0,
        "version": "1",
        "model": "lstm",
        "model_sha256": "00",
        "sources": (SourceHealth(name="a:18000", n_packets=3, last_packet_age_s=1.0),),
        "stations": {"ok": 1},
        "queue_depth": 0,
        "windows_per_s": 2.0,
        "n_detections": 0,
        "counts": {"gaps": 1},
    }
    return Health(**(values | changes))


def judge(**changes):
    values = {
        "sources": (),
        "lost": {},
        "stuck": (),
        "stations": {},
        "n_dropped_lately": 0,
        "feed_problem": "",
        "stale_after_s": 120.0,
        "uptime_s": 60.0,
    }
    problems = assess(**(values | changes))
    assert len({problem.kind for problem in problems}) == len(problems)
    return state_of(problems, live=not changes.get("stuck")), tuple(problem.words for problem in problems)


def test_what_is_written_is_read_back(tmp_path):
    file = HealthFile(tmp_path / "a.health.json")
    file.write(health())
    assert file.read(now_s=1005.0) == health()
    file.remove()
    gone = file.read(now_s=1005.0)
    assert (gone.state, gone.live, gone.ready) == ("down", False, False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "does not exist"),
        *((text, "cannot be read") for text in ("", "{", "{}", "[1]", "[" * 100_000, '{"pid": "x"}', "\0")),
    ],
)
def test_a_missing_or_torn_report_means_down(tmp_path, content, reason):
    path = tmp_path / "a.health.json"
    if content is not None:
        path.write_text(content)
    report = HealthFile(path).read(now_s=1000.0)
    assert report.state == "down"
    assert reason in report.reasons[0]
    assert "\n" not in report.reasons[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pid": "one"}, "cannot be read"),
        ({"written_s": None}, "cannot be read"),
        ({"sources": [1]}, "cannot be read"),
        ({"stations": {"ok": "many"}}, "cannot be read"),
        ({"pid": 2**70}, "has ended"),
        ({"of a later version": 1}, ""),
    ],
)
def test_a_report_with_other_contents_is_not_trusted(tmp_path, change, reason):
    path = tmp_path / "a.health.json"
    HealthFile(path).write(health())
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    report = HealthFile(path).read(now_s=1005.0)
    assert reason in " ".join(report.reasons)
    assert (report.state == "down") is bool(reason)


@pytest.mark.parametrize("name", ["a.health.json", "a.health.part"])
def test_what_is_planted_in_place_of_a_report_leads_nowhere_and_holds_nobody_up(tmp_path, name):
    (tmp_path / "victim").write_text("precious")
    for plant in (lambda path: path.symlink_to(tmp_path / "victim"), os.mkfifo):
        (tmp_path / name).unlink(missing_ok=True)
        plant(tmp_path / name)
        file = HealthFile(tmp_path / "a.health.json")
        if name.endswith("json"):
            assert "cannot be read" in file.read(now_s=1005.0).reasons[0]
        file.write(health())
        assert file.read(now_s=1005.0) == health()
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_feed_that_cannot_keep_its_messages_degrades_the_service():
    state, reasons = judge(feed_problem="messages cannot be journalled (No space left on device)")
    assert state == "degraded"
    assert reasons == ("feed: messages cannot be journalled (No space left on device)",)


def test_an_old_report_means_down(tmp_path):
    file = HealthFile(tmp_path / "a.health.json")
    file.write(health())
    report = file.read(now_s=1030.0)
    assert (report.state, report.reasons) == ("down", (f"process {os.getpid()} has not reported for 30 s",))


def test_a_report_of_a_process_that_has_ended_means_down(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(timeout=60)
    file = HealthFile(tmp_path / "a.health.json")
    file.write(health(pid=ended.pid))
    assert file.read(now_s=1000.0).reasons == (f"process {ended.pid} has ended",)


def test_all_well_means_ok_without_reasons():
    source = SourceHealth(name="a:18000", n_packets=1, last_packet_age_s=3.0)
    assert judge(sources=(source,), stations={"ok": 3}) == ("ok", ())


def test_a_part_that_hangs_means_down_whatever_else_is_wrong():
    state, reasons = judge(stuck={"worker"}, feed_problem="no")
    assert (state, reasons) == ("down", ("worker makes no progress", "feed: no"))


def test_a_server_that_cannot_be_reached_is_told_with_the_reason():
    source = SourceHealth(name="a:18000", n_packets=0, last_packet_age_s=None)
    (reason,) = judge(sources=(source,), uptime_s=200.0, lost={"a:18000": "refused", "b:1": "eof"})[1]
    assert reason == "no data from a:18000 for 200 s (no connection: refused)"


@pytest.mark.parametrize(
    ("ages_s", "ready"),
    [((), False), ((None,), False), ((1.0,), True), ((200.0, 119.0), True), ((200.0, None), False)],
)
def test_ready_means_that_data_come_in_from_any_source(ages_s, ready):
    sources = [
        SourceHealth(name=f"s{n}", n_packets=1, last_packet_age_s=age_s) for n, age_s in enumerate(ages_s)
    ]
    assert is_ready(sources, 120.0) is ready


def test_a_silent_server_means_degraded_and_names_the_server():
    source = SourceHealth(name="a:18000", n_packets=1, last_packet_age_s=200.0)
    assert judge(sources=(source,)) == ("degraded", ("no data from a:18000 for 200 s",))


def test_a_server_that_never_sent_is_given_time_after_the_start():
    source = SourceHealth(name="a:18000", n_packets=0, last_packet_age_s=None)
    assert judge(sources=(source,), uptime_s=60.0)[0] == "ok"
    assert judge(sources=(source,), uptime_s=130.0)[0] == "degraded"


def test_stations_in_trouble_and_drops_are_counted_in_the_reasons():
    state, reasons = judge(stations={"ok": 2, "stale": 1, "refused": 3, "warming_up": 4}, n_dropped_lately=7)
    assert state == "degraded"
    assert reasons == (
        "1 of 10 instruments: stale",
        "3 of 10 instruments: refused",
        "7 packets, windows or messages dropped in the last minute",
    )
