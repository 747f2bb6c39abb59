"""The source against a server that misbehaves; D1 to D29 are the known failings of ObsPy's own client."""

import random
import socket
import threading
import time
from pathlib import Path

import pytest
from fake_seedlink import DEADLINE_S, START_NS, Peer, info, packet, record, record_v3
from listening import PROMPT_S
from structlog.testing import capture_logs

from quake_stream.errors import SourceError
from quake_stream.ingest.resume import ResumeStore
from quake_stream.ingest.seedlink.source import SeedLinkSource
from quake_stream.selection import parse_streams
from quake_stream.types import NS_PER_S

TIME_0 = "2025,6,15,15,6,40"  # START_NS


def at(i: int, *, station: str = "AAA", length: int = 512) -> bytes:
    """Record number i, one second after the one before."""
    return record(station, start_ns=START_NS + i * NS_PER_S, length=length)


def raw(*pieces: bytes):
    """Behave well up to END, then send these bytes and close."""

    def behaviour(peer: Peer) -> None:
        peer.negotiate()
        for piece in pieces:
            peer.send(piece)

    return behaviour


def silent(peer: Peer) -> None:
    """Behave well up to END, then say nothing, whatever comes."""
    peer.negotiate()
    while True:
        peer.command()


# --- connecting -------------------------------------------------------------------------------------------


def test_d01_default_settings_connect_and_deliver_samples(server, listen) -> None:
    server.feed(1, at(0))
    client = listen()
    assert client.wait_for(1) == [1]
    (got,) = client.packets
    assert got.source_id.nslc == "XX.AAA..HHZ"
    assert got.samples.tolist() == list(range(10))
    assert got.position is not None
    assert (got.position.server, got.position.start_ns) == (server.address, START_NS)
    assert client.source.name == server.address


@pytest.mark.fault(5)
def test_d02_a_server_that_is_down_is_tried_until_it_is_back(listen) -> None:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))  # bound but not listening: refused
        address = f"127.0.0.1:{placeholder.getsockname()[1]}"
        client = listen(address=address)
        client.until(lambda: client.total("connections.lost", "refused") >= 3)
    assert client.total("connections.opened") == 0


@pytest.mark.fault(4)
def test_d02_a_server_that_hangs_at_hello_is_given_up_after_the_command_time_out(server, listen) -> None:
    server.behaviours = [lambda peer: peer.sock.recv(1 << 16) and peer.sock.recv(1)]
    server.feed(1, at(0))
    client = listen(command_timeout_s=0.1)
    assert client.wait_for(1) == [1]
    assert client.total("connections.lost", "command_timeout") >= 1


@pytest.mark.fault(1)
def test_d02_a_reset_at_hello_is_survived(server, listen) -> None:
    def reset(peer: Peer) -> None:
        peer.command()
        peer.reset()

    server.behaviours = [reset, lambda peer: None]
    server.feed(1, at(0))
    client = listen()
    assert client.wait_for(1) == [1]
    assert client.total("connections.lost", "reset") >= 1


