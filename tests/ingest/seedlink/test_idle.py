"""Quiet links."""

from math import inf

from quake_stream.ingest.seedlink.idle import Idle, IdleClock


def clock(keepalive_s: float = 240.0) -> IdleClock:
    return IdleClock(0.0, keepalive_s=keepalive_s, info_timeout_s=60.0, network_timeout_s=600.0)


def test_a_keepalive_is_due_after_its_interval_of_silence() -> None:
    idle = clock()
    assert idle.next_s() == 240.0
    assert idle.check(239.9) is Idle.WAIT
    assert idle.check(240.0) is Idle.SEND_KEEPALIVE


def test_packets_put_the_keepalive_off() -> None:
    idle = clock()
    idle.heard(100.0)
    assert idle.check(339.0) is Idle.WAIT
    assert idle.check(340.0) is Idle.SEND_KEEPALIVE


def test_d28_an_unanswered_keepalive_is_followed_by_the_next() -> None:
    idle = clock()
    idle.asked(240.0)
    assert idle.next_s() == 300.0
    assert idle.check(299.0) is Idle.WAIT
    assert idle.check(300.0) is Idle.ANSWER_OVERDUE
    assert idle.check(479.0) is Idle.WAIT
    assert idle.check(480.0) is Idle.SEND_KEEPALIVE


def test_an_answer_is_recognised_once() -> None:
    idle = clock()
    assert not idle.answered()
    idle.asked(240.0)
    assert idle.answered()
    assert not idle.answered()


def test_d04_a_link_is_dead_after_the_network_time_out_whatever_was_sent() -> None:
    idle = clock()
    idle.asked(240.0)
    idle.check(300.0)
    idle.asked(480.0)
    assert idle.check(599.9) is not Idle.GIVE_UP
    assert idle.check(600.0) is Idle.GIVE_UP


def test_without_info_no_keepalive_is_ever_due() -> None:
    idle = clock(keepalive_s=inf)
    assert idle.next_s() == 600.0
    assert idle.check(599.0) is Idle.WAIT
    assert idle.check(600.0) is Idle.GIVE_UP
