"""A look at servers of all kinds: the product's own, deaf ones, dead ones and such as are none."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fake_seedlink import DEADLINE_S, FakeServer, Peer, record
from transports import WAYS, make_way

from quake_stream.counters import Counters
from quake_stream.ingest.probe import Probe
from quake_stream.ingest.seedlink.lost import Lost
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.mseed import archive
from quake_stream.replay import demo_data
from quake_stream.replay.server import ReplayServer
from quake_stream.selection import parse_list
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Last 15 s of the demo: at least one whole record of each stream."""
    paths = demo_data.write_demo_records(tmp_path_factory.mktemp("demo"))
    end_ns = int(archive.index(paths, counters=Counters()).end_ns.max())
    return archive.index(paths, counters=Counters(), start_ns=end_ns - 15 * NS_PER_S)


@contextmanager
def replayed(recording, **options) -> Iterator[ReplayServer]:
    """Serve all at once to the first client that asks for data, as if it ended now."""
    with ReplayServer(recording, speed=0, wait_for_clients=1, **options) as server:
        yield server


@contextmanager
def running(probe: Probe) -> Iterator[Probe]:
    thread = threading.Thread(target=probe.run, name="probe")
    thread.start()
    try:
        yield probe
    finally:
        probe.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def look(address: str, *streams: str, exclude: tuple[str, ...] = (), **options) -> Probe:
    limits = {"retry_first_s": 0.01, "retry_limit_s": 0.05}
    keys = ("command_timeout_s", "protocol", "ca_file", "credentials")
    limits |= {key: options.pop(key) for key in keys if key in options}
    settings = SeedLinkSettings(**limits)
    return Probe(
        address, include=parse_list(streams), exclude=parse_list(exclude), settings=settings, **options
    )


@pytest.mark.parametrize("wildcards", [True, False])
def test_a_probe_learns_what_a_server_is_offers_and_sends(recording, wildcards):
    with (
        replayed(recording, wildcards=wildcards) as server,
        running(look(server.address, "BW.UH?", exclude=("BW.UH1",))) as probe,
    ):
        assert probe.done.wait(DEADLINE_S)
    assert probe.greeting is not None
    assert probe.greeting.hello.startswith(f"SeedLink v{'4.0' if wildcards else '3.1'} (quake_stream/")
    assert probe.greeting.version == "3"
    assert probe.greeting.organization == "quake_stream replay"
    assert probe.greeting.has_wildcards is wildcards
    assert len(probe.greeting.offers) == 6
    assert ("BW", "UH1") in probe.greeting.stations
    heard = {source_id.nslc: h for source_id, h in probe.heard().items()}
    assert set(heard) == {"BW.UH2..SHZ", "BW.UH3..SHZ", "BW.UH3..SHN", "BW.UH3..SHE", "BW.UH4..EHZ"}
    assert (heard["BW.UH2..SHZ"].sample_rate_hz, heard["BW.UH4..EHZ"].sample_rate_hz) == (50.0, 100.0)
    assert heard["BW.UH4..EHZ"].record_s == pytest.approx(0.56, abs=0.02)
    assert -1.0 < heard["BW.UH4..EHZ"].latency_s < 30.0
    assert all(h.n_records >= 1 for h in heard.values())


@pytest.mark.parametrize("name", WAYS)
def test_a_probe_learns_the_same_in_every_way(recording, tmp_path, name):
    way = make_way(name, tmp_path)
    with replayed(recording, **way.server) as server:
        probe = look(f"{way.scheme}://{server.address}", "BW.UH?", **way.client)
        with running(probe):
            assert probe.done.wait(DEADLINE_S)
    assert probe.greeting is not None
    assert (probe.greeting.version, probe.greeting.has_wildcards) == (way.version, True)
    assert {offer.source_id for offer in probe.greeting.offers} == set(probe.heard())
    assert len(probe.greeting.stations) == 4
    assert all(offer.first_ns is not None for offer in probe.greeting.offers)


def test_a_server_without_proof_and_one_that_does_not_admit_us_are_told_apart(recording, tmp_path):
    way = make_way("tls4", tmp_path)
    with replayed(recording, **way.server) as server:
        url = f"seedlinks://{server.address}"
        for changes, reason in (({"ca_file": None}, Lost.CERTIFICATE), ({"credentials": None}, None)):
            probe = look(url, "BW.UH1", **(way.client | changes))
            with running(probe):
                assert probe.greeted.wait(DEADLINE_S)
                assert (probe.failure and probe.failure.reason) == reason
        (tmp_path / "password").write_text("wrong")
        probe = look(url, "BW.UH1", **way.client)
        probe.run()
    assert probe.failure.reason is Lost.AUTH


