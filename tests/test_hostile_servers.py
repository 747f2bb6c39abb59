"""The SeedLink client and replay servers that say wrong things: what is lost is a gap, and nothing else is lost."""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_seedlink import START_NS, FakeServer, Peer, info, packet
from hostile import (
    ByLink,
    HandClock,
    Heard,
    Relay,
    Rewrite,
    last_is,
    listen,
    make_record,
    make_records,
    serve,
)
from structlog.testing import capture_logs

from quake_stream.ingest.seedlink import info as info_text
from quake_stream.replay.faults import (
    cut_after_bytes,
    reorder,
    repeat,
    reset_sequences,
    together,
)
from quake_stream.replay.info import info_packets
from quake_stream.types import NS_PER_S

PACKET_BYTES = 8 + 128


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.close()


def cut_after(*n_packets: int) -> ByLink:
    """Break connection after connection off in the middle of a record, after so many whole ones."""
    return ByLink(*(cut_after_bytes(n * PACKET_BYTES + 60).link(0) for n in n_packets))


# --- END and ERROR ----------------------------------------------------------------------------------------


@pytest.mark.fault(7)
@pytest.mark.parametrize(("said", "reason"), [(b"END", "end"), (b"ERROR\r\n", "error")])
def test_end_and_error_in_mid_stream_are_followed_by_a_new_connection(said, reason) -> None:
    def say(n, packet):
        return (packet, said) if n == 2 else (packet,)

    with (
        capture_logs() as logs,
        serve(make_records(9), faults=ByLink(Rewrite(say), Rewrite(say))) as server,
        listen(server.address) as client,
    ):
        last_is(client, 8)
        assert client.total("connections.lost", reason) == 2
        assert client.sequences == list(range(1, 10))
        assert Heard(client.packets).seconds() == [range(9)]
    assert [entry["reason"] for entry in logs if entry["event"] == "seedlink.lost"] == [reason]


# --- sequences --------------------------------------------------------------------------------------------


@pytest.mark.fault(8)
@pytest.mark.parametrize("sequences", ["station", "shared"])
def test_sequences_may_wrap_between_and_within_connections(sequences) -> None:
    stations = ("AAA", "BBB")
    with (
        serve(
            make_records(30, *stations),
            sequences=sequences,
            first_sequence=0xFFFFFF - 7,
            faults=cut_after(3, 2, 5, 4, 1, 1, 1, 6),
        ) as server,
        listen(server.address) as client,
    ):
        last_is(client, 29, *stations)
        assert 0xFFFFFF in client.sequences
        assert 0 in client.sequences
        assert client.total("connections.lost", "eof") == 8
        heard = Heard(client.packets)
        assert [heard.seconds(station) for station in stations] == [[range(30)]] * 2


@pytest.mark.fault(8)
@pytest.mark.parametrize("sequences", ["station", "shared"])
@pytest.mark.parametrize("n_before", [3, 5, 7])
def test_sequences_that_start_again_are_not_trusted(sequences, n_before) -> None:
    """The server does not say that it was restarted; old numbers are valid again and mean other data."""
    stations = ("AAA", "BBB")
    faults = together(reset_sequences(10), cut_after(n_before, 4, 9, 2))
    with (
        serve(make_records(20, *stations), sequences=sequences, faults=faults) as server,
        listen(server.address) as client,
    ):
        last_is(client, 19, *stations)
        heard = Heard(client.packets)
        assert [heard.seconds(station) for station in stations] == [[range(20)]] * 2
        assert not any(heard.gaps.values())


@pytest.mark.fault(8)
@pytest.mark.parametrize("number", ["SL000007", "SLFFFFFF", "SLABCDEF"])
def test_a_server_that_gives_every_record_the_same_number_is_resumed_by_time(number) -> None:
    def same(n, packet):
        return (number.encode() + packet[8:],)

    cuts = [cut_after_bytes(n * PACKET_BYTES + 60) for n in (3, 2, 4)]
    faults = ByLink(*(together(ByLink(*[Rewrite(same)] * 9), cut).link(0) for cut in cuts), *[Rewrite(same)])
    with serve(make_records(12), faults=faults) as server, listen(server.address) as client:
        last_is(client, 11)
        assert client.total("connections.lost", "eof") == 3
        assert Heard(client.packets).seconds() == [range(12)]


