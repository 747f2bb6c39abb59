import socket
import threading

import pytest

from quake_stream.errors import SourceError
from quake_stream.replay.faults import Faults
from quake_stream.replay.loop import ServerLoop
from quake_stream.replay.player import Player, PlayOptions


@pytest.fixture
def make_loop(make_recording):
    options = PlayOptions(
        speed=0,
        restamp=False,
        loop=False,
        start_ns=None,
        wait_for_clients=0,
        sequences="station",
        first_sequence=1,
        ring_bytes=1 << 20,
        wildcards=True,
        repack=False,
    )

    def make(*, host: str = "127.0.0.1", port: int = 0) -> ServerLoop:
        return ServerLoop(
            Player(make_recording(3), options, faults=Faults(), now_ns=0),
            host=host,
            port=port,
            clock=lambda: 0,
        )

    return make


def test_run_returns_when_it_was_stopped_before(make_loop):
    loop = make_loop()
    loop.stop()
    loop.run()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", loop.port), timeout=20)


def test_stop_ends_a_loop_that_has_nothing_to_do(make_loop):
    loop = make_loop()
    thread = threading.Thread(target=loop.run)
    thread.start()
    assert loop.drained.wait(20)
    loop.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_waking_a_closed_loop_is_no_harm(make_loop):
    loop = make_loop()
    loop.stop()
    loop.run()
    loop.wake()
    loop.stop()


def test_waking_many_times_is_no_harm(make_loop):
    loop = make_loop()
    for _ in range(100_000):
        loop.wake()
    loop.stop()
    loop.run()


def test_a_client_that_is_gone_before_it_is_accepted_is_counted(make_loop, monkeypatch):
    loop = make_loop()
    listener = loop._listener

    class Gone:
        def accept(self):
            raise ConnectionAbortedError

    monkeypatch.setattr(loop, "_listener", Gone())
    loop._accept()
    monkeypatch.setattr(loop, "_listener", listener)
    assert loop._player.counters.total("clients.refused", reason="accept") == 1
    loop.stop()
    loop.run()


def test_a_port_in_use_is_a_source_error(make_loop):
    first = make_loop()
    with pytest.raises(SourceError, match=f"cannot listen on 127.0.0.1 port {first.port}"):
        make_loop(port=first.port)
    first.stop()
    first.run()


def test_an_address_that_is_not_ours_is_a_source_error(make_loop):
    with pytest.raises(SourceError, match="cannot listen"):
        make_loop(host="192.0.2.1")


def test_a_host_with_colons_is_listened_on_by_ipv6(make_loop):
    try:
        loop = make_loop(host="::1")
    except SourceError:
        pytest.skip("NOT RUN: this machine has no IPv6 loopback")
    socket.create_connection(("::1", loop.port), timeout=20).close()
    loop.stop()
    loop.run()
