"""The SeedLink client and a replay server between which the network fails: nothing that is held is lost."""

import itertools
import socket
from collections.abc import Iterator

import pytest
from fake_seedlink import FakeServer
from hostile import (
    ByLink,
    CutReplies,
    HandClock,
    Heard,
    Relay,
    last_is,
    listen,
    losses,
    make_record,
    make_records,
    serve,
)
from structlog.testing import capture_logs

from quake_stream.ingest.resume import ResumeStore
from quake_stream.replay.faults import Ending, cut_after_bytes, drip, silence_after, split_replies, together

PACKET_BYTES = 8 + 128


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.close()


@pytest.mark.parametrize(
    "fault",
    [split_replies(1), split_replies(5), drip(3), together(split_replies(2), drip(100))],
    ids=["replies-1", "replies-5", "drip-3", "both"],
)
def test_replies_and_records_in_pieces_are_put_together(fault) -> None:
    with serve(make_records(4), faults=fault) as server, listen(server.address) as client:
        last_is(client, 3)
        assert client.total("connections.lost") == 0
        assert Heard(client.packets).seconds() == [range(4)]


@pytest.mark.fault(1)
@pytest.mark.parametrize(
    ("ending", "reason"), [(Ending.FIN, "eof"), (Ending.RST, "reset")], ids=["fin", "rst"]
)
def test_a_cut_at_every_byte_of_a_record_loses_nothing(ending, reason) -> None:
    """The first connection brings one record and ends; each of the others breaks off in the second one."""
    cuts = [PACKET_BYTES, *range(PACKET_BYTES)]
    faults = ByLink(*(cut_after_bytes(n, ending=ending).link(0) for n in cuts))
    with (
        serve(make_records(3), faults=faults) as server,
        listen(server.address, retry_first_s=0.0) as client,
        capture_logs() as logs,
    ):
        losses(client, len(cuts))
        last_is(client, 2)
        assert client.total("connections.lost", reason) == len(cuts)
        assert client.total("connections.opened") == len(cuts) + 1
        assert client.sequences == [1, 2, 3]
        assert Heard(client.packets).seconds() == [range(3)]
    # Once an hour, whatever the number.
    assert [entry["reason"] for entry in logs if entry["event"] == "seedlink.lost"] == [reason]


@pytest.mark.fault(1)
def test_a_cut_anywhere_in_the_replies_to_a_handshake_is_only_another_attempt() -> None:
    cuts = range(0, 620, 9)
    with (
        serve(make_records(2), faults=ByLink(*map(CutReplies, cuts))) as server,
        listen(server.address, "XX.AAA", retry_first_s=0.0) as client,
    ):
        losses(client, len(cuts))
        last_is(client, 1)
        assert client.total("connections.lost", "eof") == len(cuts)
        assert Heard(client.packets).seconds() == [range(2)]


@pytest.mark.parametrize("step", [None, 1, 100])
def test_records_of_every_length_and_version_may_come_in_one_stream(step) -> None:
    kinds = [(512, 2), (256, 2), (4096, 2), (512, 3), (1024, 2), (128, 2), (4096, 3), (512, 2)]
    records = [
        make_record(i, length=length, version=version) for i, (length, version) in enumerate(kinds * 3)
    ]
    faults = drip(step, 0.0) if step else None
    with serve(records, faults=faults) as server, listen(server.address) as client:
        last_is(client, len(records) - 1)
        assert client.total("connections.lost") == 0
        assert client.total("records.refused") == 0
        assert Heard(client.packets).seconds() == [range(len(records))]


@pytest.mark.fault(1)
def test_records_of_every_length_and_version_may_be_cut_off() -> None:
    kinds = [(512, 2), (256, 2), (4096, 2), (512, 3), (1024, 2)] * 4
    records = [make_record(i, length=length, version=version) for i, (length, version) in enumerate(kinds)]
    cuts = [600, 700, 3000, 4200, 5000, 400, 900, 1500] * 3
    faults = ByLink(*(cut_after_bytes(n).link(0) for n in cuts))
    with serve(records, faults=faults) as server, listen(server.address) as client:
        last_is(client, len(records) - 1)
        assert client.total("connections.lost", "eof") > 5
        assert Heard(client.packets).seconds() == [range(len(records))]


