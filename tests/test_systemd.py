"""
The unit file: what systemd says of it, and the service's life under a real systemd.

The stories boot systemd in a sandbox; they need root and the sandbox tool beside the checkout.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import obspy
import pytest
from synthetic import RATE_HZ, START_NS, samples

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "systemd" / "quake-stream@.service"
SANDBOX = ROOT.parent / "shared" / "tools" / "systemd-sandbox"
EXPOSURE_LIMIT = 1.5

STORIES = ROOT / "tests" / "systemd"


def needs(condition: bool, what: str) -> None:
    if not condition:
        pytest.skip(f"NOT RUN: {what}")


@pytest.fixture
def unit(tmp_path):
    """Write the unit with a program that exists, under the name of an instance."""
    needs(shutil.which("systemd-analyze") is not None, "systemd-analyze is not installed")
    text = UNIT.read_text().replace("/opt/quake-stream/venv/bin/quake-stream", "/bin/true")
    path = tmp_path / "quake-stream@test.service"
    path.write_text(text.replace("file:/opt/quake-stream/README.md", f"file:{ROOT}/README.md"))
    return path


@pytest.mark.systemd
def test_systemd_finds_nothing_to_complain_about(unit):
    # verify exits 0 on unknown keys and only says so, hence the empty standard error.
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.systemd
def test_the_exposure_of_the_unit_stays_low(unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    verdict = next(line for line in done.stdout.splitlines() if "Overall exposure level" in line)
    assert float(verdict.split(":")[1].split()[0]) <= EXPOSURE_LIMIT


@pytest.fixture
def records(tmp_path):
    """Write 90 minutes of one station, with something to detect every minute."""
    folder = tmp_path / "records"
    folder.mkdir()
    trace = obspy.Trace(samples(5400, range(40, 5400, 60)))
    trace.stats.update({"network": "CX", "station": "PB01", "channel": "HHZ", "sampling_rate": RATE_HZ})
    trace.stats.starttime = obspy.UTCDateTime(ns=START_NS)
    trace.write(str(folder / "CX.PB01..HHZ.mseed"), format="MSEED", reclen=512)
    return folder


@pytest.fixture
def tell(tmp_path, records):
    """Tell a story under a real systemd; returns the steps that it passed."""

    def run(story: str) -> list[str]:
        needs(SANDBOX.is_file(), "the systemd sandbox in ../shared/tools is not here")
        needs(os.geteuid() == 0, "this needs root")
        script = tmp_path / "script.sh"
        parts = [f"#!/bin/bash\nPYTHON={Path(sys.executable).resolve().name}\n"]
        parts += [(STORIES / name).read_text() for name in ("prelude.sh", story)]
        script.write_text("\n".join(parts))
        script.chmod(0o755)
        # The unit hides /root and /home, where the interpreter and the checkout may live.
        done = subprocess.run(
            [
                str(SANDBOX),
                *("--unit", str(UNIT)),
                *("--copy", f"{STORIES}:/opt/test"),
                *("--bind", f"{records}:/opt/test/records"),
                *("--bind", f"{sys.base_prefix}:/opt/python"),
                *("--bind", f"{Path(sys.prefix) / 'lib'}:/opt/quake-stream/venv/lib"),
                *("--bind", f"{ROOT / 'quake_stream'}:/opt/quake-stream/src/quake_stream"),
                *("--timeout", "540"),
                str(script),
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=570,
        )
        needs(done.returncode != 77, done.stderr.strip())
        assert done.returncode == 0, done.stdout + done.stderr
        return [
            line.removeprefix("PASSED ") for line in done.stdout.splitlines() if line.startswith("PASSED")
        ]

    return run


@pytest.mark.systemd
@pytest.mark.timeout(600)
@pytest.mark.fault(5)
@pytest.mark.fault(37)
@pytest.mark.fault(38)
@pytest.mark.fault(45)
@pytest.mark.fault(46)
def test_the_service_lives_under_a_real_systemd(tell):
    assert tell("life.sh") == [
        "start",
        "journal",
        "dead upstream",
        "sandbox",
        "credentials",
        "upstream back",
        "journal field",
        "reload",
        "journald",
        "state folder",
        "lines",
        "bad configuration",
    ]


@pytest.mark.systemd
@pytest.mark.timeout(600)
@pytest.mark.fault(24)
@pytest.mark.fault(27)
@pytest.mark.fault(34)
@pytest.mark.fault(35)
@pytest.mark.fault(36)
@pytest.mark.fault(39)
@pytest.mark.fault(40)
def test_the_service_comes_back_after_trouble_of_its_own_under_a_real_systemd(tell):
    assert tell("trouble.sh") == [
        "crash loop",
        "kill",
        "hanging model",
        "memory",
        "stop during inference",
        "stop that hangs",
        "start after it",
    ]