@pytest.mark.parametrize("hello", [b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n", b"\xff\xfe\r\n\x00\r\n"])
def test_something_else_than_a_seedlink_server_is_refused_and_retried(server, listen, hello) -> None:
    server.hello = hello
    client = listen()
    server.wait_for(lambda: len(server.commands) > 2)
    client.stop()
    assert client.total("connections.lost", "handshake") >= 2


@pytest.mark.fault(1)
def test_d03_the_end_of_the_stream_is_noticed_at_once(server, listen) -> None:
    server.behaviours = [raw(packet(1, at(0)))]
    server.feed(1, at(0))
    server.feed(2, at(1))
    client = listen()
    assert client.wait_for(2) == [1, 2]
    assert client.total("connections.lost", "eof") == 1


def test_d04_an_idle_link_gets_keepalives_and_stays_connected(server, listen) -> None:
    client = listen(keepalive_s=2.0)  # an answer may take five, on a busy machine
    server.wait_for(lambda: server.all_commands().count("INFO ID") >= 3)
    assert len(server.commands) == 1
    assert client.total("keepalives.sent") >= 2
    assert client.total("connections.lost") == 0


@pytest.mark.fault(4)
def test_d04_a_link_without_answers_is_given_up(server, listen) -> None:
    server.behaviours = [silent]
    server.feed(1, at(0))
    client = listen(keepalive_s=0.1, info_timeout_s=0.05)
    assert client.wait_for(1) == [1]
    assert client.total("connections.lost", "silent") >= 1  # on a busy machine the next one may be, too
    assert client.total("keepalives.unanswered") >= 1


@pytest.mark.fault(4)
def test_bytes_that_trickle_in_do_not_keep_a_dead_link_alive(server, listen) -> None:
    def trickle(peer: Peer) -> None:
        peer.negotiate()
        for byte in packet(1, at(0))[:500]:
            peer.send(bytes([byte]))
            if threading.Event().wait(0.01):
                return

    server.behaviours = [trickle]
    server.feed(1, at(0))
    client = listen(keepalive_s=0.1)
    assert client.wait_for(1) == [1]
    assert client.total("connections.lost", "silent") >= 1


@pytest.mark.parametrize("behaviour", [silent, lambda peer: peer.sock.recv(1 << 16) and peer.sock.recv(1)])
def test_d05_d06_stop_waits_for_no_time_out_of_a_silent_connection(server, listen, behaviour) -> None:
    server.behaviours = [behaviour]
    client = listen()
    server.wait_for(lambda: bool(server.commands))
    started_s = time.monotonic()
    client.stop()
    assert time.monotonic() - started_s < PROMPT_S


def test_d05_stop_from_inside_the_delivery_is_not_lost(server) -> None:
    server.feed(1, at(0))
    server.feed(2, at(1))
    source = SeedLinkSource(server.address, include=parse_streams("XX.AAA"), positions=ResumeStore(None))
    got = []

    def deliver(delivered: object) -> None:
        got.append(delivered)
        source.stop()

    thread = threading.Thread(target=source.run, args=(deliver,))
    thread.start()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert len(got) == 1


def test_stop_ends_the_wait_between_two_attempts(server, listen) -> None:
    server.behaviours = [lambda peer: None] * 100
    client = listen(retry_first_s=3600.0, retry_limit_s=3600.0)
    server.wait_for(lambda: bool(server.commands))
    client.stop()


def test_stop_before_run_and_twice_is_harmless(server) -> None:
    source = SeedLinkSource(server.address, include=parse_streams("XX.AAA"), positions=ResumeStore(None))
    source.stop()
    source.stop()
    source.run(lambda delivered: None)
    source.stop()
    assert server.commands == []


@pytest.mark.fault(6)
def test_stop_does_not_wait_for_a_name_server_that_hangs(server, listen) -> None:
    asked, release = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> list[tuple]:
        asked.set()
        release.wait(DEADLINE_S)
        return []

    client = listen(address="nowhere.invalid", getaddrinfo=hang)
    assert asked.wait(DEADLINE_S)
    client.stop()
    release.set()


@pytest.mark.fault(6)
def test_a_name_that_does_not_resolve_is_retried(listen, server) -> None:
    answers = [OSError("no name"), []]

    def resolve(host: str, port: int, **options: object) -> list[tuple]:
        answer = answers.pop(0) if answers else None
        if isinstance(answer, OSError):
            raise answer
        return socket.getaddrinfo("127.0.0.1", port, **options) if answer is None else answer

    server.feed(1, at(0))
    client = listen(address=server.address.replace("127.0.0.1", "fake.invalid"), getaddrinfo=resolve)
    assert client.wait_for(1) == [1]
    assert client.total("connections.lost", "dns") == 2


def test_progress_grows_on_a_silent_link(server, listen) -> None:
    server.behaviours = [silent]
    client = listen()
    server.wait_for(lambda: bool(server.commands) and "END" in server.commands[0])
    before = client.source.progress()
    client.until(lambda: client.source.progress() > before + 3)


def test_an_address_that_is_none_is_refused_before_anything_runs() -> None:
    with pytest.raises(SourceError, match="host:port"):
        SeedLinkSource("http://x:1", include=parse_streams("XX.AAA"), positions=ResumeStore(None))


# --- records ----------------------------------------------------------------------------------------------


def test_d07_records_of_all_lengths_and_both_versions_come_through_one_stream(server, listen) -> None:
    bodies = [at(i, length=length) for i, length in enumerate((512, 4096, 256, 512, 128, 1024, 65_536))]
    bodies += [record_v3(start_ns=START_NS + 7 * NS_PER_S), at(8), record(blockette_1000=False), at(9)]
    for i, body in enumerate(bodies, start=1):
        server.feed(i, body)
    client = listen()
    # Number 10 does not say its length: 512 bytes on SeedLink 3, so the next one is found.
    client.until(lambda: 11 in client.sequences)
    assert set(range(1, 12)) - set(client.sequences) <= {10}
    assert client.total("streams.desyncs") == 0
    assert {len(p.samples) for p in client.packets} == {10, 7}


@pytest.mark.parametrize("drip", [1, 7, 100])
def test_d19_everything_may_come_in_pieces(server, listen, drip) -> None:
    server.drip = drip
    server.feed(1, at(0, length=128))
    server.feed(2, at(1))
    client = listen()
    assert client.wait_for(2) == [1, 2]
    assert client.total("connections.lost") == 0


def test_d19_the_second_line_of_hello_may_be_late(server, listen) -> None:
    def late(peer: Peer) -> None:
        assert peer.command() == "HELLO"
        first, second = server.hello.split(b"\r\n")[:2]
        peer.send(first + b"\r\n")
        threading.Event().wait(0.2)
        peer.send(second + b"\r\n")
        peer.serve()

    server.behaviours = [late]
    server.feed(1, at(0))
    client = listen()
    assert client.wait_for(1) == [1]
    assert client.total("connections.lost") == 0


@pytest.mark.fault(2)
def test_a_refused_record_is_counted_and_the_stream_goes_on(server, listen) -> None:
    broken = bytearray(at(1))
    broken[24] = 99  # the hour
    empty = record(n_samples=0, start_ns=START_NS)
    for i, body in enumerate([at(0), bytes(broken), empty, at(3)], start=1):
        server.feed(i, body)
    client = listen()
    assert client.wait_for(2) == [1, 4]
    assert client.total("records.refused", "bad_time") == 1
    assert client.total("records.refused", "no_samples") == 1
    assert client.total("connections.lost") == 0


@pytest.mark.fault(1)
def test_cut_at_any_byte_of_a_record_loses_nothing(server, listen) -> None:
    first, second = packet(1, at(0, length=128)), packet(2, at(1, length=128))
    cuts = [0, 1, 2, 7, 8, 9, 47, 48, 55, 56, 63, 64, 127, 135]
    server.behaviours = [raw(first, second[:cut]) for cut in cuts]
    server.feed(1, at(0, length=128))
    server.feed(2, at(1, length=128))
    client = listen()
    server.wait_for(lambda: len(server.commands) == len(cuts) + 1)
    client.wait_for(len(cuts) + 1)
    assert client.sequences[-1] == 2
    assert set(client.sequences) == {1, 2}
    assert client.total("connections.lost", "eof") == len(cuts)


@pytest.mark.fault(1)
def test_a_reset_in_mid_record_resumes_after_the_last_whole_one(server, listen) -> None:
    arrived = threading.Event()

    def reset(peer: Peer) -> None:
        peer.negotiate()
        peer.send(packet(7, at(0)) + packet(8, at(1))[:100])
        assert arrived.wait(DEADLINE_S)
        peer.reset()

    server.behaviours = [reset]
    server.feed(8, at(1))
    client = listen()
    client.wait_for(1)
    arrived.set()
    assert client.wait_for(2) == [7, 8]
    assert f"DATA 000008 {TIME_0}" in server.commands[1]
    assert client.total("connections.lost", "reset") == 1


@pytest.mark.fault(2)
@pytest.mark.parametrize(
    "garbage",
    [b"\0" * 600, b"SL00000G" + at(1), b"SL000002" + b"x" * 512, b"OK\r\n", random.Random(1).randbytes(4096)],
)
def test_garbage_drops_the_connection_and_the_stream_is_resumed(server, listen, garbage) -> None:
    server.behaviours = [raw(packet(1, at(0)), garbage)]
    server.feed(1, at(0))
    server.feed(2, at(1))
    client = listen()
    assert client.wait_for(2) == [1, 2]
    assert client.total("streams.desyncs") == 1
    assert client.total("connections.lost", "desync") == 1


@pytest.mark.fault(2)
def test_a_record_that_breaks_the_stream_again_and_again_is_skipped(server, listen) -> None:
    server.feed(1, at(0))
    server.feed(2, b"\1" * 512)
    server.feed(3, at(2))
    client = listen()
    assert client.wait_for(2) == [1, 3]
    assert client.total("streams.desyncs") == 3
    assert client.total("records.skipped") == 1
    assert "DATA 000003" in server.commands[3]


@pytest.mark.fault(7)
@pytest.mark.parametrize(("said", "reason"), [(b"END", "end"), (b"ERROR\r\n", "error")])
def test_d24_end_and_error_are_followed_by_a_pause_and_a_new_connection(server, listen, said, reason) -> None:
    server.behaviours = [raw(packet(1, at(0)), said)]
    server.feed(1, at(0))
    server.feed(2, at(1))
    client = listen()
    assert client.wait_for(2) == [1, 2]
    assert client.total("connections.lost", reason) == 1


def test_d09_an_info_packet_nobody_asked_for_is_passed_over(server, listen) -> None:
    server.behaviours = [raw(info("<x/>"), packet(1, at(0)), info("y" * 1000), packet(2, at(1)))]
    client = listen()
    assert client.wait_for(2) == [1, 2]
    assert client.total("infos.unasked") == 2


def test_d18_stations_are_named_even_where_there_is_only_one(server, listen) -> None:
    server.feed(1, at(0))
    listen().wait_for(1)
    assert server.commands[0][2:] == ["STATION AAA XX", "SELECT ?????", "DATA", "END"]


def test_d29_a_server_of_version_4_is_spoken_to_in_version_3(server, listen) -> None:
    server.hello = b"SeedLink v4.0 (ring/4.5) :: SLPROTO:4.0 SLPROTO:3.1 CAP EXTREPLY NSWILDCARD\r\nsite\r\n"
    server.feed(1, at(0))
    assert listen().wait_for(1) == [1]
    assert not any(command.startswith("SLPROTO") for command in server.commands[0])


def test_d28_a_server_that_knows_no_info_is_used_without(server, listen) -> None:
    server.replies["INFO ID"] = b""
    server.feed(1, at(0))
    client = listen(command_timeout_s=0.2)
    assert client.wait_for(1) == [1]
    assert client.total("connections.lost", "command_timeout") >= 3
    assert "INFO ID" not in server.commands[-1]


def test_a_server_that_refuses_info_is_used_without_identity(server, listen) -> None:
    server.replies["INFO ID"] = b"ERROR\r\n"
    server.feed(1, at(0))
    client = listen()
    assert client.wait_for(1) == [1]
    assert client.source.slconn.identity == ""


def test_records_that_were_not_asked_for_are_dropped_and_counted(server, listen) -> None:
    server.feed(1, at(0))
    server.feed(2, record(channel="HHN"))
    server.feed(3, record(channel="LHZ"))
    server.feed(4, record("ZZZ"))
    server.feed(5, at(1))
    client = listen("XX.AAA..HH?", exclude=["*.*.*.HHN"])
    assert client.wait_for(2) == [1, 5]
    assert client.total("records.unwanted") == 3


def test_d22_the_receive_buffer_is_left_to_the_kernel_and_d23_keepalives_are_set(server, listen) -> None:
    server.feed(1, at(0))
    client = listen()
    client.wait_for(1)
    sock = client.source.slconn.socket
    with socket.create_connection(sock.getpeername()) as plain:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == plain.getsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF
        )
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    assert [sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, o)) for o in options] == [30, 10, 3, 60_000]


