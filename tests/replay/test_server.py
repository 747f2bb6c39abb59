"""Whole conversations over real sockets, with the time turned by hand."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import obspy
import pytest
from obspy.clients.seedlink.client.seedlinkconnection import SeedLinkConnection
from obspy.clients.seedlink.easyseedlink import create_client

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.mseed.archive import index
from quake_stream.mseed.header import peek
from quake_stream.replay import loop as loop_module
from quake_stream.replay import server as server_module
from quake_stream.replay.demo_data import write_demo_records
from quake_stream.replay.faults import (
    cut_after_bytes,
    drip,
    drop,
    interleave,
    repeat,
    reset_sequences,
    silence_after,
    split_replies,
)
from quake_stream.replay.recording import RecordList
from quake_stream.replay.server import ReplayServer, steady_clock
from quake_stream.types import NS_PER_S

TIMEOUT_S = 20.0
HELLO_LINES = 2
ALL = "STATION * *\r\nDATA\r\nEND\r\n"
FROM_FIRST = "STATION AAA XX\r\nDATA 1\r\nEND\r\n"


def test_a_record_arrives_when_its_time_has_come(serve, make_recording, connect, hand_clock):
    recording = make_recording(3)
    server = serve(recording, wait_for_clients=1)
    client = connect(server, ALL)
    assert client.read(8) == b"OK\r\nOK\r\n"
    expected = [record for record, _ in recording.iter_records()]
    assert client.packets(1) == [(1, expected[0])]
    hand_clock.advance(1.0)
    assert client.packets(1) == [(2, expected[1])]
    assert not server.finished.is_set()
    hand_clock.advance(1.0)
    assert client.packets(1) == [(3, expected[2])]
    assert server.finished.wait(TIMEOUT_S)
    assert server.wait_until_drained(TIMEOUT_S)


def test_restamped_records_end_when_they_are_sent(serve, make_recording, connect, hand_clock):
    server = serve(make_recording(3), wait_for_clients=1, restamp=True)
    client = connect(server, ALL)
    client.read(8)
    for _ in range(3):
        ((_, record),) = client.packets(1)
        assert peek(record).end_ns == hand_clock.now_ns
        hand_clock.advance(1.0)


def test_as_fast_as_possible_loses_nothing_even_with_a_small_ring(serve, make_recording, connect):
    recording = make_recording(2000, ("AAA", "BBB"))
    server = serve(recording, speed=0, wait_for_clients=2, ring_bytes=20_000)
    clients = [connect(server, ALL) for _ in range(2)]
    received = {}

    def read(number: int) -> None:
        clients[number].read(8)
        received[number] = [record for _, record in clients[number].packets(4000)]

    threads = [threading.Thread(target=read, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    expected = [record for record, _ in recording.iter_records()]
    assert received == {0: expected, 1: expected}
    assert server.wait_until_drained(TIMEOUT_S)


def test_a_slow_client_holds_up_nobody_and_is_moved_on(serve, make_recording, connect, hand_clock):
    server = serve(make_recording(8000), ring_bytes=400_000, wait_for_clients=2)
    slow, fast = connect(server, ALL, receive_bytes=4096), connect(server, ALL)
    assert slow.read(8) == fast.read(8) == b"OK\r\nOK\r\n"
    assert fast.packets(1)[0][0] == 1
    for _ in range(39):  # some 4 MB in all, more than ring and sockets hold for a client that does not read
        hand_clock.advance(200)
        fast.packets(200)
    hand_clock.advance(200)
    assert fast.packets(199)[-1][0] == 8000
    assert server.finished.wait(TIMEOUT_S)
    assert not server.wait_until_drained(0)
    sequences: list[int] = []
    while not sequences or sequences[-1] != 8000:
        sequences += [sequence for sequence, _ in slow.packets(1)]
    assert sequences == sorted(set(sequences))
    assert len(sequences) < 8000
    assert server.wait_until_drained(TIMEOUT_S)


def test_a_client_that_comes_back_resumes_where_it_was(serve, make_recording, connect, hand_clock):
    server = serve(make_recording(6), wait_for_clients=1)
    client = connect(server, ALL)
    client.read(8)
    client.packets(1)
    hand_clock.advance(2.0)
    assert [sequence for sequence, _ in client.packets(2)] == [2, 3]
    client.close()
    hand_clock.advance(3.0)
    assert server.finished.wait(TIMEOUT_S)
    again = connect(server, "STATION AAA XX\r\nDATA 000004\r\nEND\r\n")
    again.read(8)
    assert [sequence for sequence, _ in again.packets(3)] == [4, 5, 6]


def test_a_window_in_the_past_is_sent_and_ended(serve, make_recording, connect):
    server = serve(make_recording(10), speed=0)
    assert server.finished.wait(TIMEOUT_S)
    client = connect(server, "STATION AAA XX\r\nTIME 2017,07,14,02,40,03 2017,07,14,02,40,05\r\nEND\r\n")
    client.read(8)
    assert [sequence for sequence, _ in client.packets(2)] == [4, 5]
    assert client.read(3) == b"END"
    client.send("BYE\r\n")
    assert client.read_to_end() == b""


def test_shared_sequences_count_all_stations_from_a_chosen_number(serve, make_recording, connect):
    server = serve(
        make_recording(2, ("AAA", "BBB")),
        speed=0,
        sequences="shared",
        first_sequence=0xFFFFFE,
        wait_for_clients=1,
    )
    client = connect(server, ALL)
    client.read(8)
    assert [sequence for sequence, _ in client.packets(4)] == [0xFFFFFE, 0xFFFFFF, 0, 1]


def test_info_connections_lists_who_is_there(serve, make_recording, connect):
    server = serve(make_recording(1))
    connect(server, "HELLO\r\n").read(8)
    client = connect(server, "INFO CONNECTIONS\r\n")
    assert client.read(520).count(b"<connection ") == 2


@pytest.mark.parametrize("version", [2, 3])
def test_long_records_are_sent_as_they_are_or_cut_for_clients_that_need_512_bytes(
    serve, make_record, connect, version
):
    record = make_record(n_samples=3000, length=4096, version=version)
    whole = connect(serve(RecordList([record]), speed=0, wait_for_clients=1), ALL)
    whole.read(8)
    assert whole.packets(1, len(record))[0][1] == record
    pieces = connect(serve(RecordList([record]), speed=0, wait_for_clients=1, repack=True), ALL)
    pieces.read(8)
    assert peek(pieces.packets(1)[0][1]).length == 512


def test_too_many_clients_are_turned_away(serve, make_recording, connect, monkeypatch):
    monkeypatch.setattr(loop_module, "_MAX_CLIENTS", 1)
    server = serve(make_recording(1))
    connect(server, "HELLO\r\n").read(8)
    assert connect(server).read_to_end() == b""


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0" * 100_000,
        b"A" * 1_000_000,
        b"\xff\xfe\r" * 1000,
        b"\x16\x03\x01\x02\x00\x01\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_garbage_harms_neither_the_server_nor_others(serve, make_recording, connect, garbage):
    server = serve(make_recording(2), wait_for_clients=1)
    hostile = connect(server)
    with suppress(ConnectionError):  # closed while it was still sending
        hostile.sock.sendall(garbage)
    client = connect(server, ALL)
    assert client.read(8) == b"OK\r\nOK\r\n"
    assert len(client.packets(1)) == 1


def test_a_client_that_asks_and_never_reads_is_not_read_from_without_bound(serve, make_recording, connect):
    server = serve(make_recording(1))
    hostile = connect(server, receive_bytes=4096)
    hostile.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        hostile.sock.sendall(b"INFO STREAMS\r\n" * 2_000_000)
    assert connect(server, "HELLO\r\n").read(8) == b"SeedLink"


def test_stop_is_prompt_and_may_come_twice_and_without_start(make_recording, connect):
    server = ReplayServer(make_recording(5)).start()
    client = connect(server, ALL)
    client.read(8)
    server.stop()
    server.stop()
    assert client.read_to_end()[:2] in {b"", b"SL"}
    assert not server.wait_until_drained(0)
    never_started = ReplayServer(make_recording(5))
    never_started.stop()
    never_started.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", never_started.port), timeout=TIMEOUT_S)


def test_a_server_can_be_restarted_on_its_port_with_clients_connected(make_recording, connect):
    with ReplayServer(make_recording(5), speed=0) as first:
        connect(first, ALL).read(8)
    with ReplayServer(make_recording(5), speed=0, port=first.port) as second:
        assert second.port == first.port
        assert second.address == f"127.0.0.1:{first.port}"
        assert connect(second, "HELLO\r\n").read(8) == b"SeedLink"


def test_a_recording_that_vanishes_stops_the_server_with_the_reason(tmp_path: Path, make_record):
    path = tmp_path / "a.mseed"
    path.write_bytes(b"".join(make_record(start_ns=n * NS_PER_S) for n in range(10)))
    found = index([path], counters=Counters())
    path.unlink()
    server = ReplayServer(found, speed=0).start()
    with pytest.raises(SourceError):
        server.wait_until_drained(TIMEOUT_S)
    with pytest.raises(SourceError):
        server.stop()


def test_a_thread_that_does_not_end_is_no_silent_matter(make_recording, monkeypatch):
    server = ReplayServer(make_recording(1)).start()
    monkeypatch.setattr(server_module, "_STOP_S", 0.0)
    monkeypatch.setattr(server._loop, "stop", lambda: None)
    with pytest.raises(RuntimeError, match="does not end"):
        server.stop()
    monkeypatch.undo()
    server.stop()


def test_the_clock_of_the_server_is_steady_utc():
    clock = steady_clock()
    first = clock()
    assert first <= clock()
    assert abs(first - obspy.UTCDateTime().ns) < 5 * NS_PER_S


def test_ipv6_addresses_are_written_with_brackets(make_recording):
    try:
        server = ReplayServer(make_recording(1), host="::1")
    except SourceError:
        pytest.skip("NOT RUN: this machine has no IPv6 loopback")
    server.stop()
    assert server.address == f"[::1]:{server.port}"


@pytest.mark.shared
def test_a_real_archive_arrives_byte_for_byte(shared, serve, connect):
    found = index([shared / "waveforms" / "continuous" / "oklahoma_2024_2h"], counters=Counters())
    server = serve(found, speed=0, wait_for_clients=1)
    client = connect(server, ALL)
    client.read(8)
    expected = b"".join(record for record, _ in found.iter_records())
    received = client.read(len(found) * 520)
    assert b"".join(received[at + 8 : at + 520] for at in range(0, len(received), 520)) == expected


# Faults, seen from the client's side.


def test_split_replies_arrive_in_pieces_and_data_whole(serve, make_recording, connect):
    server = serve(make_recording(2), wait_for_clients=1, faults=split_replies(3))
    client = connect(server, "HELLO\r\n")
    assert client.sock.recv(4096) == b"See"
    client.read(len(greeting(server)) - 3)
    client.send(ALL)
    assert client.read(8) == b"OK\r\nOK\r\n"
    assert len(client.packets(1)) == 1


def greeting(server: ReplayServer) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S) as sock:
        sock.sendall(b"HELLO\r\n")
        data = b""
        while data.count(b"\r\n") < HELLO_LINES:
            data += sock.recv(4096)
        return data


def test_dripped_records_are_whole_in_the_end(serve, make_recording, connect):
    recording = make_recording(2)
    server = serve(recording, speed=0, wait_for_clients=1, faults=drip(100, pause_s=0.0001))
    client = connect(server, ALL)
    client.read(8)
    assert [record for _, record in client.packets(2)] == [record for record, _ in recording.iter_records()]


@pytest.mark.parametrize("n_bytes", [0, 1, 7, 8, 519, 520, 521, 1000])
def test_a_cut_connection_ends_on_the_byte_and_the_next_one_is_healthy(
    serve, make_recording, connect, n_bytes
):
    server = serve(make_recording(5), speed=0, wait_for_clients=1, faults=cut_after_bytes(n_bytes))
    client = connect(server, ALL)
    assert client.read(8) == b"OK\r\nOK\r\n"
    assert len(client.read_to_end()) == n_bytes
    again = connect(server, FROM_FIRST)
    again.read(8)
    assert len(again.packets(5)) == 5


def test_a_silent_server_keeps_the_connection_and_serves_others(serve, make_recording, connect):
    server = serve(make_recording(5), speed=0, wait_for_clients=1, faults=silence_after(700))
    client = connect(server, ALL)
    assert len(client.read(8 + 700)) == 708
    other = connect(server, FROM_FIRST)
    other.read(8)
    assert len(other.packets(5)) == 5
    client.sock.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.sock.recv(1)


def test_reset_sequences_are_seen_by_clients(serve, make_recording, connect):
    server = serve(make_recording(5), speed=0, wait_for_clients=1, faults=reset_sequences(3))
    client = connect(server, ALL)
    client.read(8)
    assert [sequence for sequence, _ in client.packets(5)] == [1, 2, 3, 1, 2]


def test_repeated_and_dropped_packets_are_seen_by_clients(serve, make_recording, connect):
    recording = make_recording(5)
    twice = connect(serve(recording, speed=0, wait_for_clients=1, faults=repeat(1.0)), ALL)
    twice.read(8)
    assert [sequence for sequence, _ in twice.packets(10)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    server = serve(recording, speed=0, wait_for_clients=1, faults=drop(0.5))
    some = connect(server, ALL)
    some.read(8)
    assert server.wait_until_drained(TIMEOUT_S)
    server.stop()
    assert 0 < len(some.read_to_end()) < 5 * 520


def test_foreign_records_can_be_interleaved(serve, make_recording, make_record, connect):
    foreign = make_record("XX.AAA.00.HHZ", length=4096, n_samples=3000)
    server = serve(make_recording(3), speed=0, wait_for_clients=1, faults=interleave(foreign, every=2))
    client = connect(server, ALL)
    client.read(8)
    client.packets(2)
    assert client.packets(1, 4096) == [(2, foreign)]
    assert client.packets(1)[0][0] == 3


# With ObsPy's own client, whose default time-out of None cannot be compared (ObsPy 1.5.1).


@pytest.fixture
def patched_obspy(monkeypatch):
    plain = SeedLinkConnection.is_connected
    monkeypatch.setattr(
        SeedLinkConnection, "is_connected", lambda self, timeout=None: plain(self, timeout or 4.0)
    )


def test_obspy_receives_every_sample_of_the_demo_records(tmp_path, serve, patched_obspy):
    paths = write_demo_records(tmp_path)
    found = index(paths, counters=Counters())
    server = serve(found, speed=0, wait_for_clients=1)
    received = obspy.Stream()
    last = threading.Event()

    def take(trace: obspy.Trace) -> None:
        received.append(trace)
        if len(received) == len(found):
            last.set()

    client = create_client(server.address, on_data=take)
    assert "multistation" in client.capabilities
    assert client.get_info("STREAMS").count("<stream ") == 6
    for station in ("UH1", "UH2", "UH3", "UH4"):
        client.select_stream("BW", station, "???")
    thread = threading.Thread(target=client.run)
    thread.start()
    try:
        assert last.wait(60)
    finally:
        client.conn.terminate()
        server.stop()
        thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    received.merge(method=-1)
    for path in paths:
        (expected,) = obspy.read(path)
        (trace,) = received.select(id=expected.id)
        np.testing.assert_array_equal(trace.data, expected.data)
