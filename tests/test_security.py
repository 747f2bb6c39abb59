"""What no part of the program may do, and what no file or peer may make it do."""

import ast
import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from quake_stream.models.registry import WEIGHTS

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = sorted(
    path
    for folder in ("quake_stream", "examples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts
)

# Each can run code that is in the data it reads.
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
# Of these, what reads pickles unless it is told not to; the argument that tells it.
GUARDED = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}


def dangers(source: str) -> list[str]:
    """Name what a program does that could run code from data, or hand words to a shell."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [name for name in names if name.partition(".")[0] in FORBIDDEN_MODULES]
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        options = {word.arg: word.value for word in node.keywords}
        if name in GUARDED:
            option, wanted = GUARDED[name]
            given = options.get(option)
            is_safe = isinstance(given, ast.Constant) and given.value is wanted
            found += [] if is_safe else [f"{name} without {option}={wanted}"]
        is_shell = "shell" in options or name in {"os.system", "os.popen"}
        found += [name] if name in FORBIDDEN_CALLS or is_shell else []
    return found


@pytest.mark.fault(30)
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_program_reads_data_that_could_hold_code(path):
    assert dangers(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=chosen)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
        "subprocess.run(line, shell=True)",
        "os.system(line)",
    ],
)
def test_such_a_program_would_be_found(source):
    assert dangers(source)


@pytest.mark.fault(28)
def test_a_reload_changes_nothing_of_the_model_whatever_became_of_its_files(tmp_path, program):
    for suffix in (".json", ".safetensors"):
        shutil.copy(WEIGHTS / f"lstm{suffix}", tmp_path / f"net{suffix}")
    config = tmp_path / "station.toml"
    text = (
        f'[[source]]\nurl = "seedlink://127.0.0.1:1"\n[model]\nname = "{tmp_path}/net"\n'
        f'[service]\nstate_dir = "{tmp_path}/s"\nruntime_dir = "{tmp_path}/r"\nlog_format = "json"\n'
        '[publish]\nbind = "tcp://127.0.0.1:*"\n'
    )
    config.write_text(text)
    service = program("run", config)
    sha256 = service.event("service.ready")["model_sha256"]
    (tmp_path / "net.safetensors").write_bytes(b"")
    (tmp_path / "net.json").unlink()
    config.write_text(text.replace("/net", "/other"))
    service.ask(signal.SIGHUP)
    assert service.event("service.reloaded")["needs_restart"] == ["model.name"]
    health = json.loads((tmp_path / "r" / "station.health.json").read_text())
    assert health["model_sha256"].startswith(sha256)
    assert service.stop(signal.SIGTERM) == 0


NAMES_OF_STATE = (
    "station.positions.json",
    "station.positions.json.tmp",
    "station.positions.json.corrupt-1",
    "station.journal/000000000001.journal",
    "station.journal/000000000001.journal.damaged-1",
    "station.health.json",
    "station.health.part",
)


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe"])
def test_what_is_planted_in_the_state_folder_holds_nobody_up_and_nothing_is_written_elsewhere(
    tmp_path, program, kind
):
    elsewhere, state = tmp_path / "elsewhere", tmp_path / "s"
    elsewhere.mkdir()
    state.mkdir()
    state.chmod(0o777)
    (victim := elsewhere / "victim").write_text("precious")
    config = tmp_path / "station.toml"
    config.write_text(
        '[[source]]\nurl = "seedlink://127.0.0.1:1"\n[model]\nname = "stalta"\n'
        f'[service]\nstate_dir = "{state}"\nruntime_dir = "{state}"\nlog_format = "json"\n'
        '[publish]\nbind = "tcp://127.0.0.1:*"\nheartbeat_s = 0.1\n'
    )
    plant = {
        "link": lambda path: path.symlink_to(victim),
        "hard link": lambda path: path.hardlink_to(victim),
        "pipe": os.mkfifo,
    }[kind]
    (state / "station.journal").mkdir()
    for name in NAMES_OF_STATE:
        plant(state / name)
    service = program("run", config)
    service.event("service.ready")
    assert [line["folder"] for line in service.events("service.folder_open_to_others")] == [str(state)]
    assert service.stop(signal.SIGTERM) == 0
    assert victim.read_text() == "precious"
    assert list(elsewhere.iterdir()) == [victim]


def test_a_secret_key_is_in_no_log_no_report_and_no_answer(tmp_path, program):
    assert program("keys", "new", "station", "--folder", tmp_path).end() == 0
    secrets = [
        keys.read_text().partition('secret-key = "')[2].partition('"')[0] for keys in tmp_path.glob("*.key")
    ]
    config = tmp_path / "station.toml"
    config.write_text(
        '[[source]]\nurl = "seedlink://127.0.0.1:1"\n[model]\nname = "stalta"\n'
        f'[service]\nstate_dir = "{tmp_path}/s"\nruntime_dir = "{tmp_path}/s"\nlog_format = "json"\n'
        'log_level = "debug"\n[publish]\nbind = "tcp://127.0.0.1:*"\nheartbeat_s = 0.1\n'
        f'key = "{tmp_path}/station.server.key"\nclients = "{tmp_path}/station.clients"\n'
    )
    service = program("run", config)
    ready = service.event("service.ready")
    heard = program(
        *(
            "listen",
            ready["bind"],
            "--replay",
            ready["replay_bind"],
            "--key",
            tmp_path / "station.client.key",
        ),
        *("--topic", "heartbeat", "--since", "1h", "--json", "--count", 2),
    )
    assert heard.end() == 0
    (tmp_path / "station.server.key").write_text("nonsense")
    service.ask(signal.SIGHUP)
    service.event("service.reloaded")
    assert service.stop(signal.SIGTERM) == 0
    damaged = program("run", config)
    assert damaged.end() == 78
    written = [path.read_bytes() for path in (tmp_path / "s").rglob("*") if path.is_file()]
    assert written
    said = "\n".join([*service.err, *service.out, *heard.err, *heard.out, *damaged.err]).encode()
    assert len(secrets) == 2
    for secret in secrets:
        assert len(secret) == 40
        assert all(secret.encode() not in text for text in (said, *written))
