"""Messages that keep coming."""

from quake_stream.ingest.seedlink.throttle import Throttle


def test_the_first_message_passes_and_the_next_waits_for_the_interval() -> None:
    throttle = Throttle(60.0)
    assert throttle.admit("lost eof", 0.0) == 0
    assert throttle.admit("lost eof", 1.0) is None
    assert throttle.admit("lost eof", 59.9) is None
    assert throttle.admit("lost eof", 60.0) == 2
    assert throttle.admit("lost eof", 121.0) == 0


def test_keys_do_not_hold_each_other_back() -> None:
    throttle = Throttle(60.0)
    assert throttle.admit("lost eof", 0.0) == 0
    assert throttle.admit("lost dns", 0.0) == 0
