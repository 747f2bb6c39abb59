"""``quake-stream replay``: a server that any SeedLink client can read."""

import re
import signal
import socket

import obspy
import pytest
import seedlink_client
import trustme
from obspy.clients.seedlink.basic_client import Client


def port_of(server) -> int:
    server.until(lambda: bool(server.err))
    found = re.fullmatch(r"570 records at seedlink://127\.0\.0\.1:(\d+); Ctrl-C ends", server.err[0])
    assert found, server.err
    return int(found[1])


def test_another_client_reads_what_was_recorded(program, demo_records):
    server = program("replay", demo_records, "--port", 0, "--speed", 0, "--as-recorded")
    client = Client("127.0.0.1", port_of(server), timeout=20)
    start = obspy.UTCDateTime("2010-05-27T16:24:20")
    stream = client.get_waveforms("BW", "UH1", "", "SHZ", start, start + 10)
    expected = obspy.read(str(demo_records / "BW.UH1..SHZ.mseed"))
    expected.trim(start, start + 10)
    stream.merge()
    assert (stream[0].data == expected[0].data).all()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_with_a_client_connected(program, demo_records, number):
    server = program("replay", demo_records, "--port", 0, "--wait")
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=20) as sock:
        sock.sendall(b"HELLO\r")
        assert sock.recv(8) == b"SeedLink"
        assert server.stop(number) == 0
    assert "  clients.accepted: 1" in server.err


def test_it_ends_by_itself_when_all_is_sent(program, demo_records):
    server = program("replay", demo_records, "--port", 0, "--speed", 0, "--stream", "BW.UH1")
    server.until(lambda: bool(server.err))
    port = int(re.search(r":(\d+);", server.err[0])[1])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        for command in (b"HELLO\r", b"STATION UH1 BW\r", b"DATA\r"):
            sock.sendall(command)
            sock.recv(512)
        sock.sendall(b"END\r")
        n_bytes, n_expected = 0, 520 * int(server.err[0].split()[0])
        while n_bytes < n_expected:
            piece = sock.recv(65_536)
            assert piece
            n_bytes += len(piece)
    assert server.end() == 0


def test_a_loop_without_pace_is_wrong_usage(quake_stream, demo_records):
    done = quake_stream("replay", demo_records, "--speed", 0, "--loop")
    assert done.status == 2
    assert "a loop needs a speed above 0" in done.err


def test_a_stream_that_is_none_is_wrong_usage(quake_stream, demo_records):
    done = quake_stream("replay", demo_records, "--stream", "nonsense")
    assert done.status == 2
    assert "names no stream" in done.err


def test_a_port_in_use_is_one_line(quake_stream, demo_records):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = quake_stream("replay", demo_records, "--port", taken.getsockname()[1])
    assert done.status == 66
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("quake-stream: cannot listen on 127.0.0.1 port ")


def test_a_rehearsal_ends_with_what_the_server_did_wrong(program, demo_records):
    options = (
        "--port",
        0,
        "--speed",
        0,
        "--stream",
        "BW.UH1",
        "--fault",
        "drop=0.5",
        "--fault",
        "repeat=0.5",
    )
    server = program("replay", demo_records, *options)
    server.until(lambda: bool(server.err))
    port = int(re.search(r":(\d+);", server.err[0])[1])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(b"DATA\r")
        n_bytes = 0
        sock.settimeout(20)
        while server.process.poll() is None and (piece := sock.recv(65_536)):
            n_bytes += len(piece)
    assert server.end() == 0
    counts = dict(line.strip().split(": ") for line in server.err[1:])
    n_sent = int(counts["records.sent"]) - int(counts["faults.injected.drop"])
    assert n_bytes == 520 * (n_sent + int(counts["faults.injected.repeat"]))
    assert 0 < int(counts["faults.injected.drop"]) < int(counts["records.sent"])


def test_a_fault_that_is_none_is_wrong_usage_and_names_those_there_are(quake_stream, demo_records):
    done = quake_stream("replay", demo_records, "--fault", "dorp=0.01")
    assert done.status == 2
    assert "drop=0.01, repeat=0.01, swap=0.01" in " ".join(done.err.replace("│", " ").split())


def test_an_encrypted_server_admits_who_knows_the_password(program, demo_records, tmp_path):
    authority = trustme.CA()
    certificate, password = tmp_path / "server.pem", tmp_path / "password"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    password.write_text("s3cret")
    password.chmod(0o600)
    options = ("--tls-cert", certificate, "--user", "anna", "--password", password)
    server = program("replay", demo_records, "--port", 0, "--speed", 0, *options)
    server.until(lambda: bool(server.err))
    found = re.fullmatch(r"570 records at seedlinks://127\.0\.0\.1:(\d+); Ctrl-C ends", server.err[0])
    assert found, server.err
    login = {"tls": True, "tls_noverify": True, "timeout": 20, "auth": ("anna", "s3cret")}
    with seedlink_client.SeedLink("127.0.0.1", int(found[1]), **login) as client:
        client.add_stream("BW_UH1")
        packet = next(client.collect(reconnect=False))
    assert packet.station_id == "BW_UH1"
    assert server.stop(signal.SIGTERM) == 0
    assert "s3cret" not in " ".join(server.err)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tls-key", "x"), "needs --tls-cert as well"),
        (("--tls-cert", "/dev/null"), "/dev/null: "),
        (("--tls-cert", "/nowhere"), "/nowhere: No such file"),
        (("--user", "anna"), "belong together"),
    ],
)
def test_half_of_what_encryption_needs_is_wrong_usage(quake_stream, demo_records, options, message):
    done = quake_stream("replay", demo_records, *options)
    assert done.status == 2
    assert message in " ".join(done.err.replace("│", " ").split())
