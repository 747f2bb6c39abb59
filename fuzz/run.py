"""
Run all targets, or those named, under libFuzzer: ``python -m fuzz.run [--seconds 60] [NAME …]``.

Inputs that reach something new are kept from run to run in ``.fuzz/NAME``; one that breaks a property is written
beside them, and the exit status is 1.
"""

import argparse
import importlib
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(".fuzz")
MAX_BYTES = 4096
INPUT_LIMIT_S = 10  # for one input; the slowest honest ones take some milliseconds
MEMORY_LIMIT_MB = 2048  # torch alone has a quarter of that

_N_RUNS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def names() -> list[str]:
    """Give the names of all targets."""
    return sorted(path.stem for path in Path(__file__).parent.glob("targets/[!_]*.py"))


def command(name: str, folder: Path, *options: str) -> list[str]:
    """Write the seeds of a target into a folder, and give the command that starts from them."""
    target = importlib.import_module(f"fuzz.targets.{name}")
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    max_bytes = getattr(target, "MAX_BYTES", MAX_BYTES)
    return [
        *(sys.executable, "-m", "fuzz.one", name),
        *(f"-max_len={max_bytes}", f"-timeout={INPUT_LIMIT_S}", f"-rss_limit_mb={MEMORY_LIMIT_MB}"),
        *(f"-artifact_prefix={folder}/{name}-", "-print_final_stats=1", *options, str(corpus)),
    ]


def main() -> None:
    """Run the targets one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names())}")
    parser.add_argument("--seconds", type=int, default=60, help="time for each target")
    options = parser.parse_args()
    broken = []
    for name in options.names or names():
        done = subprocess.run(  # noqa: S603  our own program
            command(name, FOLDER, f"-max_total_time={options.seconds}"),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        found = _N_RUNS.search(done.stderr)
        print(f"{name}: {found[1] if found else 'no'} inputs, exit status {done.returncode}", flush=True)
        if done.returncode:
            broken.append(name)
            print(done.stdout[-5000:], done.stderr[-2000:], sep="\n")
    if broken:
        sys.exit(f"broken: {', '.join(broken)}; see {FOLDER}")


if __name__ == "__main__":
    main()
