"""Who may import whom: the architecture, as a table that a machine reads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "quake_stream"
MODULES = sorted(PACKAGE.rglob("*.py"))

BASE = {"source_id", "types", "errors", "counters", "histogram", "selection", "protocols"}
PARTS = {
    *BASE,
    *(
        "config",
        "config_sections",
        "windowing",
        "detection",
        "mseed",
        "ingest",
        "replay",
        "models",
        "publish",
        "training",
    ),
    "evaluation",
    *("formats", "clock", "packet_queue", "onset", "log", "metrics", "health", "notify", "supervision"),
    *("pipeline", "stations", "worker", "config_diff", "watchdog", "vitals", "network", "catalogue"),
    *("salvage", "containment", "failure_log", "station_log", "service_log"),
    *("arrivals", "intake", "scrape"),
    "safe_open",
    "memory",
}
# Each part of the package, in the order in which data flow, and what it may import besides itself.
LAYERS = {
    # base
    "source_id": set(),
    "types": {"source_id"},
    "errors": set(),
    "counters": set(),
    "histogram": set(),
    "selection": {"source_id"},
    "throttle": set(),
    "protocols": {"source_id", "types", "counters", "errors"},
    "safe_open": set(),
    "memory": set(),
    # configuration
    "config_problems": BASE,
    "config_sections": BASE,
    "config": BASE | {"config_problems", "config_sections"},
    # pure core
    "windowing": BASE,
    "detection": BASE | {"windowing"},
    # edges: none imports another, except for how records are read
    "mseed": BASE,
    "ingest": BASE | {"throttle", "mseed", "safe_open"},
    "replay": BASE | {"mseed"},
    "models": BASE | {"detection", "safe_open"},
    "publish": BASE | {"safe_open"},
    "network": BASE | {"publish.iso8601", "publish.frames", "publish.sequence", "publish.wire"},
    "catalogue": BASE | {"network", "publish.iso8601"},
    "training": BASE | {"windowing", "detection", "models", "mseed"},
    "evaluation": BASE | {"windowing", "detection", "training", "mseed"},
    "formats": BASE | {"publish.iso8601"},
    "bench": BASE | {"publish"},
    "export": BASE
    | {"formats", "log", "safe_open", "supervision"}
    | {"publish.iso8601", "publish.frames", "publish.sequence", "publish.subscriber"},
    # parts of the process
    "clock": BASE,
    "backlog": BASE,
    "packet_queue": BASE | {"backlog"},
    "onset": BASE,
    "log_stream": set(),
    "log": BASE | {"log_stream"},
    "metrics": BASE | {"supervision"},
    "symptoms": BASE,
    "health": BASE | {"safe_open", "symptoms"},
    "notify": BASE,
    "supervision": BASE | {"safe_open"},
    # wiring
    "salvage": BASE,
    "failure_log": BASE,
    "containment": BASE,
    "pipeline": BASE | {"clock", "detection", "salvage"},
    "stations": BASE | {"detection", "publish.wire"},
    "station_log": BASE | {"stations", "throttle", "publish.iso8601"},
    "worker": BASE | {"packet_queue", "pipeline", "stations", "station_log", "detection", "publish.wire"},
    "config_diff": BASE | {"config"},
    "watchdog": BASE,
    "arrivals": BASE,
    "intake": BASE | {"arrivals", "health"},
    "service_log": BASE | {"health", "symptoms", "throttle"},
    "vitals": BASE | {"symptoms", "health", "intake", "packet_queue", "worker"},
    "scrape": BASE | {"arrivals", "metrics", "models.timed", "vitals"},
    "build": PARTS,
    "offline": PARTS | {"build"},
    "service": PARTS | {"build"},
    "diagnosis": PARTS | {"build"},
    "cli": PARTS | {"build", "offline", "service", "diagnosis", "export", "bench"},
    "__main__": {"cli"},
}

# Modules that decide and are told everything: no clock, thread, socket, file or log.
PURE = {
    "windowing",
    "detection",
    "backlog",
    "throttle",
    "network.geometry",
    "network.rule",
    "network.coincidence",
}

# Modules without a test file of their own, each with the reason.
WITHOUT_TEST_FILE = {
    "__main__.py": "one call of the command line, which the black-box tests start as a program",
    "protocols.py": "nothing that runs; mypy holds the shipped classes against it where they are handed over",
}


def dotted(path):
    """``quake_stream/a/b.py`` → ``a.b``; a package is named by its folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path) for path in MODULES}


def imports(path):
    """Modules of the package that a module imports, as dotted names below ``quake_stream``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            head, _, name = target.partition(".")
            if head != PACKAGE.name:
                continue
            while name not in NAMES:  # the last parts name a class or function
                name = name.rpartition(".")[0]
            found.add(name)
    return found - {""}  # the package itself holds its version only


def part(name):
    return name.partition(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_what_its_layer_may(path):
    own = part(dotted(path))
    if not own:  # quake_stream/__init__.py
        assert imports(path) == set()
        return
    assert own in LAYERS, f"{own} has no line in the table of layers"
    allowed = LAYERS[own] | {own}
    wrong = {name for name in imports(path) if part(name) not in allowed and name not in allowed}
    assert wrong == set()


def test_the_table_of_layers_has_no_cycle():
    above = {name: {part(other) for other in below} - {name} for name, below in LAYERS.items()}
    while above:
        bottom = {name for name, below in above.items() if not below & above.keys()}
        assert bottom, f"cycle among {sorted(above)}"
        above = {name: below for name, below in above.items() if name not in bottom}


def test_the_pure_core_leaves_every_edge_library_alone():
    names = sorted(name for name in NAMES if {name, part(name)} & PURE)
    code = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module("quake_stream." + name)
print(*sorted({{"torch", "obspy", "zmq", "structlog", "pymseed", "pydantic"}} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_no_module_of_the_pure_core_knows_clock_thread_socket_file_or_log():
    forbidden = {"time", "datetime", "threading", "socket", "asyncio", "logging", "random", "os", "pathlib"}
    for path in MODULES:
        if not {dotted(path), part(dotted(path))} & PURE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            assert not forbidden & {part(name) for name in names}, path


def test_every_module_has_a_test_file_of_its_name():
    missing = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if path.name != "__init__.py"
        and not (ROOT / "tests" / path.relative_to(PACKAGE).parent / f"test_{path.name}").is_file()
    }
    assert missing == set(WITHOUT_TEST_FILE)


def test_every_test_file_has_a_module_of_its_name():
    """A test file that mirrors nothing tests the whole program, and says so by being in ``tests`` itself."""
    tests = ROOT / "tests"
    astray = {
        str(path.relative_to(tests))
        for path in tests.glob("*/**/test_*.py")
        if not (PACKAGE / path.relative_to(tests).parent / path.name.removeprefix("test_")).is_file()
        and not (PACKAGE / path.relative_to(tests).parent / path.stem.removeprefix("test_")).is_dir()
    }
    assert astray == set()
