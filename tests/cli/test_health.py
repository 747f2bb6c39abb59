"""``quake-stream health``: exit status, words, JSON."""

import json
import os
import time

import pytest

from quake_stream.health import Health, HealthFile, SourceHealth


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "home.toml"
    path.write_text(f'[[source]]\nurl = "seedlink://nowhere"\n[service]\nruntime_dir = "{tmp_path}/run"\n')
    return path


@pytest.fixture
def report(tmp_path):
    (tmp_path / "run").mkdir()

    def write(state, *reasons, live=True, ready=True):
        HealthFile(tmp_path / "run" / "home.health.json").write(
            Health(
                state=state,
                live=live,
                ready=ready,
                reasons=reasons,
                written_s=time.time(),
                pid=os.getpid(),
                uptime_s=61.0,
                version="1",
                model="stalta",
                model_sha256="00",
                sources=(SourceHealth(name="a:18000", n_packets=3, last_packet_age_s=1.0),),
                stations={"ok": 2, "stale": 1},
                queue_depth=0,
                windows_per_s=4.0,
                n_detections=7,
                counts={"gaps": 1},
            )
        )

    return write


def test_a_service_that_is_well_is_exit_status_0(quake_stream, config, report):
    report("ok")
    done = quake_stream("health", config)
    assert done.status == 0
    assert done.out.splitlines() == [
        "ok",
        "live, ready",
        "up 61 s, model stalta, instruments: 2 ok, 1 stale",
        "4.0 windows/s, 7 detections",
    ]


def test_a_degraded_service_is_exit_status_1_with_the_reasons(quake_stream, config, report):
    report("degraded", "no data from a:18000 for 200 s", ready=False)
    done = quake_stream("health", config)
    assert done.status == 1
    assert done.out.splitlines()[:3] == ["degraded", "- no data from a:18000 for 200 s", "live, not ready"]


def test_a_service_that_hangs_is_down_though_it_runs(quake_stream, config, report):
    report("down", "worker makes no progress", live=False)
    done = quake_stream("health", config)
    assert done.status == 2
    assert done.out.splitlines()[1:4] == [
        "- worker makes no progress",
        "not live, ready",
        "up 61 s, model stalta, instruments: 2 ok, 1 stale",
    ]


def test_no_service_is_exit_status_2(quake_stream, config, tmp_path):
    done = quake_stream("health", config)
    assert done.status == 2
    assert (
        done.out
        == f"down\n- no service is running: {tmp_path}/run/home.health.json does not exist\nnot live, not ready\n"
    )


def test_json_holds_everything(quake_stream, config, report):
    report("degraded", "because")
    done = quake_stream("health", config, "--json")
    assert done.status == 1
    (line,) = done.out.splitlines()
    found = json.loads(line)
    assert (found["live"], found["ready"]) == (True, True)
    assert (found["state"], found["reasons"], found["counts"]) == ("degraded", ["because"], {"gaps": 1})
    assert found["sources"] == [{"name": "a:18000", "n_packets": 3, "last_packet_age_s": 1.0}]


def test_a_wrong_configuration_is_exit_status_78(quake_stream, tmp_path):
    assert quake_stream("health", tmp_path / "none.toml").status == 78