# --- resume -----------------------------------------------------------------------------------------------


@pytest.mark.fault(8)
def test_d27_the_sequence_wraps_in_six_upper_case_digits(server, listen) -> None:
    server.behaviours = [raw(packet(0xABCDEE, at(0))), raw(packet(0xFFFFFF, at(1)))]
    client = listen()
    server.wait_for(lambda: len(server.commands) > 2 and "END" in server.commands[2])
    client.stop()
    assert f"DATA ABCDEF {TIME_0}" in server.commands[1]
    assert "DATA 000000 2025,6,15,15,6,41" in server.commands[2]


def restarted(peer: Peer) -> None:
    """Send record 500, and be another server from then on."""
    peer.negotiate()
    peer.send(packet(500, at(0)))
    peer.server.started = "2030/01/01 00:00:00"


@pytest.mark.fault(8)
def test_d11_a_restarted_server_is_asked_by_time_and_not_by_number(server, listen) -> None:
    server.behaviours = [restarted]
    server.feed(1, at(0))
    server.feed(2, at(1))
    client = listen()
    assert client.wait_for(3) == [500, 1, 2]
    assert "TIME 2025,6,15,15,5,40" in server.commands[1]
    assert client.total("servers.restarted") == 1


def test_d10_stations_seen_through_a_wildcard_are_resumed_by_themselves(server, listen) -> None:
    server.behaviours = [raw(packet(1, at(0, station="AAA")), packet(2, at(1, station="BBB")))]
    server.feed(3, at(2, station="BBB"), "BBB")
    client = listen("XX.*")
    assert client.wait_for(3) == [1, 2, 3]
    first, second = server.commands[0], server.commands[1]
    assert [c for c in first if c.startswith(("STATION", "DATA"))] == ["STATION * XX", "DATA"]
    assert [c for c in second if c.startswith(("STATION", "DATA"))] == [
        "STATION * XX",
        "DATA",
        "STATION AAA XX",
        f"DATA 000002 {TIME_0}",
        "STATION BBB XX",
        "DATA 000003 2025,6,15,15,6,41",
    ]


