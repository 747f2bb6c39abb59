# Put the program, its unit and its configuration where an operator would; functions that both stories use.
set -eu
export LD_LIBRARY_PATH=/opt/python/lib  # see drop-in.conf
unit=quake-stream@test
quake_stream=/opt/quake-stream/venv/bin/quake-stream
faults=/etc/quake-stream/faults
logs() { journalctl -u "$unit" -o cat --no-pager; }
fail() { echo "FAILED: $*"; systemctl status "$unit" --no-pager -n 0 || true; logs | tail -25 | cut -c1-300; exit 1; }
get() { systemctl show -P "$1" "$unit"; }
state() { for p in ActiveState SubState NRestarts Result; do get "$p"; done | xargs; }
passed() { echo "PASSED $1"; echo "$1: $(cut -d' ' -f1 /proc/uptime)" >>/tmp/times; }
until_true() {  # SECONDS COMMAND...: wait until the command succeeds
    local until=$(($(date +%s) + $1)); shift
    until "$@" >/dev/null 2>&1; do [ "$(date +%s)" -lt "$until" ] || return 1; sleep .1; done
}
is_state() { [ "$(state)" = "$1" ]; }
wait_for() { until_true 240 is_state "$1" || fail "state is '$(state)', not '$1' ($2)"; }
has_logged() { logs | grep -q -- "$1"; }
n_logged() { logs | grep -c -- "$1" || true; }
has_logged_more() { [ "$(n_logged "$1")" -gt "$2" ]; }
says() { grep -q -- "$1" /run/quake-stream/test/test.health.json; }
until_says() { until_true 240 says "$1" || fail "the health report is $(cat /run/quake-stream/test/test.health.json), without '$1'"; }
health_is() {  # STATUS TEXT: what the command says
    local status=0; "$quake_stream" health /etc/quake-stream/test.toml >/tmp/health || status=$?
    [ "$status" = "$1" ] && grep -q -- "$2" /tmp/health || fail "health is $status: $(cat /tmp/health)"
}
serve() {
    systemd-run -q --unit=server -E LD_LIBRARY_PATH "$quake_stream" replay /opt/test/records \
        --port 18999 --as-recorded --speed 10 --wait
}

mkdir -p /opt/quake-stream/venv/bin $faults "/etc/systemd/system/$unit.service.d"
ln -s "/opt/python/bin/$PYTHON" /opt/quake-stream/venv/bin/python3
printf 'home = /opt/python/bin\ninclude-system-site-packages = false\n' >/opt/quake-stream/venv/pyvenv.cfg
install -m 755 /opt/test/launcher.py "$quake_stream"
cp /opt/test/config.toml /etc/quake-stream/test.toml
cp /opt/test/drop-in.conf "/etc/systemd/system/$unit.service.d/test.conf"
systemctl daemon-reload