def test_a_probe_of_nothing_that_is_there_is_done_at_once(recording):
    with replayed(recording) as server, running(look(server.address, "XX.NONE")) as probe:
        assert probe.done.wait(DEADLINE_S)
        assert probe.heard() == {}
        assert len(probe.greeting.offers) == 6


def test_streams_that_the_server_does_not_list_are_heard_all_the_same(server: FakeServer):
    server.replies |= dict.fromkeys(("INFO ID", "INFO STREAMS", "INFO STATIONS"), b"ERROR\r\n")
    for sequence in (1, 2):
        server.feed(sequence, record("AAA"))
    arrived = threading.Event()

    def clock() -> int:  # looked at for each record, so at the second one the first has been noted
        if probe.heard():
            arrived.set()
        return time.time_ns()

    probe = look(server.address, "XX.AAA", now_ns=clock)
    with running(probe):
        assert arrived.wait(DEADLINE_S)
    assert (probe.greeting.offers, probe.greeting.stations) == (None, None)
    assert [source_id.nslc for source_id in probe.heard()] == ["XX.AAA..HHZ"]


def test_a_server_that_is_silent_about_itself_is_not_taken_for_a_broken_one(server: FakeServer):
    server.replies["INFO ID"] = b""
    with running(look(server.address, "XX.AAA", command_timeout_s=0.1)) as probe:
        assert probe.greeted.wait(DEADLINE_S)
    assert probe.failure is None
    assert probe.greeting.hello.startswith("SeedLink v3.1 (fake/1)")
    assert probe.greeting.offers is None


def test_a_server_without_a_list_of_streams_is_asked_for_its_stations(server: FakeServer):
    server.replies["INFO STREAMS"] = b"ERROR\r\n"
    server.stations_xml = '<station name="AAA" network="XX"/>'
    with running(look(server.address, "XX.AAA")) as probe:
        assert probe.greeted.wait(DEADLINE_S)
    assert (probe.greeting.offers, probe.greeting.stations) == (None, {("XX", "AAA")})


def test_what_a_server_calls_itself_holds_no_control_characters(server: FakeServer):
    server.hello = b"SeedLink v3.1 (\x1b[2Jx) :: SLPROTO:3.1\r\n" + b"A" * 500 + b"\r\n"
    with running(look(server.address, "XX.AAA")) as probe:
        assert probe.greeted.wait(DEADLINE_S)
    assert probe.greeting.hello == "SeedLink v3.1 (?[2Jx) :: SLPROTO:3.1"
    assert len(probe.greeting.organization) == 120


def test_a_dead_port_is_reported_and_not_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    probe = look(address, "XX.AAA")
    probe.run()
    assert probe.failure.reason is Lost.REFUSED
    assert probe.greeted.is_set()
    assert probe.done.is_set()


def test_a_name_that_cannot_be_looked_up_is_reported():
    def unknown(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(-2, "Name or service not known")

    probe = look("nowhere.invalid", "XX.AAA", getaddrinfo=unknown)
    probe.run()
    assert probe.failure.reason is Lost.DNS
    assert "not known" in probe.failure.detail


def test_what_answers_but_is_no_seedlink_server_is_reported(server: FakeServer):
    server.hello = b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n"
    probe = look(server.address, "XX.AAA")
    probe.run()
    assert probe.failure.reason is Lost.HANDSHAKE


def ignore(peer: Peer) -> None:
    """Take commands and say nothing."""
    while True:
        peer.command()


@pytest.mark.parametrize("behaviour", [ignore, Peer.serve])
def test_a_stop_ends_the_greeting_and_the_listening(server: FakeServer, behaviour: Callable[[Peer], None]):
    server.behaviours.append(behaviour)
    with running(look(server.address, "XX.AAA")) as probe:
        server.wait_for(lambda: bool(server.commands and server.commands[0]))
    assert probe.greeted.is_set()
    assert probe.failure is None


def test_only_streams_that_are_included_and_not_excluded_are_wanted():
    probe = look("localhost", "CX.*..HH?", exclude=("CX.PB02",))
    wanted = [nslc for nslc in ("CX.PB01..HHZ", "CX.PB02..HHZ") if probe.wants(SourceId.from_nslc(nslc))]
    assert wanted == ["CX.PB01..HHZ"]
    assert probe.name == "localhost:18000"