@pytest.mark.fault(8)
def test_repeated_and_reordered_records_fill_their_places() -> None:
    faults = together(reorder(0.3, seed=3), repeat(0.3, seed=4))
    with serve(make_records(60), faults=faults) as server, listen(server.address) as client:
        client.until(lambda: len(set(client.sequences)) == 60)  # the last may be another than the newest
        assert client.sequences != sorted(client.sequences)
        heard = Heard(client.packets)
        assert heard.seconds() == [range(60)]
        assert heard.counters.total("packets.repeated") > 5
        assert heard.counters.total("packets.late") > 5
        assert client.total("connections.lost") == 0


@pytest.mark.fault(8)
def test_a_ring_that_was_lost_is_a_gap_of_exactly_what_it_held() -> None:
    """The server comes back as another one, counts from 1 again and has lost ten seconds."""
    with serve(make_records(10)) as server, listen(server.address) as client:
        last_is(client, 9)
        server.stop()
        client.until(lambda: client.total("connections.lost", "refused") >= 1)
        with serve(make_records(range(20, 30)), port=server.port):
            last_is(client, 29)
            assert client.total("servers.restarted") == 1
            heard = Heard(client.packets)
            assert heard.seconds() == [range(10), range(20, 30)]
            assert heard.gaps == {"AAA": [range(10, 20)]}


@pytest.mark.fault(8)
def test_what_the_ring_overwrote_while_the_link_was_dead_is_a_gap_of_exactly_that() -> None:
    clock = HandClock()
    ring_bytes = 10 * (128 + 300)
    with (
        serve(make_records(100), speed=1, clock=clock, ring_bytes=ring_bytes) as server,
        Relay(server.address) as relay,
        listen(relay.address, keepalive_s=0.1, info_timeout_s=0.05) as client,
    ):
        last_is(client, 0)
        clock.send_until(server, 4)
        last_is(client, 4)
        relay.is_closed = True
        relay.swallow()
        clock.send_until(server, 99)
        assert server.finished.wait(20)
        client.until(lambda: client.total("connections.lost", "silent") >= 1)
        relay.is_closed = False
        last_is(client, 99)
        heard = Heard(client.packets)
        assert heard.seconds() == [range(5), range(90, 100)]
        assert heard.gaps == {"AAA": [range(5, 90)]}
        assert heard.counters.total("gaps") == 1


# --- records that are none --------------------------------------------------------------------------------


def damaged(first: int, value: bytes):
    """Overwrite some bytes of every tenth record from the sixth on; 0 is the first byte of the record."""

    def damage(n, packet):
        broken = packet[: 8 + first] + value + packet[8 + first + len(value) :]
        return (broken if n % 10 == 5 else packet,)

    return damage


@pytest.mark.fault(2)
@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("first", "value", "reason"),
    [
        (24, b"\x63", "bad_time"),
        (22, b"\xff\xff", "bad_time"),
        (52, b"\x63", "unknown_encoding"),
        (30, b"\xff\xff", "bad_payload"),
        (44, b"\xff\xff", "bad_header"),
    ],
)
def test_a_damaged_record_is_counted_and_is_a_gap_of_its_own_length(first, value, reason) -> None:
    faults = ByLink(*[Rewrite(damaged(first, value))] * 9)
    with serve(make_records(20), faults=faults) as server, listen(server.address) as client:
        last_is(client, 19)
        assert client.total("connections.lost") == 0
        assert client.total("records.refused", reason) == 2, client.source.counts()
        heard = Heard(client.packets)
        assert heard.seconds() == [range(5), range(6, 15), range(16, 20)]
        assert heard.gaps == {"AAA": [range(5, 6), range(15, 16)]}


