"""What is promised of a source, for each way to reach a server."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import trustme
from fake_seedlink import START_NS
from hostile import (
    ByLink,
    HandClock,
    Heard,
    Relay,
    last_is,
    make_record,
    make_records,
)
from listening import PROMPT_S
from structlog.testing import capture_logs
from transports import PASSWORD, WAYS, Way, make_way, server_context

from quake_stream.ingest.resume import ResumeStore
from quake_stream.ingest.seedlink.credentials import Credentials
from quake_stream.replay.faults import (
    Ending,
    cut_after_bytes,
    drip,
    reorder,
    repeat,
    reset_sequences,
    silence_after,
    together,
)
from quake_stream.types import NS_PER_S, Packet


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    return make_way(request.param, tmp_path)


@pytest.fixture
def tls4(tmp_path: Path) -> Way:
    return make_way("tls4", tmp_path)


def second_of(packet: Packet) -> int:
    return (packet.start_ns - START_NS) // NS_PER_S


def losses(logs: list[dict]) -> list[tuple[str, str]]:
    return [(entry["reason"], entry["log_level"]) for entry in logs if entry["event"] == "seedlink.lost"]


# --- the contract, on every way -----------------------------------------------------------------------------


def test_every_record_arrives_with_its_position(way: Way) -> None:
    with way.serve(make_records(20, "AAA", "BBB")) as server, way.listen(server.address) as client:
        last_is(client, 19, "AAA", "BBB")
        assert client.source.name == server.address
        assert client.total("connections.lost") == 0
        heard = Heard(client.packets)
        assert heard.seconds("AAA") == heard.seconds("BBB") == [range(20)]
        assert sorted(client.sequences) == [n for n in range(1, 21) for _ in range(2)]


def test_only_what_is_wanted_is_asked_for(way: Way) -> None:
    records = make_records(3, "AAA", "BBB", "CCC")
    with way.serve(records) as server, way.listen(server.address, "XX.AAA..HH?", "XX.C*") as client:
        last_is(client, 2, "AAA", "CCC")
        assert {packet.source_id.station for packet in client.packets} == {"AAA", "CCC"}
        assert client.total("records.unwanted") == 0


def test_replies_and_records_in_pieces_are_put_together(way: Way) -> None:
    with way.serve(make_records(4), faults=drip(7, 0.0)) as server, way.listen(server.address) as client:
        last_is(client, 3)
        assert client.total("connections.lost") == 0
        assert Heard(client.packets).seconds() == [range(4)]


@pytest.mark.fault(1)
@pytest.mark.parametrize("ending", [Ending.FIN, Ending.RST])
def test_a_connection_that_is_cut_anywhere_loses_nothing(way: Way, ending: Ending) -> None:
    random = Random(7)
    cuts = ByLink(*(cut_after_bytes(random.randrange(1, 1500), ending=ending).link(0) for _ in range(10)))
    with (
        way.serve(make_records(30, "AAA", "BBB"), faults=cuts) as server,
        way.listen(server.address, retry_first_s=0.0) as client,
        capture_logs() as logs,
    ):
        last_is(client, 29, "AAA", "BBB")
        assert client.total("connections.lost") == 10
        heard = Heard(client.packets)
        assert heard.seconds("AAA") == heard.seconds("BBB") == [range(30)]
    assert {reason for reason, _ in losses(logs)} <= {"eof", "reset", "tls"}


def test_records_that_come_twice_or_swapped_are_put_right(way: Way) -> None:
    faults = together(repeat(0.2), reorder(0.2))
    wanted = set(range(39))  # the last may be held back for one that never comes
    with way.serve(make_records(40), faults=faults) as server, way.listen(server.address) as client:
        client.until(lambda: wanted <= {second_of(packet) for packet in client.packets})
        assert client.total("connections.lost") == 0
        (run,) = Heard(client.packets).seconds()
        assert wanted <= set(run)


@pytest.mark.fault(4)
def test_a_server_that_falls_silent_is_left_and_nothing_is_lost(way: Way) -> None:
    with (
        way.serve(make_records(10), faults=silence_after(700)) as server,
        way.listen(server.address, keepalive_s=0.2, info_timeout_s=0.1) as client,
        capture_logs() as logs,
    ):
        last_is(client, 9)
        assert client.total("connections.lost", "silent") >= 1  # on a busy machine the next one may be, too
        assert client.total("keepalives.unanswered") >= 1
        assert Heard(client.packets).seconds() == [range(10)]
    assert set(losses(logs)) == {("silent", "warning")}


@pytest.mark.fault(4)
def test_a_half_open_connection_is_left_and_nothing_is_lost(way: Way) -> None:
    clock = HandClock()
    records = make_records(10)
    with (
        way.serve(records, speed=1, clock=clock) as server,
        Relay(server.address) as relay,
        way.listen(relay.address, keepalive_s=0.2, info_timeout_s=0.1) as client,
    ):
        last_is(client, 0)
        clock.send_until(server, 4)
        last_is(client, 4)
        relay.swallow()
        clock.send_until(server, 9)
        last_is(client, 9)
        assert client.total("connections.lost", "silent") >= 1
        assert Heard(client.packets).seconds() == [range(10)]


def test_an_idle_connection_is_kept_by_asking(way: Way) -> None:
    clock = HandClock()
    with (
        way.serve(make_records(2), speed=1, clock=clock) as server,
        way.listen(server.address, keepalive_s=2.0, info_timeout_s=5.0) as client,
    ):
        last_is(client, 0)
        client.until(lambda: client.total("keepalives.sent") >= 2)
        clock.send_until(server, 1)
        last_is(client, 1)
        assert client.total("connections.lost") == 0
        assert client.total("infos.unasked") == 0


def test_a_stop_waits_for_no_time_out_of_a_silent_connection(way: Way) -> None:
    with (
        way.serve(make_records(2), speed=1, clock=HandClock()) as server,
        way.listen(server.address) as client,
    ):
        last_is(client, 0)
        started_s = time.monotonic()
        client.stop()
        assert time.monotonic() - started_s < PROMPT_S


@pytest.mark.fault(5)
def test_a_server_that_is_down_is_tried_until_it_is_back(way: Way) -> None:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))  # bound but not listening: refused
        port = placeholder.getsockname()[1]
        with way.listen(f"127.0.0.1:{port}") as client:
            client.until(lambda: client.total("connections.lost", "refused") >= 3)
            placeholder.close()
            with way.serve(make_records(3), port=port):
                last_is(client, 2)
                client.stop()
        assert Heard(client.packets).seconds() == [range(3)]


@pytest.mark.fault(7)
def test_an_unknown_station_costs_only_itself_and_is_told_once(way: Way) -> None:
    with (
        way.serve(make_records(5)) as server,
        way.listen(server.address, "XX.AAA", "XX.NONE", "XX.NOTHING") as client,
        capture_logs() as logs,
    ):
        last_is(client, 4)
        assert client.total("stations.refused", "station") == 2
        assert Heard(client.packets).seconds() == [range(5)]
    told = [entry["station"] for entry in logs if entry["event"] == "seedlink.station_refused"]
    assert sorted(told) == ["XX.NONE", "XX.NOTHING"]


@pytest.mark.fault(22)
def test_a_wildcard_that_stands_for_too_many_stations_is_capped_and_told(way: Way) -> None:
    stations = [f"S{i}" for i in range(6)]
    with (
        way.serve(make_records(5, *stations)) as server,
        way.listen(server.address, "XX.*", max_stations=4) as client,
        capture_logs() as logs,
    ):
        client.until(lambda: client.total("records.refused", "too_many_stations") >= 3)
        last_is(client, 4, "S0")
        assert len({packet.source_id.station for packet in client.packets}) == 3  # beside the wildcard
    assert [e["limit"] for e in logs if e["event"] == "seedlink.too_many_stations"] == [4]


def test_a_new_process_goes_on_where_the_old_one_ended(way: Way, tmp_path: Path) -> None:
    path = tmp_path / "positions.json"
    clock = HandClock()
    with way.serve(make_records(10, "AAA", "BBB"), speed=1, clock=clock) as server:
        positions = ResumeStore(path, rewind_s=0.0)
        with way.listen(server.address, positions=positions) as client:
            last_is(client, 0, "AAA", "BBB")
            clock.send_until(server, 3)
            last_is(client, 3, "AAA", "BBB")
        positions.save()
        clock.send_until(server, 8)  # while nobody listens
        with way.listen(server.address, positions=ResumeStore(path, rewind_s=0.0)) as again:
            last_is(again, 8, "AAA", "BBB")
        heard = Heard(again.packets)
        assert heard.seconds("AAA") == heard.seconds("BBB") == [range(4, 9)]


@pytest.mark.fault(8)
def test_a_sequence_that_outgrows_24_bits_goes_on(way: Way) -> None:
    cuts = ByLink(*(cut_after_bytes(1200).link(0) for _ in range(3)))
    with (
        way.serve(make_records(20), first_sequence=0xFFFFF8, faults=cuts) as server,
        way.listen(server.address) as client,
    ):
        last_is(client, 19)
        assert client.total("connections.lost") >= 2
        assert Heard(client.packets).seconds() == [range(20)]
        after = 12 if way.version == "3" else 0x1000000 + 11
        assert client.sequences[-1] == (after - 1 if way.version == "3" else after)


@pytest.mark.fault(8)
def test_a_server_that_counts_anew_is_followed(way: Way) -> None:
    faults = together(reset_sequences(12), cut_after_bytes(16 * 140))
    with way.serve(make_records(20), faults=faults) as server, way.listen(server.address) as client:
        last_is(client, 19)
        assert client.total("connections.lost") == 1
        assert Heard(client.packets).seconds() == [range(20)]


@pytest.mark.fault(8)
def test_a_server_that_comes_back_with_an_empty_ring_is_asked_by_time(way: Way) -> None:
    """Its numbers mean other data now: what it holds must come, whatever was read before."""
    with way.serve(make_records(range(10))) as server, way.listen(server.address) as client:
        last_is(client, 9)
        port = server.port
        server.stop()
        with way.serve(make_records(range(8, 30)), port=port):
            last_is(client, 29)
            assert client.total("servers.restarted") == 1
            client.stop()
    assert Heard(client.packets).seconds() == [range(30)]


def test_versions_may_change_between_two_connections(tmp_path: Path) -> None:
    """A server that is replaced by one that speaks SeedLink 4, or the reverse, is resumed by time."""
    auto = make_way("v4", tmp_path)
    for is_upgrade in (True, False):
        with (
            auto.serve(make_records(range(10)), wildcards=not is_upgrade) as server,
            auto.listen(server.address, "XX.AAA", protocol="auto") as client,
        ):
            last_is(client, 9)
            port = server.port
            server.stop()
            with auto.serve(make_records(range(5, 20)), port=port, wildcards=is_upgrade):
                last_is(client, 19)
                client.stop()
        assert client.source.slconn.dialect.version == ("4" if is_upgrade else "3")
        assert Heard(client.packets).seconds() == [range(20)]


# --- who is there, and who we are ---------------------------------------------------------------------------


def untrusted(authority: trustme.CA) -> trustme.LeafCert:
    return trustme.CA().issue_cert("127.0.0.1")


def of_another_host(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("192.0.2.1")


@pytest.mark.parametrize(
    ("make_certificate", "detail"),
    [(untrusted, "unable to get local issuer"), (of_another_host, "IP address mismatch")],
)
def test_a_server_without_proof_is_refused_tried_again_and_read_once_it_has_one(
    tls4: Way, tmp_path: Path, make_certificate: Callable[[trustme.CA], trustme.LeafCert], detail: str
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    wrong = server_context(make_certificate(authority))
    right = server_context(authority.issue_cert("127.0.0.1"))
    with (
        tls4.serve(make_records(3), tls=wrong) as server,
        tls4.listen(server.address) as client,
        capture_logs() as logs,
    ):
        client.until(lambda: client.total("connections.lost", "certificate") >= 3)
        port = server.port
        server.stop()
        assert client.packets == []
        with tls4.serve(make_records(3), tls=right, port=port):
            last_is(client, 2)
            client.stop()
    (lost,) = (
        entry for entry in logs if entry["event"] == "seedlink.lost" and entry["reason"] == "certificate"
    )
    assert detail in lost["detail"]


def test_a_wrong_password_is_told_and_a_right_one_taken_without_a_restart(tls4: Way, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wr0ng")
    with tls4.serve(make_records(3)) as server, tls4.listen(server.address) as client, capture_logs() as logs:
        client.until(lambda: client.total("connections.lost", "auth") >= 3)
        (tmp_path / "password").write_text(PASSWORD)
        last_is(client, 2)
        assert server.counts()
    (lost,) = (entry for entry in logs if entry["event"] == "seedlink.lost")
    assert (lost["reason"], lost["detail"]) == ("auth", "AUTH: ERROR AUTH login")
    assert not {"wr0ng", PASSWORD} & set(str(logs).replace("'", " ").split())


def test_a_password_that_cannot_be_read_is_told(tls4: Way, tmp_path: Path) -> None:
    (tmp_path / "password").chmod(0o644)
    with tls4.serve(make_records(3)) as server, tls4.listen(server.address) as client, capture_logs() as logs:
        client.until(lambda: client.total("connections.lost", "auth") >= 2)
    assert [e["detail"] for e in logs if e["event"] == "seedlink.lost"] == [
        f"{tmp_path / 'password'}: every user of this machine can read it: chmod 600"
    ]


def test_who_says_nothing_where_somebody_must_is_told(tls4: Way) -> None:
    with (
        tls4.serve(make_records(3)) as server,
        tls4.listen(server.address, credentials=None) as client,
    ):
        client.until(lambda: client.total("connections.lost", "auth") >= 2)


def test_a_token_is_taken_as_well(tls4: Way, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a.b.c\n")
    (tmp_path / "token").chmod(0o600)
    credentials = Credentials(secret_file=tmp_path / "token")
    with (
        tls4.serve(make_records(3), admitted=["JWT a.b.c"]) as server,
        tls4.listen(server.address, credentials=credentials) as client,
    ):
        last_is(client, 2)


def test_a_password_is_not_sent_to_a_server_that_speaks_version_3_only(tls4: Way) -> None:
    with tls4.serve(make_records(3), wildcards=False) as server, tls4.listen(server.address) as client:
        client.until(lambda: client.total("connections.lost", "auth") >= 2)
        assert "commands.refused" not in {key.name for key in server.counts()}


def test_an_encrypted_client_at_an_open_port_is_told(tls4: Way) -> None:
    with (
        tls4.serve(make_records(3), tls=None) as server,
        tls4.listen(server.address, connect_timeout_s=0.2) as client,
    ):
        client.until(lambda: client.total("connections.lost") >= 2)
        reasons = {k.reason for k in client.source.counts() if k.name == "connections.lost"}
        assert reasons <= {"tls", "command_timeout", "connect_timeout"}


def test_an_open_client_at_an_encrypted_port_is_told(tls4: Way, tmp_path: Path) -> None:
    way = make_way("v4", tmp_path)
    with tls4.serve(make_records(3)) as server, way.listen(server.address) as client:
        client.until(lambda: client.total("connections.lost") >= 2)
        assert client.packets == []


def test_a_stop_ends_a_tls_handshake_that_hangs(tls4: Way) -> None:
    accepted = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with listener.accept()[0] as sock:
                sock.recv(1)
                accepted.set()
                sock.recv(1 << 16)
                sock.recv(1)

        thread = threading.Thread(target=accept)
        thread.start()
        with tls4.listen(f"127.0.0.1:{listener.getsockname()[1]}") as client:
            assert accepted.wait(20.0)
            started_s = time.monotonic()
            client.stop()
            assert time.monotonic() - started_s < PROMPT_S
        thread.join(20.0)
        assert not thread.is_alive()


def test_a_server_without_the_wanted_version_is_told(tmp_path: Path) -> None:
    way = make_way("v4", tmp_path)
    with way.serve(make_records(3), wildcards=False) as server, way.listen(server.address) as client:
        client.until(lambda: client.total("connections.lost", "protocol") >= 2)


def test_records_of_version_3_come_through_both(way: Way) -> None:
    records = [make_record(i, length=512, version=3 if i % 2 else 2) for i in range(6)]
    with way.serve(records) as server, way.listen(server.address) as client:
        last_is(client, 5)
        assert Heard(client.packets).seconds() == [range(6)]
