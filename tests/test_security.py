"""What no part of the program may do, and what no file or peer may make it do."""

import ast
import json
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from program import DEADLINE_S

from quake_stream.models.registry import WEIGHTS
from quake_stream.publish.clients import write_clients
from quake_stream.publish.keys import new_pair, write_key
from quake_stream.publish.subscriber import Subscriber

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


LOOPBACK = {"0100007F", "00000000000000000000000001000000"}  # as the kernel writes 127.0.0.1 and ::1


def listens_on(pid: int) -> set[str]:
    """Hexadecimal addresses on which a process waits for connections, as the kernel writes them."""
    process = Path(f"/proc/{pid}")
    ours = set()
    for link in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            ours.add(str(link.readlink()))
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in (process / "net" / table).read_text().splitlines()[1:]
    ]
    return {
        words[1].partition(":")[0] for words in lines if words[3] == "0A" and f"socket:[{words[9]}]" in ours
    }


def test_a_secret_key_is_in_no_log_no_report_and_no_file_and_all_that_listens_is_loopback(tmp_path, program):
    server, client = new_pair(), new_pair()
    write_key(tmp_path / "server.key", server, owner="station")
    write_key(tmp_path / "client.key", client, owner="client", server=server.public)
    write_clients(tmp_path / "clients", {"client": client.public})
    config = tmp_path / "station.toml"
    config.write_text(
        '[[source]]\nurl = "seedlink://127.0.0.1:1"\n[model]\nname = "stalta"\n'
        f'[service]\nstate_dir = "{tmp_path}/s"\nruntime_dir = "{tmp_path}/s"\nlog_format = "json"\n'
        'log_level = "debug"\n[publish]\nbind = "tcp://127.0.0.1:*"\nheartbeat_s = 0.1\n'
        f'key = "{tmp_path}/server.key"\nclients = "{tmp_path}/clients"\n'
    )
    service = program("run", config)
    ready = service.event("service.ready")
    assert listens_on(service.process.pid)
    assert listens_on(service.process.pid) <= LOOPBACK
    with Subscriber(
        ready["bind"],
        replay=ready["replay_bind"],
        key=tmp_path / "client.key",
        since_ns=0,
        timeout_s=DEADLINE_S,
    ) as subscriber:
        subscriber.receive()
    (tmp_path / "server.key").write_text(f"nonsense {server.secret}")
    service.ask(signal.SIGHUP)
    service.event("service.reloaded")
    written = [path.read_bytes() for path in (tmp_path / "s").rglob("*") if path.is_file()]
    assert written
    assert service.stop(signal.SIGTERM) == 0
    said = "\n".join([*service.err, *service.out]).encode()
    for secret in (server.secret, client.secret):
        assert all(secret.encode() not in text for text in (said, *written))