def test_d14_the_first_start_may_ask_for_the_past_and_a_later_one_does_not(server, listen, tmp_path) -> None:
    now_ns = START_NS + 3600 * NS_PER_S
    store = ResumeStore(tmp_path / "positions.json", rewind_s=0)
    server.feed(1, at(0))
    client = listen(positions=store, backfill_s=600.0, now_ns=lambda: now_ns)
    client.wait_for(1)
    client.stop()
    store.save()
    again = listen(positions=ResumeStore(tmp_path / "positions.json", rewind_s=0), backfill_s=600.0)
    server.wait_for(lambda: len(server.commands) > 1 and "END" in server.commands[1])
    again.stop()
    assert "TIME 2025,6,15,15,56,40" in server.commands[0]
    assert f"DATA 000002 {TIME_0}" in server.commands[1]


def test_a_new_process_gets_the_last_minute_again(server, listen, tmp_path: Path) -> None:
    store = ResumeStore(tmp_path / "positions.json", rewind_s=60.0)
    for i in range(200):
        server.feed(i + 1, at(i, length=128))
    client = listen(positions=store)
    client.wait_for(200)
    client.stop()
    store.save()
    listen(positions=ResumeStore(tmp_path / "positions.json"))
    server.wait_for(lambda: len(server.commands) > 1 and "END" in server.commands[1])
    (request,) = (c.split() for c in server.commands[1] if c.startswith("DATA "))
    assert 200 - 64 <= int(request[1], 16) <= 200 - 59