@pytest.mark.fault(4)
def test_a_server_that_stops_reading_and_writing_is_left_and_nothing_is_lost() -> None:
    with (
        serve(make_records(10), faults=silence_after(5 * PACKET_BYTES + 60)) as server,
        listen(server.address, keepalive_s=0.1, info_timeout_s=0.05) as client,
        capture_logs() as logs,
    ):
        last_is(client, 9)
        assert client.total("connections.lost", "silent") >= 1
        assert client.total("keepalives.unanswered") >= 1
        assert Heard(client.packets).seconds() == [range(10)]
    lost = [entry for entry in logs if entry["event"] == "seedlink.lost"]
    assert {(entry["reason"], entry["log_level"]) for entry in lost} == {("silent", "warning")}


@pytest.mark.fault(4)
def test_what_a_half_open_connection_swallows_is_asked_for_again() -> None:
    """Neither side can tell: the server goes on to send, and what it sends arrives nowhere."""
    clock = HandClock()
    with (
        serve(make_records(10), speed=1, clock=clock) as server,
        Relay(server.address) as relay,
        listen(relay.address, keepalive_s=0.1, info_timeout_s=0.05) as client,
    ):
        last_is(client, 0)
        clock.send_until(server, 4)
        last_is(client, 4)
        relay.swallow()
        clock.send_until(server, 9)
        last_is(client, 9)
        assert client.total("connections.lost", "silent") >= 1
        assert Heard(client.packets).seconds() == [range(10)]
        assert Heard(client.packets).gaps == {"AAA": []}


@pytest.mark.fault(4)
@pytest.mark.parametrize("n_stations", [1, 5000])
def test_a_server_that_answers_nothing_is_left_after_the_time_for_a_command(fake, n_stations) -> None:
    """Also while the commands for thousands of stations are stuck on their way."""

    def deaf(peer) -> None:
        for _ in range(2):
            peer.answer(peer.command())
        fake.wait_for(lambda: fake.is_closing or len(fake.commands) > 1)

    fake.behaviours = [deaf]
    fake.feed(1, make_record(0, "S0000"), "S0000")
    streams = [f"XX.S{i:04}" for i in range(n_stations)]
    with listen(fake.address, *streams, command_timeout_s=0.3) as client:
        last_is(client, 0, "S0000")
        assert client.total("connections.lost", "command_timeout") >= 1


@pytest.mark.fault(1)
@pytest.mark.fault(5)
def test_a_server_that_is_away_for_a_while_is_found_again_and_resumed() -> None:
    records = make_records(20)
    clock_ns = 1_700_000_000 * 10**9
    positions = ResumeStore(None)
    with serve(records[:8], clock=lambda: clock_ns) as server:
        port = server.port
        with listen(server.address, positions=positions) as client:
            last_is(client, 7)
            server.stop()
            client.until(lambda: client.total("connections.lost", "refused") >= 3)
            # The same server by its own account: it kept its ring, and has more in it now.
            with serve(records, port=port, clock=lambda: clock_ns, wait_for_clients=0):
                last_is(client, 19)
            assert client.total("servers.restarted") == 0
            assert Heard(client.packets).seconds() == [range(20)]


@pytest.mark.fault(5)
def test_a_server_that_accepts_nobody_is_tried_until_it_does() -> None:
    """A full queue of connections: the kernel answers nothing, as a server that hangs makes it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        address = f"127.0.0.1:{full.getsockname()[1]}"
        with listen(address, connect_timeout_s=0.1) as client:
            client.until(lambda: client.total("connections.lost", "connect_timeout") >= 2)
            assert client.total("connections.opened") == 0
        for filler in fillers:
            filler.close()


@pytest.mark.fault(6)
@pytest.mark.parametrize("failing", [(0, 1), (1, 2, 3)], ids=["at the start", "later"])
def test_a_name_that_cannot_be_looked_up_for_a_while_costs_no_data(failing) -> None:
    attempts = itertools.count()

    def resolve(_host: str, port: int, **options: int) -> list[tuple]:
        if next(attempts) in failing:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return socket.getaddrinfo("127.0.0.1", port, **options)

    with (
        capture_logs() as logs,
        serve(make_records(9), faults=cut_after_bytes(700)) as server,
        listen(f"feed.invalid:{server.port}", getaddrinfo=resolve) as client,
    ):
        last_is(client, 8)
        assert client.total("connections.lost", "dns") == len(failing)
        assert Heard(client.packets).seconds() == [range(9)]
    said = [entry for entry in logs if entry["event"] == "seedlink.lost" and entry["reason"] == "dns"]
    assert [entry["detail"] for entry in said] == ["[Errno -3] Temporary failure in name resolution"]
