# What an operator does with the service, and what happens around it.
systemctl start "$unit" || fail "start"
wait_for "active running 0 success" "READY after start, though no server listens"
passed start

journalctl -u "$unit" -o json --no-pager | grep service.ready | grep -q '"PRIORITY":"6"' || fail "no priority"
journalctl -u "$unit" -o json --no-pager | grep service.ready | grep -q '"SYSLOG_IDENTIFIER":"quake-stream"' ||
    fail "no identifier"
passed journal

# The watchdog looks every 6 s, and the service is degraded after 5 s: it must outlive both.
started=$(date +%s)
pid=$(get MainPID)
until_says '"live": true, "ready": false, "reasons": ."no data from 127.0.0.1:18999 for .* (no connection: refused)"'
health_is 1 "^live, not ready$"
while [ $(($(date +%s) - started)) -lt 13 ]; do sleep .2; done
wait_for "active running 0 success" "a dead server upstream restarts nothing"
[ "$(get MainPID)" = "$pid" ] || fail "another process"
serve
passed "dead upstream"

# Until it tries the server again: the sandbox, as the service sees it.
mkdir -p /home/somebody "/etc/systemd/system/quake-stream@probe.service.d"
echo secret | tee /root/secret >/home/somebody/secret
chmod 755 /home/somebody; chmod 644 /home/somebody/secret
cat >/etc/systemd/system/quake-stream@probe.service.d/probe.conf <<'END'
[Service]
Environment=LD_LIBRARY_PATH=/opt/python/lib
Type=oneshot
ExecStart=
ExecStart=/opt/quake-stream/venv/bin/python3 /opt/test/probe.py sandbox
Restart=no
END
systemctl daemon-reload
/opt/quake-stream/venv/bin/python3 /opt/test/probe.py control || fail "the attempts are no good"
systemctl start quake-stream@probe ||
    { journalctl -u quake-stream@probe -o cat --no-pager | tail -3; fail "the sandbox leaks"; }
[ "$(stat -c %u "/proc/$pid")" != 0 ] || fail "runs as root"
passed sandbox

# An encrypted feed, with the secret key as a credential.
"$quake_stream" keys new enc --folder /etc/quake-stream >/tmp/keys
mkdir -p /etc/systemd/system/quake-stream@enc.service.d
cat >/etc/quake-stream/enc.toml <<'END'
[[source]]
url = "seedlink://127.0.0.1:18999"
[model]
name = "stalta"
[publish]
bind = "tcp://*:5571"
key = "$CREDENTIALS_DIRECTORY/server.key"
clients = "/etc/quake-stream/enc.clients"
[metrics]
bind = ""
END
chmod 644 /etc/quake-stream/enc.clients
[ "$(stat -c '%a %u' /etc/quake-stream/enc.server.key)" = "600 0" ] || fail "the key is not root's alone"
cp /opt/test/drop-in.conf /etc/systemd/system/quake-stream@enc.service.d/test.conf
echo 'LoadCredential=server.key:/etc/quake-stream/%i.server.key' >>/etc/systemd/system/quake-stream@enc.service.d/test.conf
systemctl daemon-reload
systemctl start quake-stream@enc ||
    { journalctl -u quake-stream@enc -o cat --no-pager | tail; fail "no start with a credential"; }
timeout 200 "$quake_stream" listen tcp://127.0.0.1:5571 --topic heartbeat --count 1 \
    --key /etc/quake-stream/enc.client.key | grep -q '"heartbeat' || fail "nothing heard with the key"
systemctl stop quake-stream@enc
mv /etc/quake-stream/enc.server.key /root/
systemctl start quake-stream@enc && fail "started without its key"
[ "$(systemctl show -P ExecMainStatus quake-stream@enc)" = 243 ] || fail "not 243/CREDENTIALS"
journalctl -u quake-stream@enc -o cat --no-pager | grep -qi "credentials" || fail "no word of the credentials"
systemctl stop quake-stream@enc
passed credentials

until_says '"state": "ok", "live": true, "ready": true'
until_true 120 has_logged service.recovered || fail "the recovery is not in the log"
passed "upstream back"

journalctl QS_STATION=CX.PB01 -o cat --no-pager | grep -q station.state || fail "no line found by its station"
passed "journal field"

systemctl reload "$unit"
until_true 120 has_logged service.reloaded || fail "reload"
echo 'nonsense = 1' >>/etc/quake-stream/test.toml
systemctl reload "$unit"
until_true 120 has_logged service.reload_refused || fail "bad reload not refused"
cp /opt/test/config.toml /etc/quake-stream/test.toml
until_says "the last reload was refused"
systemctl reload "$unit"
until_says '"reasons": \[\]'
wait_for "active running 0 success" "running after a refused reload"
passed reload

# journald: restarted, then gone for a while; what is logged meanwhile is lost, the service is not.
systemctl restart systemd-journald
n=$(n_logged service.reloaded)
systemctl reload "$unit"
until_true 120 has_logged_more service.reloaded "$n" || fail "no logs after a restart of journald"
journald="systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket"
systemctl stop $journald 2>/dev/null
for _ in 1 2 3; do systemctl reload "$unit"; sleep .3; done
systemctl start $journald
n=$(n_logged service.reloaded)
systemctl reload "$unit"
until_true 120 has_logged_more service.reloaded "$n" || fail "no logs after journald was gone"
[ "$(get MainPID)" = "$pid" ] && is_state "active running 0 success" || fail "journald took the service along"
passed journald

systemctl stop "$unit"
wait_for "inactive dead 0 success" "stopped"
test -f /var/lib/quake-stream/test/test.positions.json || fail "no state folder"
passed "state folder"

# Every line is whole, and journald held none back.
journalctl -u "$unit" -o json --no-pager | grep -q '"MESSAGE":null' && fail "a line is too long"
journalctl -u systemd-journald -o cat --no-pager | grep -i suppressed && fail "a flood of lines"
passed lines

echo 'nonsense = 1' >>/etc/quake-stream/test.toml
systemctl start "$unit" && fail "started with a bad configuration"
wait_for "failed failed 0 exit-code" "not restarted"
[ "$(get ExecMainStatus)" = 78 ] || fail "exit status $(get ExecMainStatus)"
has_logged "nonsense: unknown key" || fail "the key is not named"
passed "bad configuration"
cat /tmp/times
