"""``quake-stream run``: what is refused before anything runs; the running service is tested as a program."""

import hashlib
import json
import os
import pickle
from pathlib import Path

import pytest

from quake_stream.models.registry import WEIGHTS

GOOD = '[[source]]\nurl = "seedlink://127.0.0.1:1"\n[model]\nname = "stalta"\n'


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    path = tmp_path / "home.toml"

    def write(text):
        path.write_text(text)
        return path

    return write


def test_every_mistake_in_the_configuration_is_named_at_once(quake_stream, written):
    path = written('[[source]]\nurl = "http://x"\n[trigger]\nonn = 0.5\n[service]\nlog_level = "loud"\n')
    done = quake_stream("run", path)
    assert done.status == 78
    url, trigger, level = done.err.splitlines()
    assert url.startswith(f"quake-stream: {path}: source[1].url: ")
    assert "seedlink://host:port" in url
    assert trigger.startswith(
        f"quake-stream: {path}: trigger.onn: unknown key; did you mean 'on'? (allowed: "
    )
    assert level.startswith(f"quake-stream: {path}: service.log_level: ")
    assert "'debug', 'info', 'warning' or 'error'" in level


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nonsense", "no model 'nonsense': use one of lstm, lstm-mhsa, stalta"),
        ("/nowhere/my.safetensors", "/nowhere/my"),
    ],
)
def test_a_model_that_is_not_there_is_one_line_and_exit_status_78(quake_stream, written, name, says):
    done = quake_stream("run", written(GOOD.replace("stalta", name)))
    assert done.status == 78
    assert len(done.err.splitlines()) == 1
    assert says in done.err


def spoilt(path, how):
    """Write a copy of a shipped network whose files are not as they were saved; gives its stem."""
    stem = path / "net"
    card = json.loads((WEIGHTS / "lstm.json").read_text())
    weights = (WEIGHTS / "lstm.safetensors").read_bytes()
    if how == "truncated":
        weights = weights[:-1000]
    elif how == "empty":
        weights = b""
    elif how == "bit flip":
        weights = weights[:-2] + bytes([weights[-2] ^ 0x40]) + weights[-1:]
    elif how == "pickle":
        weights = pickle.dumps({"lstm": Trap(path / "trapped")})
        card["sha256"] = hashlib.sha256(weights).hexdigest()
    elif how == "shape":
        card["network"]["hidden"] //= 2
    else:
        card["on"] = 0.99
    stem.with_suffix(".json").write_text(json.dumps(card))
    stem.with_suffix(".safetensors").write_bytes(weights)
    return stem


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        pytest.param("truncated", "net.safetensors: SHA-256 is ", marks=pytest.mark.fault(28)),
        pytest.param("empty", "net.safetensors: SHA-256 is ", marks=pytest.mark.fault(28)),
        pytest.param("bit flip", "net.safetensors: SHA-256 is ", marks=pytest.mark.fault(29)),
        pytest.param("pickle", "net.safetensors: is no valid safetensors", marks=pytest.mark.fault(30)),
        pytest.param("shape", "net.json: was changed after the weights", marks=pytest.mark.fault(31)),
        pytest.param("threshold", "net.json: was changed after the weights", marks=pytest.mark.fault(29)),
    ],
)
def test_a_model_that_is_not_as_it_was_saved_is_one_line_and_exit_status_78(
    quake_stream, written, tmp_path, how, says
):
    stem = spoilt(tmp_path, how)
    done = quake_stream("run", written(GOOD.replace("stalta", str(stem))))
    assert done.status == 78
    (line,) = done.err.splitlines()
    assert line.startswith("quake-stream: ")
    assert says in line
    assert not (tmp_path / "trapped").exists()


def test_a_missing_file_is_one_line_and_exit_status_78(quake_stream, tmp_path):
    done = quake_stream("run", tmp_path / "none.toml")
    assert (done.status, done.err) == (78, f"quake-stream: {tmp_path}/none.toml: No such file or directory\n")


@pytest.mark.parametrize("key", ["state_dir", "runtime_dir"])
def test_a_folder_that_cannot_be_made_is_one_line_and_exit_status_1(quake_stream, written, tmp_path, key):
    (tmp_path / "file").write_text("")
    path = written(f'{GOOD}[service]\n{key} = "{tmp_path}/file/below"\n')
    done = quake_stream("run", path)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert f"the {key.removesuffix('_dir')} folder cannot be used" in line
    assert f"{tmp_path}/file" in line


def test_recordings_that_are_not_there_are_exit_status_66(quake_stream, written):
    done = quake_stream("run", written(GOOD.replace("seedlink://127.0.0.1:1", "file:///nowhere")))
    assert done.status == 66
    assert done.err.splitlines()[-1] == "quake-stream: /nowhere: no such file or folder"


def test_recordings_and_servers_are_not_mixed(quake_stream, written):
    done = quake_stream("run", written(GOOD.replace("[model]", '[[source]]\nurl = "file:///tmp"\n[model]')))
    assert done.status == 78
    assert "cannot be read in one run" in done.err


def test_a_feed_that_others_could_reach_is_refused_with_what_to_do(quake_stream, written):
    done = quake_stream("run", written(GOOD + '[publish]\nbind = "tcp://0.0.0.0:5999"\n'))
    assert done.status == 78
    assert "allow_insecure = true" in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda keys: Path(keys["key"]).unlink(), "No such file"),
        (lambda keys: Path(keys["clients"]).write_text("nonsense"), "line 1 is not a name"),
        (lambda keys: keys.pop("clients"), "key and clients belong together"),
    ],
)
def test_the_service_does_not_start_half_secured(quake_stream, written, tmp_path, spoil, why):
    assert quake_stream("keys", "new", "station", "--folder", tmp_path).status == 0
    keys = {"key": f"{tmp_path}/station.server.key", "clients": f"{tmp_path}/station.clients"}
    spoil(keys)
    lines = [f"{name} = {json.dumps(value)}" for name, value in keys.items()]
    done = quake_stream("run", written("\n".join([GOOD + "[publish]", 'bind = "tcp://127.0.0.1:*"', *lines])))
    assert done.status == 78
    assert why in done.err.splitlines()[-1]
