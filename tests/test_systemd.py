"""
The unit file: what systemd says of it, and the service's life under a real systemd.

The second part boots systemd in a sandbox; it needs root and the sandbox tool beside the checkout.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "systemd" / "quake-stream@.service"
SANDBOX = ROOT.parent / "shared" / "tools" / "systemd-sandbox"
EXPOSURE_LIMIT = 1.5

CONFIG = """
[[source]]
url = "seedlink://127.0.0.1:18999"  # nobody listens: a dead server must not keep the service from starting

[model]
name = "stalta"
"""

# Faster than the shipped unit, so that the test ends.
DROP_IN = """
[Service]
WatchdogSec=6s
RestartSec=1s
"""

SCRIPT = """\
set -eu
unit=quake-stream@test
fail() { echo "FAILED: $*"; journalctl -u "$unit" -o cat --no-pager | tail -40; exit 1; }
state() { for p in ActiveState SubState NRestarts Result; do systemctl show -P "$p" "$unit"; done | xargs; }
wait_for() {  # until STATE, at most 60 s
    for _ in $(seq 600); do [ "$(state)" != "$1" ] || return 0; sleep .1; done
    fail "state is '$(state)', not '$1' ($2)"
}
mkdir -p /opt/quake-stream/venv/bin /etc/quake-stream "/etc/systemd/system/$unit.service.d"
ln -s "/opt/python/bin/$PYTHON" /opt/quake-stream/venv/bin/python3
printf 'home = /opt/python/bin\\ninclude-system-site-packages = false\\n' >/opt/quake-stream/venv/pyvenv.cfg
cat >/opt/quake-stream/venv/bin/quake-stream <<'END'
#!/opt/quake-stream/venv/bin/python3
import sys
sys.path.insert(0, "/opt/quake-stream/src")
from quake_stream.cli import main
main()
END
chmod +x /opt/quake-stream/venv/bin/quake-stream
cp /opt/test/config.toml /etc/quake-stream/test.toml
cp /opt/test/drop-in.conf "/etc/systemd/system/$unit.service.d/test.conf"
systemctl daemon-reload

systemctl start "$unit" || fail "start"
wait_for "active running 0 success" "READY after start"
echo "PASSED start"

journalctl -u "$unit" -o json --no-pager | grep -q 'service.ready' || fail "no service.ready in the journal"
journalctl -u "$unit" -o json --no-pager | grep 'service.ready' | grep -q '"PRIORITY":"6"' || fail "no priority"
echo "PASSED journal"

systemctl reload "$unit"
for _ in $(seq 100); do journalctl -u "$unit" -o cat --no-pager | grep -q service.reloaded && break; sleep .1; done
journalctl -u "$unit" -o cat --no-pager | grep -q service.reloaded || fail "reload"
wait_for "active running 0 success" "running after reload"
echo "PASSED reload"

echo 'nonsense = 1' >>/etc/quake-stream/test.toml
systemctl reload "$unit"
for _ in $(seq 100); do journalctl -u "$unit" -o cat --no-pager | grep -q reload_refused && break; sleep .1; done
journalctl -u "$unit" -o cat --no-pager | grep -q reload_refused || fail "bad reload not refused"
wait_for "active running 0 success" "running after a refused reload"
cp /opt/test/config.toml /etc/quake-stream/test.toml
echo "PASSED refused reload"

/opt/quake-stream/venv/bin/quake-stream health /etc/quake-stream/test.toml >/tmp/health || true
grep -q '^ok$\\|^degraded$' /tmp/health || fail "health: $(cat /tmp/health)"
echo "PASSED health"

pid=$(systemctl show -P MainPID "$unit")
for path in /etc/x /usr/x /var/lib/x /root/x; do
    nsenter -t "$pid" -m -S "$(stat -c %u /proc/$pid)" touch "$path" 2>/dev/null && fail "could write $path"
done
[ "$(stat -c %u /proc/$pid)" != 0 ] || fail "runs as root"
echo "PASSED sandbox"

kill -KILL "$pid"
wait_for "active running 1 success" "back after kill -9"
echo "PASSED kill"

kill -STOP "$(systemctl show -P MainPID "$unit")"
wait_for "active running 2 success" "back after SIGSTOP"
journalctl -u "$unit" --no-pager | grep -q 'Watchdog timeout' || fail "not by the watchdog"
echo "PASSED watchdog"

systemctl stop "$unit"
wait_for "inactive dead 0 success" "stopped"
ls /var/lib/quake-stream/test/test.lock >/dev/null || fail "no state folder"
echo "PASSED stop"

echo 'nonsense = 1' >>/etc/quake-stream/test.toml
systemctl start "$unit" && fail "started with a bad configuration"
wait_for "failed failed 0 exit-code" "not restarted"
[ "$(systemctl show -P ExecMainStatus "$unit")" = 78 ] || fail "exit status $(systemctl show -P ExecMainStatus "$unit")"
journalctl -u "$unit" -o cat --no-pager | grep -q "nonsense: unknown key" || fail "the key is not named"
echo "PASSED bad configuration"
"""


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


@pytest.mark.systemd
@pytest.mark.timeout(400)
def test_the_service_lives_under_a_real_systemd(tmp_path):
    needs(SANDBOX.is_file(), "the systemd sandbox in ../shared/tools is not here")
    needs(os.geteuid() == 0, "this needs root")
    for name, text in (("config.toml", CONFIG), ("drop-in.conf", DROP_IN)):
        (tmp_path / name).write_text(text)
    script = tmp_path / "script.sh"
    script.write_text(f"PYTHON={Path(sys.executable).resolve().name}\n{SCRIPT}")
    # The unit hides /root and /home, where the interpreter and the checkout may live.
    venv = Path(sys.prefix)
    done = subprocess.run(
        [
            str(SANDBOX),
            *("--unit", str(UNIT)),
            *("--copy", f"{tmp_path / 'config.toml'}:/opt/test/config.toml"),
            *("--copy", f"{tmp_path / 'drop-in.conf'}:/opt/test/drop-in.conf"),
            *("--bind", f"{sys.base_prefix}:/opt/python"),
            *("--bind", f"{venv / 'lib'}:/opt/quake-stream/venv/lib"),
            *("--bind", f"{ROOT / 'quake_stream'}:/opt/quake-stream/src/quake_stream"),
            *("--timeout", "300"),
            str(script),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=360,
    )
    needs(done.returncode != 77, done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 10