@pytest.mark.fault(2)
@pytest.mark.fault(3)
@pytest.mark.parametrize(
    ("first", "value"), [(-8, b"XX"), (-4, b"zz"), (6, b"\x01"), (54, b"\x03"), (54, b"\xff")]
)
def test_bytes_that_are_no_record_cost_a_connection_and_no_data(first, value) -> None:
    """Damaged on its way once: the server holds a good copy, which the next connection brings."""
    faults = ByLink(Rewrite(damaged(first, value)), Rewrite(damaged(first, value)))
    with serve(make_records(20, length=512), faults=faults) as server, listen(server.address) as client:
        last_is(client, 19)
        assert client.total("connections.lost", "desync") == 2
        assert client.total("streams.desyncs") == 2
        assert client.total("records.skipped") == 0
        assert Heard(client.packets).seconds() == [range(20)]


@pytest.mark.fault(2)
def test_a_record_that_is_damaged_for_good_is_skipped_and_is_a_gap() -> None:
    faults = ByLink(*[Rewrite(lambda n, p: (p.replace(at_7, b"\1" * 128),)) for _ in range(20)])
    at_7 = make_record(7)
    with (
        capture_logs() as logs,
        serve(make_records(20), faults=faults) as server,
        listen(server.address) as client,
    ):
        last_is(client, 19)
        assert client.total("connections.lost", "desync") == 3
        assert client.total("records.skipped") == 1
        heard = Heard(client.packets)
        assert heard.seconds() == [range(7), range(8, 20)]
        assert heard.gaps == {"AAA": [range(7, 8)]}
    (skipped,) = (entry for entry in logs if entry["event"] == "seedlink.record_skipped")
    assert skipped["sequence"] == "000008"


# --- stations ---------------------------------------------------------------------------------------------


@pytest.mark.fault(7)
def test_a_station_that_the_server_does_not_know_is_said_once_and_the_rest_is_kept() -> None:
    asked = ("XX.AAA", "XX.BBB", "XX.CCC", "YY.*")
    past = {"backfill_s": 100.0, "now_ns": lambda: START_NS + 50 * NS_PER_S}
    with (
        capture_logs() as logs,
        serve(make_records(10, "AAA", "CCC"), faults=cut_after(3, 4, 2, 5, 1)) as server,
        listen(server.address, *asked, **past) as client,
    ):
        last_is(client, 9, "AAA", "CCC")
        assert client.total("stations.refused", "station") == 2
        server.stop()
        client.until(lambda: client.total("connections.lost", "refused") >= 1)
        # Another server on the same port: it is asked anew, and it refuses anew.
        with serve(make_records(range(10, 20), "AAA", "CCC"), port=server.port):
            last_is(client, 19, "AAA", "CCC")
        assert client.total("stations.refused", "station") >= 4
        heard = Heard(client.packets)
        assert [heard.seconds(station) for station in ("AAA", "CCC")] == [[range(20)]] * 2
    refused = [entry for entry in logs if entry["event"] == "seedlink.station_refused"]
    assert sorted(entry["station"] for entry in refused) == ["XX.BBB", "YY.*"]
    assert {entry["log_level"] for entry in refused} == {"warning"}


@pytest.mark.fault(7)
def test_a_station_that_the_server_learns_to_know_is_read_from_the_next_connection_on() -> None:
    with serve(make_records(5, "AAA")) as server, listen(server.address, "XX.AAA", "XX.BBB") as client:
        last_is(client, 4)
        assert client.total("stations.refused", "station") == 1
        server.stop()
        client.until(lambda: client.total("connections.lost", "refused") >= 1)
        with serve(make_records(range(5, 9), "AAA", "BBB"), port=server.port):
            last_is(client, 8, "AAA", "BBB")


# --- too much ---------------------------------------------------------------------------------------------


