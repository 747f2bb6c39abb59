"""One connection, used as ObsPy's own would be."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_seedlink import START_NS, FakeServer, Peer, packet, record, record_v3
from obspy.clients.seedlink.client.seedlinkconnection import SeedLinkConnection
from obspy.clients.seedlink.client.slstate import SLState
from obspy.clients.seedlink.slpacket import SLPacket

from quake_stream.counters import Counters
from quake_stream.ingest.seedlink.address import Address
from quake_stream.ingest.seedlink.connection import Connection
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.pulse import Pulse
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.ingest.seedlink.stations import StationTable
from quake_stream.ingest.seedlink4.dialect import FOUR
from quake_stream.types import NS_PER_S


@pytest.fixture
def connection(server: FakeServer) -> Iterator[Connection]:
    with Pulse(poll_s=0.05) as pulse:
        made = Connection(
            Address.parse(server.address),
            StationTable(()),
            pulse=pulse,
            settings=SeedLinkSettings(backfill_s=60.0),
            counters=Counters(),
            now_ns=lambda: START_NS,
        )
        yield made
        made.disconnect()


def test_it_is_obspy_s_connection_and_reads_obspy_s_stream_lists(connection: Connection) -> None:
    assert isinstance(connection, SeedLinkConnection)
    assert connection.parse_stream_list("IU_KONO:BHE BHN,GE_WLF,MN_AQU:HH?.D,IU_KONO:BHZ", None) == 4
    assert [(s.net, s.station, s.selectors) for s in connection.get_streams()] == [
        ("IU", "KONO", ["BHE", "BHN", "BHZ"]),
        ("GE", "WLF", ["?????"]),
        ("MN", "AQU", ["HH?.D"]),
    ]


def test_stream_files_are_read_too(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "streams"
    path.write_text("# comment\nGE ISP  BH?.D\nNL HGN\n")
    assert connection.read_stream_list(str(path), None) == 2
    assert [s.selectors for s in connection.streams] == [["BH?.D"], ["?????"]]


def test_data_packets_are_collected_one_by_one_and_move_the_station(
    server: FakeServer, connection: Connection
) -> None:
    server.feed(1, record())
    server.feed(2, record_v3(start_ns=START_NS + NS_PER_S))
    connection.add_stream("XX", "AAA", None, -1, None)
    connection.connect()
    connection.config_link()
    assert connection.state.state == SLState.SL_DATA
    assert connection.collect().get_sequence_number() == 1
    assert connection.collect().get_sequence_number() == 2
    (station,) = connection.streams
    assert (station.seqnum, station.start_ns) == (2, START_NS + NS_PER_S)


def test_after_terminate_collect_says_so(connection: Connection) -> None:
    connection.connect()
    connection.terminate()
    assert connection.collect() == SLPacket.SLTERMINATE
    assert connection.collect() == SLPacket.SLTERMINATE


def test_without_any_station_there_is_nothing_to_negotiate(connection: Connection) -> None:
    connection.connect()
    with pytest.raises(LinkLostError) as caught:
        connection.config_link()
    assert caught.value.reason is Lost.NO_STATIONS


def test_a_restart_voids_the_numbers_and_what_was_refused(connection: Connection) -> None:
    connection.add_stream("XX", "AAA", None, 5, None)
    connection.table.refused.add(("XX", "BBB"))
    connection.forget_sequences()
    assert connection.streams[0].seqnum == -1
    assert connection.table.refused == set()


def test_a_clock_in_the_future_does_not_make_the_others_too_old(
    server: FakeServer, connection: Connection
) -> None:
    connection.add_stream("XX", "AAA", None, 5, None)
    connection.add_stream("XX", "FUT", None, 6, None)
    connection.streams[0].start_ns = START_NS - 10 * NS_PER_S
    connection.streams[1].start_ns = START_NS + 10**18
    connection.connect()
    connection.config_link()
    assert "DATA 000006 2025,6,15,15,6,30" in server.commands[0]


def test_a_station_hours_behind_is_not_asked_for_from_there(
    server: FakeServer, connection: Connection
) -> None:
    connection.add_stream("XX", "AAA", None, 5, None)
    connection.add_stream("XX", "OLD", None, -1, None)
    connection.streams[0].start_ns = START_NS
    connection.streams[1].start_ns = START_NS - 86_400 * NS_PER_S
    connection.connect()
    connection.config_link()
    assert "TIME 2025,6,15,14,6,40" in server.commands[0]


def test_a_skipped_number_belongs_to_the_station_it_follows(
    server: FakeServer, connection: Connection
) -> None:
    def broken(peer: Peer) -> None:
        peer.negotiate()
        peer.send(packet(6, b"?" * 512))

    server.behaviours = [broken] * 3
    connection.add_stream("XX", "AAA", None, 5, None)
    connection.add_stream("XX", "BBB", None, 50, None)
    for _ in range(3):
        connection.connect()
        connection.config_link()
        with pytest.raises(LinkLostError) as caught:
            connection.collect()
        assert caught.value.reason is Lost.DESYNC
        connection.disconnect()
    assert [s.seqnum for s in connection.streams] == [6, 50]


@pytest.mark.parametrize(
    ("hello", "compares"),
    [
        ("SeedLink v4.0 (RingServer/4.5.3) :: SLPROTO:4.0", True),
        ("SeedLink v4.0 (seedlink4) :: SLPROTO:4.0", False),
    ],
)
def test_only_ringserver_gets_a_time_beside_a_sequence_of_version_4(
    connection: Connection, hello: str, compares: bool
) -> None:
    assert connection._request_context().compares_time
    connection.hello, connection.dialect = hello, FOUR
    assert connection._request_context().compares_time is compares