def test_a_packet_of_the_server_s_former_life_is_acknowledged_without_its_number(server, listen) -> None:
    server.behaviours = [restarted]
    client = listen()
    client.until(lambda: client.total("servers.restarted") == 1)
    client.source.acknowledge(client.packets[0])
    assert [p.sequence for p in client.positions.positions(server.address)] == [-1]


def test_a_position_the_server_refuses_is_given_up_step_by_step(server, listen, tmp_path: Path) -> None:
    store = ResumeStore(tmp_path / "positions.json")
    server.replies[f"DATA 000002 {TIME_0}"] = b"ERROR\r\n"
    server.replies["TIME 2025,6,15,15,5,40"] = b"ERROR\r\n"
    server.behaviours = [raw(packet(1, at(0)))]
    server.feed(2, at(1))
    client = listen(positions=store)
    assert client.wait_for(2) == [1, 2]
    assert client.total("positions.refused") == 2
    assert client.total("stations.refused") == 0


def test_what_is_refused_of_stations_nobody_asked_for_is_counted_for_the_server(server, listen) -> None:
    for i, station in enumerate(("AAA", "BBB", "CCC"), start=1):
        broken = bytearray(at(i, station=station))
        broken[24] = 99  # the hour
        server.feed(i, bytes(broken))
    server.feed(4, at(4))
    client = listen()
    assert client.wait_for(1) == [4]
    refused = {k.station: n for k, n in client.source.counts().items() if k.name == "records.refused"}
    assert refused == {"XX.AAA": 1, server.address: 2}


