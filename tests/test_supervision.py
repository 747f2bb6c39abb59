"""Guarded threads, the instance lock, signals as flags."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from quake_stream.errors import QuakeStreamError
from quake_stream.supervision import GuardedThread, StopSignals, instance_lock


def test_a_failing_thread_keeps_its_failure_and_tells():
    told = threading.Event()

    def body() -> None:
        raise ValueError("broken")

    thread = GuardedThread(name="t", body=body, failed=told.set)
    thread.start()
    assert told.wait(10)
    thread.join(10)
    assert str(thread.failure) == "broken"


def test_a_thread_that_ends_well_has_no_failure():
    thread = GuardedThread(name="t", body=lambda: None, failed=lambda: pytest.fail("told of no failure"))
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert thread.failure is None


@pytest.mark.fault(48)
def test_a_second_service_on_the_same_state_is_refused_and_a_later_one_is_not(tmp_path):
    path = tmp_path / "state" / "a.lock"
    with (
        instance_lock(path),
        pytest.raises(QuakeStreamError, match="another quake-stream uses"),
        instance_lock(path),
    ):
        pass
    with instance_lock(path):
        assert path.exists()


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(QuakeStreamError, match="the state folder cannot be used"),
        instance_lock(tmp_path / "file" / "a.lock"),
    ):
        pass


@pytest.mark.parametrize(
    "plant", [lambda path, victim: path.symlink_to(victim), lambda path, _: os.mkfifo(path)]
)
def test_a_lock_that_is_no_plain_file_is_refused_at_once(tmp_path, plant):
    plant(tmp_path / "a.lock", tmp_path / "victim")
    with (
        pytest.raises(QuakeStreamError, match="the state folder cannot be used"),
        instance_lock(tmp_path / "a.lock"),
    ):
        pass
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_set_flags_and_wake(number):
    before = signal.getsignal(number)
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.wait(10)
        assert signals.reload
        assert not signals.stop
        os.kill(os.getpid(), number)
        assert signals.stop
    assert signal.getsignal(number) is before


def test_a_second_stop_signal_ends_the_process_at_once():
    code = (
        "import os, signal\n"
        "from quake_stream.supervision import StopSignals\n"
        "with StopSignals():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('asked', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('never', flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, "asked\n")


def test_a_thread_can_wake_the_wait_and_waking_is_no_harm_afterwards():
    with StopSignals() as signals:
        assert not signals.wait(0.0)
        waker = threading.Thread(target=signals.wake)
        waker.start()
        assert signals.wait(10)
        waker.join(10)
        assert not signals.wait(0.0)
    signals.wake()
    assert not signals.stop


def test_a_storm_of_signals_stops_nothing():
    code = (
        "import signal\n"
        "from quake_stream.supervision import StopSignals\n"
        "with StopSignals() as signals:\n"
        "    print('ready', flush=True)\n"
        "    while not signals.stop:\n"
        "        signals.wait(60)\n"
        "print('stopped', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        for _ in range(2000):
            process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=60)[0] == "stopped\n"
        assert process.returncode == 0
