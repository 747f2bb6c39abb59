"""Folders and ports of this machine."""

import os
import socket
import time

import pytest
import zmq

from quake_stream import config_sections
from quake_stream.diagnosis import host
from quake_stream.diagnosis.report import Level
from quake_stream.health import Health, HealthFile
from quake_stream.publish.clients import add_client, write_clients
from quake_stream.publish.keys import new_pair, write_key

SOURCE = {"url": "seedlink://localhost"}


def told(config) -> dict[str, tuple[Level, str]]:
    return {finding.about: (finding.level, finding.text) for finding in host.findings(config, "home")}


@pytest.fixture
def taken():
    """Bind a TCP address, as another publisher would."""
    context = zmq.Context()
    publisher = context.socket(zmq.PUB)
    publisher.bind("tcp://127.0.0.1:*")
    yield publisher.get_string(zmq.LAST_ENDPOINT)
    publisher.close(0)
    context.term()


def write_health(folder) -> None:
    """Leave what a running service, this process, would."""
    health = Health(
        state="ok",
        live=True,
        ready=True,
        reasons=(),
        written_s=time.time(),
        pid=os.getpid(),
        uptime_s=1.0,
        version="0",
        model="stalta",
        model_sha256="",
        sources=(),
        stations={},
        queue_depth=0,
        windows_per_s=0.0,
        n_detections=0,
        counts={},
    )
    HealthFile(folder / "home.health.json").write(health)


def test_a_folder_that_is_not_there_yet_will_be_made_and_is_not_made_now(make_config, tmp_path):
    level, text = told(make_config(SOURCE))["state folder"]
    assert (level, text) == (Level.OK, f"{tmp_path / 'state'} will be made at the first start")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_tried_and_left_as_it_was(make_config, tmp_path):
    (tmp_path / "state").mkdir()
    findings = told(make_config(SOURCE))
    assert findings["state folder"] == (Level.OK, f"{tmp_path / 'state'} can be written")
    assert findings["runtime folder"] == (Level.OK, f"{tmp_path} can be written")
    assert list((tmp_path / "state").iterdir()) == []


def test_a_file_in_place_of_a_folder_is_a_problem(make_config, tmp_path):
    (tmp_path / "state").touch()
    level, text = told(make_config(SOURCE))["state folder"]
    assert level is Level.PROBLEM
    assert "cannot be written" in text


def test_a_folder_where_nothing_can_be_made_is_a_problem(make_config):
    service = {"state_dir": "/proc/nowhere", "runtime_dir": "/proc/nowhere"}
    findings = told(make_config(SOURCE, service=service))
    assert findings["state folder"][0] is Level.PROBLEM
    assert "runtime folder" not in findings


def test_a_free_port_is_found_free_and_freed_again(make_config):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bind = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    config = make_config(SOURCE, publish={"bind": bind, "replay_bind": "tcp://127.0.0.1:*"})
    assert told(config)["publish"] == told(config)["publish"] == (Level.OK, f"{bind} is free")


def test_a_port_in_use_is_a_problem(make_config, taken):
    level, text = told(make_config(SOURCE, publish={"bind": taken}))["publish"]
    assert level is Level.PROBLEM
    assert taken in text
    assert "in use" in text


def test_a_port_in_use_by_the_service_itself_is_none(make_config, taken, tmp_path):
    write_health(tmp_path)
    findings = told(make_config(SOURCE, publish={"bind": taken}))
    assert findings["publish"] == (Level.OK, f"{taken} is in use by the running service")
    assert str(os.getpid()) in findings["service"][1]


def test_an_open_address_is_a_wrong_configuration_unless_it_is_meant(make_config):
    open_address = {"bind": "tcp://0.0.0.0:*"}
    level, text = told(make_config(SOURCE, publish=open_address))["configuration"]
    assert level is Level.PROBLEM
    assert "allow_insecure" in text
    meant = host.findings(make_config(SOURCE, publish=open_address | {"allow_insecure": True}), "home")
    assert [f.level for f in meant if f.about == "publish"] == [Level.OK, Level.WARNING]


def test_a_socket_file_is_not_taken_from_a_running_service(make_config, tmp_path):
    path = tmp_path / "feed"
    path.write_text("the service's socket")
    assert told(make_config(SOURCE, publish={"bind": f"ipc://{path}"}))["publish"][0] is Level.OK
    assert path.read_text() == "the service's socket"


@pytest.mark.parametrize("place", ["/nowhere/feed", "/tmp/" + "x" * 110])
def test_a_socket_file_that_cannot_be_made_is_a_problem(make_config, place):
    assert told(make_config(SOURCE, publish={"bind": f"ipc://{place}"}))["publish"][0] is Level.PROBLEM


def test_who_may_subscribe_to_an_encrypted_feed_is_told(make_config, tmp_path):
    key, clients = tmp_path / "key", tmp_path / "clients"
    write_key(key, new_pair(), owner="home")
    write_clients(clients, {})
    encrypted = make_config(
        SOURCE, publish={"bind": "tcp://0.0.0.0:*", "key": str(key), "clients": str(clients)}
    )
    assert told(encrypted)["publish"] == (Level.WARNING, f"{clients} is empty, so nobody may subscribe")
    add_client(clients, "reader", new_pair().public)
    assert told(encrypted)["publish"] == (Level.OK, "encrypted; who may subscribe: reader")
    key.chmod(0o644)
    level, text = told(encrypted)["configuration"]
    assert level == Level.PROBLEM
    assert "chmod 600" in text


def test_where_metrics_will_be_is_told(make_config):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
    config = make_config(SOURCE, metrics={"bind": bind})
    assert told(config)["metrics"] == told(config)["metrics"] == (Level.OK, f"http://{bind}/metrics is free")
    assert "metrics" not in told(make_config(SOURCE))


def test_metrics_on_a_port_in_use_are_a_warning_unless_the_service_itself_has_it(make_config, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = make_config(SOURCE, metrics={"bind": f"127.0.0.1:{listener.getsockname()[1]}"})
        level, text = told(config)["metrics"]
        assert level is Level.WARNING
        assert "Address already in use; free the address, or set another metrics.bind" in text
        write_health(tmp_path)
        assert told(config)["metrics"][0] is Level.OK


def test_that_another_program_has_the_usual_address_of_metrics_is_only_told(make_config, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        monkeypatch.setattr(config_sections, "_METRICS_BIND", f"127.0.0.1:{address[1]}")
        level, text = told(make_config(SOURCE, metrics={}))["metrics"]
    assert level is Level.OK
    assert text.startswith(f"none: another program has http://127.0.0.1:{address[1]}/metrics")


def test_metrics_open_to_others_are_a_warning(make_config):
    config = make_config(SOURCE, metrics={"bind": "0.0.0.0:0", "allow_insecure": True})
    assert told(config)["metrics"][0] is Level.WARNING