def test_repeated_records_are_passed_on(server, listen) -> None:
    server.behaviours = [raw(packet(1, at(0)) * 3, packet(9, at(1)), packet(4, at(2)))]
    client = listen()
    assert client.wait_for(5)[:5] == [1, 1, 1, 9, 4]


# --- stations ---------------------------------------------------------------------------------------------


@pytest.mark.fault(7)
def test_d16_a_station_whose_selectors_are_all_refused_is_left_out(server, listen) -> None:
    server.replies["SELECT --XX?"] = b"ERROR\r\n"
    server.feed(1, at(0))
    client = listen("XX.AAA..HHZ", "XX.BAD..XX?")
    assert client.wait_for(1) == [1]
    assert client.total("stations.refused", "selectors") == 1
    assert "END" not in server.commands[0]
    assert not any("BAD" in command for command in server.commands[1])


def test_one_refused_selector_of_several_is_counted_and_the_station_kept(server, listen) -> None:
    server.replies["SELECT --XX?"] = b"ERROR\r\n"
    server.feed(1, at(0))
    client = listen("XX.AAA..HHZ", "XX.AAA..XX?")
    assert client.wait_for(1) == [1]
    assert client.total("selectors.refused") == 1
    assert len(server.commands) == 1


@pytest.mark.fault(7)
def test_refused_stations_are_learnt_by_a_survey_and_the_rest_streams(server, listen) -> None:
    for bad in ("B01", "B02", "B03"):
        server.replies[f"STATION {bad} XX"] = b"ERROR\r\n"
    server.feed(1, at(0))
    client = listen("XX.B01", "XX.AAA", "XX.B02", "XX.B03", "XX.CCC")
    assert client.wait_for(1) == [1]
    assert client.total("stations.refused", "station") == 3
    survey, last = server.commands[1], server.commands[2]
    assert not any(command.startswith(("SELECT", "DATA", "END")) for command in survey)
    assert [c for c in last if c.startswith("STATION")] == ["STATION AAA XX", "STATION CCC XX"]
    assert len(server.commands) == 3


@pytest.mark.fault(7)
def test_a_server_that_refuses_everything_is_asked_again_later_and_blamed_once(server, listen) -> None:
    server.replies["STATION AAA XX"] = b"ERROR\r\n"
    with capture_logs() as logs:
        client = listen()
        server.wait_for(lambda: len(server.commands) > 5)
        client.stop()
    events = [entry["event"] for entry in logs]
    assert events.count("seedlink.station_refused") == 1
    assert events.count("seedlink.lost") == 1
    assert client.total("connections.lost", "no_stations") >= 1
    assert client.total("connections.lost", "renegotiate") >= 1


