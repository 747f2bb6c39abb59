"""EarthScope's own client reads from the replay server: two programs that know each other by the protocol only."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import seedlink_client
from hostile import make_records
from seedlink_client import Protocol
from transports import PASSWORD, WAYS, Way, make_way

from quake_stream.replay.server import ReplayServer

N_SECONDS = 20
TIMEOUT_S = 20.0


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    return make_way(request.param, tmp_path)


@pytest.fixture
def server(way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))  # the library asks OpenSSL, and nobody else
    with way.serve(make_records(N_SECONDS, "AAA", "BBB")) as serving:
        yield serving


def connect(server: ReplayServer, way: Way, **options: object) -> seedlink_client.SeedLink:
    return seedlink_client.SeedLink(
        "localhost",
        server.port,
        timeout=TIMEOUT_S,
        tls=way.scheme == "seedlinks",
        protocol=Protocol(way.version),
        auth=("anna", PASSWORD) if way.server.get("admitted") else None,
        **options,
    )


def test_it_reads_every_record_in_order(server: ReplayServer, way: Way) -> None:
    with connect(server, way) as client:
        client.add_stream("XX_AAA", "HH?")
        client.add_stream("XX_B*", "??HHZ" if way.version == "3" else "*_H_H_Z")
        found: dict[str, list[int]] = {"XX_AAA": [], "XX_BBB": []}
        packets = client.collect(reconnect=False)
        for _ in range(2 * N_SECONDS):
            packet = next(packets)
            assert packet.record().sourceid == f"FDSN:{packet.station_id}__H_H_Z"
            found[packet.station_id].append(packet.seqnum)
    assert all(numbers == list(range(1, N_SECONDS + 1)) for numbers in found.values())


def test_it_resumes_by_its_state_file(server: ReplayServer, way: Way, tmp_path: Path) -> None:
    state = str(tmp_path / "state.json")
    numbers = []
    for _ in range(2):
        with connect(server, way) as client:
            client.add_stream("XX_AAA")
            if Path(state).exists():
                client.recover_state(state)
            packets = client.collect(reconnect=False)
            numbers += [next(packets).seqnum for _ in range(5)]
            client.save_state(state)
    assert numbers == list(range(1, 11))


def test_it_gets_what_is_held_and_an_end_in_dial_up_mode(server: ReplayServer, way: Way) -> None:
    with connect(server, way) as first:
        first.add_stream("XX_AAA")
        packets = first.collect(reconnect=False)
        for _ in range(N_SECONDS):
            next(packets)
        with connect(server, way, dialup=True) as client:
            client.add_stream("XX_AAA")
            if way.version == "3":
                client.set_timewindow("2025-06-15T15:06:40Z", "2025-06-15T15:06:50Z")
            else:
                client.set_timewindow("2025-06-15T15:06:40Z")
            n_records = len(list(client.collect(reconnect=False)))
    assert n_records == (10 if way.version == "3" else N_SECONDS)


def test_it_is_told_what_there_is(server: ReplayServer, way: Way) -> None:
    with connect(server, way) as client:
        assert client.organization == "quake_stream replay"
        for level in ("ID", "STATIONS", "STREAMS", "CAPABILITIES", "CONNECTIONS"):
            assert client.info_dict(level)
        if way.version == "4":
            stations = client.info_dict("STREAMS")["station"]
            assert [(s["id"], [x["id"] for x in s["stream"]]) for s in stations] == [
                ("XX_AAA", ["_H_H_Z"]),
                ("XX_BBB", ["_H_H_Z"]),
            ]


def test_a_wrong_password_and_an_unknown_station_are_errors_to_it(tmp_path: Path) -> None:
    way = make_way("tls4", tmp_path)
    with way.serve(make_records(3)) as server:
        wrong = seedlink_client.SeedLink(
            "localhost", server.port, timeout=TIMEOUT_S, tls=True, tls_noverify=True, auth=("anna", "wrong")
        )
        with pytest.raises(seedlink_client.SeedLinkAuthError):
            wrong.connect()
        client = connect(server, way, tls_noverify=True)
        client.connect()
        client.add_stream("XX_NONE")
        with pytest.raises(seedlink_client.SeedLinkError, match="unknown_station"):
            client.negotiate()
        client.close()
