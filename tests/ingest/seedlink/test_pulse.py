"""Waiting that a stop always ends."""

import select
import socket
import threading
from pathlib import Path

import pytest

from quake_stream.ingest.seedlink.pulse import Pulse, StoppedError


def test_a_stop_from_another_thread_ends_a_long_wait() -> None:
    pulse = Pulse(poll_s=3600.0)
    with pulse:
        stopper = threading.Thread(target=pulse.stop)
        stopper.start()
        with pytest.raises(StoppedError):
            pulse.pause(3600.0)
        stopper.join()


def test_after_a_stop_nothing_waits_any_more() -> None:
    pulse = Pulse()
    pulse.stop()
    with pulse, pytest.raises(StoppedError):
        pulse.pause(0.0)
    with pytest.raises(StoppedError):
        pulse.turn()


def test_a_stop_wins_over_a_socket_that_is_ready() -> None:
    ours, theirs = socket.socketpair()
    pulse = Pulse()
    with ours, theirs, pulse:
        theirs.send(b"x")
        assert pulse.wait(ours, select.POLLIN, pulse.now_s() + 10) == select.POLLIN
        pulse.stop()
        with pytest.raises(StoppedError):
            pulse.wait(ours, select.POLLIN, pulse.now_s() + 10)


def test_turns_are_counted_while_nothing_happens() -> None:
    with Pulse(poll_s=0.001) as pulse:
        pulse.pause(0.3)
        assert pulse.n_turns > 5


def test_time_is_the_clock_that_was_given() -> None:
    times = iter(range(0, 1000, 10))
    with Pulse(poll_s=0.0, monotonic=lambda: next(times)) as pulse:
        assert pulse.now_s() == 0
        assert pulse.wait(None, 0, 35.0) == 0
        assert pulse.n_turns == 4


def test_a_thousand_stops_do_not_block() -> None:
    with Pulse() as pulse:
        for _ in range(100_000):
            pulse.stop()


def n_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_descriptor_stays_open() -> None:
    before = n_descriptors()
    for _ in range(10):
        with Pulse() as pulse:
            pulse.pause(0.0)
        pulse.stop()
    assert n_descriptors() <= before  # others may have closed theirs


def test_waiting_outside_the_with_block_is_a_mistake_that_shows() -> None:
    with pytest.raises(RuntimeError):
        Pulse().pause(0.0)