def resident_mb() -> float:
    """Memory of this process."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize() / 1e6


@pytest.mark.fault(22)
@pytest.mark.parametrize("max_info_bytes", [16 * 2**20, 2**20], ids=["read whole", "cut short"])
def test_a_wildcard_for_which_the_server_lists_200_000_stations_is_refused_in_words(
    fake, monkeypatch, max_info_bytes
) -> None:
    """Eight megabytes of names, or more than are even read."""
    monkeypatch.setattr(info_text, "MAX_INFO_BYTES", max_info_bytes)
    fake.hello = b"SeedLink v3.0 (old)\r\nsite\r\n"
    names = (f'<station name="S{n}" network="XX"/>' for n in range(200_000))
    fake.replies["INFO STATIONS"] = info_packets("".join(names))
    before_mb = resident_mb()
    with capture_logs() as logs, listen(fake.address, "XX.*") as client:
        client.until(lambda: client.total("connections.lost") > 0)
        assert client.total("connections.lost", "too_many_stations") == 1
        assert len(client.source._table.entries) == 1
        assert resident_mb() - before_mb < 150
    (lost,) = (entry for entry in logs if entry["event"] == "seedlink.lost")
    assert "20000" in lost["detail"]
    # Not every minute, as the list has megabytes and only the operator can narrow the streams.
    assert lost["retry_in_s"] == 3600.0


@pytest.mark.fault(22)
def test_of_10_000_stations_that_come_through_a_wildcard_those_within_the_limit_are_taken() -> None:
    """The server itself understands the wildcard; a station that is known goes on among the others."""
    n_others, limit = 10_000, 100
    good = make_record(0, "WHOSE")

    def with_others(n, sent):
        codes = (np.base_repr(i, 36).rjust(5, "0").encode() for i in range(n_others))
        others = (sent[:8] + good.replace(b"WHOSE", code) for code in codes)
        return (sent, *others) if n == 0 else (sent,)

    before_mb = resident_mb()
    with (
        capture_logs() as logs,
        serve(make_records(9), faults=ByLink(Rewrite(with_others))) as server,
        listen(server.address, max_stations=limit) as client,
    ):
        last_is(client, 8)
        n_taken = limit - 2  # the wildcard and AAA are in the table, too
        assert client.total("records.refused", "too_many_stations") == n_others - n_taken
        assert len(client.packets) == 9 + n_taken
        assert len(client.source._table.entries) == limit
        assert len(client.source.counts()) < 10
        assert Heard(client.packets).seconds() == [range(9)]
        assert resident_mb() - before_mb < 100
    (said,) = (entry for entry in logs if entry["event"] == "seedlink.too_many_stations")
    assert said["limit"] == limit


def endless_after(command: str):
    """Answer properly until this command, and that one without end."""
    part = info("x" * 912)[: 2 * 520].replace(b"SLINFO  ", b"SLINFO *")

    def behaviour(peer: Peer) -> None:
        while (said := peer.command()) != command:
            peer.answer(said)
        while True:
            peer.send(part * 200)

    return behaviour


@pytest.mark.parametrize("level", ["INFO ID", "INFO STATIONS"])
def test_an_info_that_never_ends_is_left_and_data_are_had_without(fake, monkeypatch, level) -> None:
    monkeypatch.setattr(info_text, "MAX_INFO_BYTES", 2**20)
    fake.hello = b"SeedLink v3.0 (old)\r\nsite\r\n"
    fake.stations_xml = '<station name="AAA" network="XX"/>'
    fake.behaviours = [endless_after(level)] * 3
    for second in range(3):
        fake.feed(second + 1, make_record(second))
    with listen(fake.address, "XX.*") as client:
        last_is(client, 2)
        assert client.total("connections.lost", "handshake") == 3
        assert Heard(client.packets).seconds() == [range(3)]


@pytest.mark.fault(4)
def test_an_info_that_never_ends_in_mid_stream_does_not_pass_for_life(fake) -> None:
    """The connection is busy, and no data come any more."""

    def drown(peer: Peer) -> None:
        peer.negotiate()
        peer.send(packet(1, make_record(0)))
        endless_after("INFO ID")(peer)

    fake.behaviours = [drown]
    for second in range(3):
        fake.feed(second + 1, make_record(second))
    with listen(fake.address, "XX.AAA", keepalive_s=0.1) as client:
        last_is(client, 2)
        assert client.total("connections.lost", "silent") >= 1
        assert Heard(client.packets).seconds() == [range(3)]
