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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_set_flags_and_wake(number):
    before = signal.getsignal(number)
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.wake.wait(10)
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
