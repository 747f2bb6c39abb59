# What goes wrong with the service itself: it comes back with its state, or ends in time.
cat >>"/etc/systemd/system/$unit.service.d/test.conf" <<'END'
LimitAS=4G
END
systemctl daemon-reload

# The port is in use: it keeps trying, and there is no number of starts after which systemd would give up.
[ "$(get StartLimitIntervalUSec)" = 0 ] || fail "the starts are limited"
cat >"/etc/systemd/system/$unit.service.d/hurry.conf" <<'END'
[Service]
RestartSec=100ms
END
systemctl daemon-reload
systemd-run -q --unit=squatter -E LD_LIBRARY_PATH /opt/quake-stream/venv/bin/python3 -c \
    'import socket, threading; s = socket.create_server(("127.0.0.1", 5561)); threading.Event().wait()'
serve
until_true 120 systemctl -q is-active squatter || fail "nobody takes the port"
systemctl start --no-block "$unit"
has_restarted() { [ "$(get NRestarts)" -ge "$1" ]; }
until_true 240 has_restarted 2 || fail "gave up: $(state)"
has_logged "cannot publish on tcp://127.0.0.1:5561: Address already in use" || fail "the port is not named"
systemctl stop squatter
until_true 240 systemctl -q is-active "$unit" || fail "not up once the port is free: $(state)"
rm "/etc/systemd/system/$unit.service.d/hurry.conf"
systemctl daemon-reload
until_says '"live": true, "ready": true'
passed "crash loop"

n=$(get NRestarts)
restarted() {  # WHY: one restart more, and it goes on where it was
    n=$((n + 1))
    wait_for "active running $n success" "back after $1"
    until_true 120 has_resumed || fail "nothing resumed after $1"
    until_says '"live": true, "ready": true'
}
has_resumed() { logs | grep seedlink.connected | tail -1 | grep -q '"n_resumed": *[1-9]'; }

kill -KILL "$(get MainPID)"
restarted "kill -9"
passed kill

touch $faults/hang-inference
until_says '"state": "down", "live": false, .* "reasons": ."worker makes no progress"'
until_true 120 has_logged "Watchdog timeout" || fail "not ended by the watchdog"
rm $faults/hang-inference
has_logged service.stuck || fail "what hangs is not in the log"
restarted "a hanging model"
passed "hanging model"

touch $faults/eat-memory
until_true 120 has_logged MemoryError || fail "memory is not short"
rm $faults/eat-memory
restarted "want of memory"
passed memory

touch $faults/slow-inference
until_true 120 has_logged detection.new || fail "nothing detected"
sleep 1
systemctl stop "$unit"
rm $faults/slow-inference
[ "$(get Result)" = success ] || fail "not ended by itself: $(state)"
passed "stop during inference"

printf '[Service]\nTimeoutStopSec=5s\n' >"/etc/systemd/system/$unit.service.d/hurry.conf"
systemctl daemon-reload
systemctl start "$unit"
touch $faults/hang-save
systemctl stop "$unit"
rm $faults/hang-save
wait_for "failed failed 0 timeout" "a stop that hangs is ended"
passed "stop that hangs"

systemctl start "$unit"
until_true 120 has_resumed || fail "nothing resumed after that"
passed "start after it"
cat /tmp/times
