"""The watchdog: which loops turn, which hang."""

import pytest

from quake_stream.watchdog import Watchdog


def test_a_loop_that_turns_is_never_stuck():
    dog = Watchdog(limit_s=10.0)
    assert all(dog.look({"worker": n}, 8.0 * n) == frozenset() for n in range(20))


@pytest.mark.fault(24)
def test_a_loop_that_hangs_is_stuck_after_the_limit_and_named():
    dog = Watchdog(limit_s=10.0)
    dog.look({"worker": 1, "ingest": 1}, 0.0)
    assert dog.look({"worker": 1, "ingest": 2}, 10.0) == frozenset()
    assert dog.look({"worker": 1, "ingest": 3}, 10.1) == {"worker"}
    assert dog.stuck == {"worker"}


def test_a_loop_that_turns_again_is_not_stuck_any_more():
    dog = Watchdog(limit_s=10.0)
    dog.look({"worker": 1}, 0.0)
    assert dog.look({"worker": 1}, 11.0) == {"worker"}
    assert dog.look({"worker": 2}, 12.0) == frozenset()
    assert dog.look({"worker": 2}, 22.0) == frozenset()
    assert dog.look({"worker": 2}, 22.1) == {"worker"}


def test_a_loop_that_has_ended_is_forgotten():
    dog = Watchdog(limit_s=10.0)
    dog.look({"recording": 1, "worker": 1}, 0.0)
    assert dog.look({"worker": 2}, 20.0) == frozenset()
    assert dog.look({"recording": 1, "worker": 3}, 21.0) == frozenset()
