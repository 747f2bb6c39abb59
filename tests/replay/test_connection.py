import selectors
import socket
import struct
from collections.abc import Iterator

import pytest

from quake_stream.counters import Counters
from quake_stream.replay.connection import Connection
from quake_stream.replay.faults import Ending, LinkFaults, cut_after_bytes, drip, silence_after
from quake_stream.replay.info import ServerFacts
from quake_stream.replay.outages import cut_after_s, refuse, silence_after_s
from quake_stream.replay.ring import Ring
from quake_stream.replay.session import Session
from quake_stream.source_id import SourceId

HHZ = SourceId.from_nslc("XX.AAA.00.HHZ")
FACTS = ServerFacts(
    software="test/1",
    organization="here",
    started_ns=0,
    has_wildcards=True,
    streams={HHZ: 0},
    stations=frozenset({("XX", "AAA")}),
)


class Pair:
    def __init__(self, faults: LinkFaults) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(listener.getsockname(), timeout=20)
        sock, peer = listener.accept()
        listener.close()
        self.ring = Ring(max_bytes=1 << 26, is_shared=False, first_sequence=1)
        session = Session(FACTS, self.ring, Counters())
        self.connection = Connection(sock, peer, session, faults, now_ns=7)

    def offer(self, n_records: int) -> None:
        for _ in range(n_records):
            self.ring.append(bytes(512), HHZ, start_ns=0, end_ns=1)

    def stream(self) -> None:
        self.client.sendall(b"DATA\r")
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection.sock, selectors.EVENT_READ)
            assert selector.select(20)
        self.connection.read()

    def write(self, now_s: float = 0.0) -> None:
        self.connection.write(now_s, is_finished=False)

    def received(self) -> int:
        """Bytes that have come until nothing more does; the other end is closed first."""
        self.connection.close()
        n_bytes = 0
        while data := self.client.recv(65_536):
            n_bytes += len(data)
        return n_bytes


@pytest.fixture
def pair(request) -> Iterator[Pair]:
    made = Pair(getattr(request, "param", LinkFaults()))
    yield made
    made.connection.close()
    made.client.close()


def test_records_reach_the_client(pair):
    pair.stream()
    pair.offer(10)
    pair.write()
    assert pair.connection.peer.n_records == 10
    assert pair.connection.peer.connected_ns == 7
    assert pair.connection.is_reading
    assert pair.received() == 5200


def test_a_client_that_hangs_up_closes_the_connection(pair):
    pair.client.close()
    with selectors.DefaultSelector() as selector:
        selector.register(pair.connection.sock, selectors.EVENT_READ)
        assert selector.select(20)
    pair.connection.read()
    assert not pair.connection.is_open


def test_a_client_that_resets_while_it_is_sent_to_closes_the_connection(pair):
    pair.stream()
    pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pair.client.close()
    pair.offer(10)
    pair.write()
    assert not pair.connection.is_open


def test_nothing_to_read_is_no_end(pair):
    pair.connection.read()
    assert pair.connection.is_open


def test_a_client_that_reads_nothing_is_waited_for_and_not_read_from(pair):
    pair.stream()
    pair.offer(30_000)
    n_turns = 0
    while not pair.connection.is_held(0.0):
        pair.write()
        n_turns += 1
        assert n_turns < 100
    assert pair.connection.events == selectors.EVENT_WRITE
    pair.connection.read()
    assert pair.connection.is_open


def test_one_turn_sends_a_bounded_amount_so_that_others_have_theirs(pair):
    pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
    pair.stream()
    pair.offer(30_000)
    pair.write()
    assert pair.connection.peer.n_records < 3000
    assert pair.connection.has_more or pair.connection.is_held(0.0)


@pytest.mark.parametrize("pair", [cut_after_bytes(777).link(0)], indirect=True)
def test_a_cut_falls_on_its_byte(pair):
    pair.stream()
    pair.offer(10)
    pair.write()
    assert not pair.connection.is_open
    assert pair.received() == 777


@pytest.mark.parametrize("pair", [cut_after_bytes(777, ending=Ending.RST).link(0)], indirect=True)
def test_a_reset_is_seen_as_a_reset(pair):
    pair.stream()
    pair.offer(10)
    pair.write()
    pair.connection.close()
    with pytest.raises(ConnectionResetError):
        pair.received()


@pytest.mark.parametrize("pair", [silence_after(100).link(0)], indirect=True)
def test_a_silent_connection_stays_open_and_answers_nothing(pair):
    pair.stream()
    pair.offer(10)
    pair.write()
    pair.write(1e9)
    assert pair.connection.is_open
    assert pair.connection.is_silent
    assert not pair.connection.is_reading
    pair.client.sendall(b"INFO ID\r" * 10)
    pair.connection.read()
    assert pair.received() == 100


@pytest.mark.parametrize("pair", [drip(100, pause_s=5.0).link(0)], indirect=True)
def test_dripping_waits_between_its_pieces(pair):
    pair.stream()
    pair.offer(1)
    for now_s in (1.0, 2.0, 5.9, 6.0, 7.0):
        pair.write(now_s)
    assert pair.connection.is_held(10.9)
    assert pair.received() == 200


@pytest.mark.parametrize("pair", [cut_after_s(30.0).link(0)], indirect=True)
def test_a_connection_of_the_age_of_a_cut_ends_though_nothing_is_sent(pair):
    pair.write(100.0)
    pair.write(129.9)
    assert pair.connection.is_open
    pair.write(130.0)
    assert not pair.connection.is_open


@pytest.mark.parametrize("pair", [silence_after_s(60.0).link(0)], indirect=True)
def test_a_connection_of_the_age_of_silence_stays_open_and_says_nothing(pair):
    pair.stream()
    pair.offer(1)
    pair.write(100.0)
    pair.offer(10)
    pair.write(160.0)
    pair.write(1e9)
    assert pair.connection.is_open
    assert not pair.connection.is_reading
    assert pair.received() == 520


@pytest.mark.parametrize("pair", [refuse(1.0).link(0)], indirect=True)
def test_a_refused_connection_is_reset_before_a_word(pair):
    pair.write(100.0)
    assert not pair.connection.is_open
    with pytest.raises(ConnectionResetError):
        pair.received()