def test_d15_a_station_without_selector_asks_for_all_channels(server, listen) -> None:
    server.feed(1, at(0))
    listen("XX.AAA").wait_for(1)
    assert "SELECT ?????" in server.commands[0]


def test_d20_commands_are_sent_ahead_of_their_replies(server, listen) -> None:
    def wait_for_all(peer: Peer) -> None:
        for command in iter(peer.command, "STATION S00 XX"):
            peer.answer(command)
        while peer.command() != "DATA" or len(peer.told) < 2 + 3 * 100:
            pass  # nothing is answered until the last command is here
        for _ in range(3 * 100):
            peer.send(b"OK\r\n")
        peer.negotiate()
        peer.stream()

    server.behaviours = [wait_for_all]
    server.feed(1, at(0, station="S99"), "S99")
    client = listen(*(f"XX.S{i:02}" for i in range(100)))
    assert client.wait_for(1) == [1]


def test_d20_twenty_thousand_commands_do_not_block_each_other(server, listen) -> None:
    server.feed(1, at(0, station="S4999"), "S4999")
    client = listen(*(f"XX.S{i:04}" for i in range(5000)))
    assert client.wait_for(1) == [1]


def test_wildcards_are_expanded_where_the_server_cannot(server, listen) -> None:
    server.hello = b"SeedLink v3.0 (old)\r\nsite\r\n"
    names = [("XX", "AAA"), ("XX", "BBB"), ("YY", "CCC"), ("XX", "AZZ"), ("", "BAD"), ("XX", "a/../b")]
    server.stations_xml = "".join(f'<station name="{s}" network="{n}" end_seq="1"/>' for n, s in names)
    server.feed(1, at(0, station="BBB"), "BBB")
    client = listen("XX.*", exclude=["XX.AZZ"])
    assert client.wait_for(1) == [1]
    stations = [c for c in server.commands[0] if c.startswith("STATION")]
    assert stations == ["STATION AAA XX", "STATION BBB XX"]


def test_a_refused_wildcard_is_expanded_although_the_server_says_it_can(server, listen) -> None:
    server.replies["STATION * XX"] = b"ERROR\r\n"
    server.stations_xml = '<station name="AAA" network="XX"/>'
    server.feed(1, at(0))
    client = listen("XX.*")
    assert client.wait_for(1) == [1]
    assert client.total("stations.refused", "station") == 1


def test_a_wildcard_goes_out_as_it_is_where_the_server_lists_no_stations(server, listen) -> None:
    server.hello = b"SeedLink v3.0 (old)\r\nsite\r\n"
    server.replies["INFO STATIONS"] = info("<error/>", channel="ERR")
    server.replies["INFO STREAMS"] = b"ERROR\r\n"
    server.feed(1, at(0))
    client = listen("XX.*")
    assert client.wait_for(1) == [1]
    assert "STATION * XX" in server.commands[0]


@pytest.mark.fault(22)
def test_a_wildcard_that_stands_for_too_many_stations_is_refused(server, listen) -> None:
    server.hello = b"SeedLink v3.0 (old)\r\nsite\r\n"
    server.stations_xml = "".join(f'<station name="S{i}" network="XX"/>' for i in range(50))
    client = listen("XX.*", max_stations=20, refused_retry_s=0.05)
    server.wait_for(lambda: len(server.commands) > 2)
    client.stop()
    assert client.total("connections.lost", "too_many_stations") >= 1
    assert "END" not in server.all_commands()


@pytest.mark.fault(22)
def test_stations_beyond_the_limit_are_counted_and_not_delivered(server, listen) -> None:
    for i in range(5):
        server.feed(i + 1, at(i, station=f"S{i}"), f"S{i}")
    server.feed(9, at(9, station="S0"), "S0")
    client = listen("XX.*", max_stations=3)
    assert client.wait_for(3) == [1, 2, 9]
    assert client.total("records.refused", "too_many_stations") == 3


