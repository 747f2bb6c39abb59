"""sd_notify: heard by systemd where it is, silent where it is not."""

import os
import socket

import pytest

from quake_stream.notify import Notifier


@pytest.mark.parametrize("abstract", [False, True])
def test_lines_reach_the_socket_that_systemd_names(tmp_path, abstract):
    name = f"@quake-stream-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name[1:] if abstract else name)
        sock.settimeout(10)
        assert Notifier({"NOTIFY_SOCKET": name}).send("READY=1", "STATUS=running")
        assert sock.recv(1000) == b"READY=1\nSTATUS=running"


def test_without_systemd_nothing_is_sent():
    notifier = Notifier({})
    assert not notifier.send("READY=1")
    assert notifier.watchdog_s is None


def test_a_socket_that_has_gone_never_stops_the_service(tmp_path):
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send("WATCHDOG=1")


def test_the_watchdog_time_is_read_only_if_it_is_meant_for_this_process():
    assert Notifier({"WATCHDOG_USEC": "6000000"}).watchdog_s == 6
    assert Notifier({"WATCHDOG_USEC": "6000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 6
    assert Notifier({"WATCHDOG_USEC": "6000000", "WATCHDOG_PID": "1"}).watchdog_s is None
    assert Notifier({"WATCHDOG_USEC": "x"}).watchdog_s is None