def test_an_info_that_never_ends_is_given_up(server, listen) -> None:
    server.hello = b"SeedLink v3.0 (old)\r\nsite\r\n"
    endless = info("x" * 912)[: 2 * 520].replace(b"SLINFO  ", b"SLINFO *")

    def flood(peer: Peer) -> None:
        while peer.command() != "INFO STATIONS":
            peer.answer(peer.told[-1])
        while True:
            peer.send(endless * 500)

    server.behaviours = [flood]
    server.stations_xml = '<station name="AAA" network="XX"/>'
    server.feed(1, at(0))
    client = listen("XX.*")
    assert client.wait_for(1) == [1]
    assert client.total("connections.lost", "handshake") == 1


def test_d21_descriptors_above_1023_work(server, listen) -> None:
    server.feed(1, at(0))
    held = [socket.socket() for _ in range(1030)]
    try:
        client = listen()
        assert client.wait_for(1) == [1]
        assert client.source.slconn.socket.fileno() > 1023
    finally:
        for sock in held:
            sock.close()


def test_d23_ipv6_servers_are_reached() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("NOT RUN: no IPv6 here")
    source = SeedLinkSource(
        f"seedlink://[::1]:{listener.getsockname()[1]}",
        include=parse_streams("XX.AAA"),
        positions=ResumeStore(None),
    )
    thread = threading.Thread(target=source.run, args=(lambda delivered: None,))
    thread.start()
    with listener:
        listener.settimeout(DEADLINE_S)
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(DEADLINE_S)
            assert peer.recv(100) == b"HELLO\r"
    source.stop()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


@pytest.mark.fault(5)
def test_back_off_grows_after_failures_and_starts_anew_only_after_data(server, listen) -> None:
    server.behaviours = [raw(), raw(), raw(), raw(packet(1, at(0))), raw()]
    client = listen(retry_first_s=0.001, retry_limit_s=0.01)
    server.wait_for(lambda: len(server.commands) > 5)
    client.stop()
    delays = client.source._new_delays()
    assert 0.0005 <= next(delays) <= 0.001


@pytest.mark.fault(1)
def test_a_link_that_flaps_is_logged_once_and_counted_each_time(server, listen) -> None:
    server.behaviours = [raw(packet(i, at(i))) for i in range(1, 8)]
    with capture_logs() as logs:
        client = listen()
        client.wait_for(7)
        server.wait_for(lambda: len(server.commands) == 8)
        client.stop()
    events = [entry["event"] for entry in logs if entry["log_level"] != "debug"]
    assert events == ["seedlink.connected", "seedlink.lost", "seedlink.connected", "seedlink.stopped"]
    assert client.total("connections.lost", "eof") == 7


def test_an_error_of_the_receiver_ends_the_run_and_is_not_hidden(server) -> None:
    server.feed(1, at(0))
    source = SeedLinkSource(server.address, include=parse_streams("XX.AAA"), positions=ResumeStore(None))

    def deliver(delivered: object) -> None:
        raise RuntimeError("receiver broke")

    with pytest.raises(RuntimeError, match="receiver broke"):
        source.run(deliver)
    assert source.slconn.socket is None


@pytest.mark.fault(2)
def test_random_bytes_from_a_server_never_end_the_source(server, listen) -> None:
    rng = random.Random(7)
    good = packet(1, at(0))

    def noise(peer: Peer) -> None:
        peer.negotiate()
        broken = bytearray(good * 3)
        for _ in range(rng.randrange(1, 40)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        peer.send(bytes(broken))

    def babble(peer: Peer) -> None:
        for _ in range(rng.randrange(1, 4)):
            peer.command()
            peer.send(rng.randbytes(rng.randrange(1, 2000)) + b"\r\n")

    server.behaviours = [noise, babble] * 20
    server.feed(0x700000, at(0, station="AAA"))
    client = listen(retry_limit_s=0.01, command_timeout_s=0.1)
    server.wait_for(lambda: len(server.commands) > 40)
    assert client.thread.is_alive()
