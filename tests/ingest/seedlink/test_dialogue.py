"""Question and answer, and what is relied on of ObsPy: a version that breaks this must not be used."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_seedlink import FakeServer
from obspy import UTCDateTime
from obspy.clients.seedlink.client.seedlinkconnection import SeedLinkConnection
from obspy.clients.seedlink.client.slnetstation import SLNetStation
from obspy.clients.seedlink.client.slstate import SLState
from obspy.clients.seedlink.seedlinkexception import SeedLinkException
from obspy.clients.seedlink.slclient import SLClient
from obspy.clients.seedlink.slpacket import SLPacket

from quake_stream.ingest.seedlink import dialogue as dialogue_module
from quake_stream.ingest.seedlink.address import Address
from quake_stream.ingest.seedlink.credentials import Credentials
from quake_stream.ingest.seedlink.dialogue import Dialogue
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.pulse import Pulse
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.replay.info4 import packet4

TIMEOUT_S = 2.0  # in which an answer comes on a busy machine as well


@pytest.fixture
def dialogue(server: FakeServer) -> Iterator[Dialogue]:
    with Pulse(poll_s=0.05) as pulse:
        settings = SeedLinkSettings(command_timeout_s=TIMEOUT_S)
        made = Dialogue(Address.parse(server.address), pulse=pulse, settings=settings)
        yield made
        made.disconnect()


def test_the_server_is_greeted_and_identified(server: FakeServer, dialogue: Dialogue) -> None:
    assert not dialogue.is_connected()
    dialogue.connect()
    assert dialogue.is_connected()
    assert (dialogue.server_id, dialogue.server_version) == ("SeedLink", 3.1)
    assert dialogue.hello.endswith("BATCH\r\nTest site\r\n")
    assert dialogue.identity == server.hello.decode().split("\r")[0] + " started 2025/01/01 00:00:00"
    assert dialogue.state.state == SLState.SL_UP


def test_the_identity_changes_when_the_server_was_restarted(server: FakeServer, dialogue: Dialogue) -> None:
    dialogue.connect()
    before = dialogue.identity
    dialogue.disconnect()
    server.started = "2026/01/01 00:00:00"
    dialogue.connect()
    assert dialogue.identity != before


def test_a_server_too_old_for_info_is_not_asked(server: FakeServer, dialogue: Dialogue) -> None:
    server.hello = b"SeedLink v2.5 (old)\r\nsite\r\n"
    dialogue.connect()
    assert server.commands == [["HELLO"]]
    assert dialogue.identity == ""


@pytest.mark.parametrize("hello", [b"SeedLink v3.1 (x)\r\n", b"SeedLink v3.1 (x)", b""])
def test_a_hello_that_does_not_end_is_given_up(server: FakeServer, dialogue: Dialogue, hello: bytes) -> None:
    server.hello = hello
    with pytest.raises(LinkLostError) as caught:
        dialogue.connect()
    assert caught.value.reason is Lost.COMMAND_TIMEOUT


def test_a_hello_without_line_ends_is_no_seedlink(server: FakeServer, dialogue: Dialogue) -> None:
    server.hello = b"x" * 10_000
    with pytest.raises(LinkLostError) as caught:
        dialogue.connect()
    assert caught.value.reason is Lost.HANDSHAKE


@pytest.mark.parametrize("reply", [b"OK\r\n", b"SL000001" + bytes(512), b"END"])
def test_something_else_than_an_answer_to_info_ends_the_connection(
    server: FakeServer, dialogue: Dialogue, reply: bytes
) -> None:
    server.replies["INFO ID"] = reply
    with pytest.raises(LinkLostError) as caught:
        dialogue.connect()
    assert caught.value.reason is Lost.HANDSHAKE


def test_d23_d26_an_address_may_be_set_in_any_form_and_renames_no_logger(dialogue: Dialogue) -> None:
    from obspy.clients.seedlink.client import seedlinkconnection  # noqa: PLC0415  only its logger is wanted

    before = seedlinkconnection.logger.name
    dialogue.set_sl_address("seedlink://[::1]")
    assert dialogue.sladdr == "[::1]:18000"
    assert seedlinkconnection.logger.name == before


def test_obspy_s_methods_that_are_overridden_still_have_their_signatures() -> None:
    def names(method: object) -> list[str]:
        return list(inspect.signature(method).parameters)  # type: ignore[arg-type]  # callables all

    assert names(SeedLinkConnection.send_data) == ["self", "sendbytes", "code", "resplen"]
    assert names(SeedLinkConnection.receive_data) == ["self", "maxbytes", "code"]
    assert names(SeedLinkConnection.add_stream) == [
        "self",
        "net",
        "station",
        "selectors_str",
        "seqnum",
        "timestamp",
    ]
    assert names(SeedLinkConnection.update_stream) == ["self", "slpacket"]
    assert names(SeedLinkConnection.is_connected) == ["self", "timeout"]
    assert names(SeedLinkConnection.set_sl_address) == ["self", "sladdr"]
    for name in ("connect", "collect", "terminate", "negotiate_multi_station"):
        assert names(getattr(SeedLinkConnection, name)) == ["self"]
    assert names(SLClient.run) == ["self", "packet_handler"]
    assert names(SLNetStation.__init__) == ["self", "net", "station", "selectors", "seqnum", "timestamp"]
    assert names(SLNetStation.append_selectors) == ["self", "new_selectors"]


def test_obspy_s_hello_goes_through_send_data_and_reads_name_and_version() -> None:
    asked = []

    class Recorder(SeedLinkConnection):
        def send_data(self, sendbytes: bytes, code: object, resplen: int) -> bytes:
            asked.append((sendbytes, resplen > 0))
            return b"SeedLink v3.3 (2024.020)\r\nsite\r\n"

    connection = Recorder()
    connection.say_hello()
    assert asked == [(b"HELLO\r", True)]
    assert (connection.server_id, connection.server_version) == ("SeedLink", 3.3)
    assert [connection.check_version(v) for v in (2.5, 3.3, 4.0)] == [1, 1, -1]


def test_obspy_s_connection_dispatches_to_the_multi_station_dialogue() -> None:
    class Recorder(SeedLinkConnection):
        called = 0

        def negotiate_multi_station(self) -> None:
            self.called += 1

    connection = Recorder()
    connection.multistation = True
    connection.config_link()
    assert connection.called == 1
    connection.server_version = 2.0
    with pytest.raises(SeedLinkException):
        connection.config_link()


def test_obspy_s_keepalive_goes_through_send_data_without_a_reply() -> None:
    asked = []

    class Recorder(SeedLinkConnection):
        def send_data(self, sendbytes: bytes, code: object, resplen: int) -> None:
            asked.append((sendbytes, resplen))

    Recorder().send_info_request("ID", 3)
    assert asked == [(b"INFO ID\r", 0)]


def test_obspy_s_disconnect_closes_the_socket_and_makes_a_new_state() -> None:
    class Closed:
        n = 0

        def close(self) -> None:
            self.n += 1

    connection = SeedLinkConnection()
    connection.socket = closed = Closed()
    connection.state.state = SLState.SL_DATA
    connection.disconnect()
    assert (closed.n, connection.socket, connection.state.state) == (1, None, SLState.SL_DOWN)


def test_obspy_s_stream_lists_are_entered_by_add_stream() -> None:
    entered = []

    class Recorder(SeedLinkConnection):
        def add_stream(self, *arguments: object) -> int:
            entered.append(arguments)
            return 0

    Recorder().parse_stream_list("IU_KONO:BHE BHN,GE_WLF", "HH?")
    assert entered == [("IU", "KONO", "BHE BHN", -1, None), ("GE", "WLF", "HH?", -1, None)]


def test_obspy_s_client_loop_ends_at_terminate_or_when_the_handler_says_so() -> None:
    class Connection:
        def __init__(self, *packets: object) -> None:
            self.packets = list(packets)
            self.n_closed = 0

        def collect(self) -> object:
            return self.packets.pop(0)

        def close(self) -> None:
            self.n_closed += 1

    client, got = SLClient(), []
    client.slconn = Connection("one", "two", SLPacket.SLTERMINATE)
    client.run(lambda count, packet: got.append((count, packet)))
    assert got == [(1, "one"), (2, "two")]
    assert client.slconn.n_closed == 1
    client.slconn = Connection("one", "two")
    client.run(lambda count, packet: True)
    assert client.slconn.packets == ["two"]


def test_obspy_s_client_lets_other_errors_through() -> None:
    class Connection:
        def collect(self) -> object:
            raise LinkLostError(Lost.EOF)

    client = SLClient()
    client.slconn = Connection()
    with pytest.raises(LinkLostError):
        client.run(lambda count, packet: None)


def test_obspy_s_packet_may_be_made_empty_and_reads_its_number_from_the_header() -> None:
    packet = SLPacket()
    packet.slhead = b"SL00ABCD"
    assert packet.get_sequence_number() == 0xABCD
    assert (SLPacket.SLHEADSIZE, SLPacket.SLTERMINATE) == (8, b"SLTERMINATE")


def test_obspy_s_station_state_and_time_stamps() -> None:
    station = SLNetStation("XX", "AAA", None, -1, None)
    assert (station.net, station.station, station.get_selectors()) == ("XX", "AAA", [])
    assert (station.seqnum, station.btime) == (-1, None)
    station.btime = UTCDateTime(2025, 1, 2, 3, 4, 5, 999_999)
    assert station.get_sl_time_stamp() == "2025,1,2,3,4,5"


# --- SeedLink 4 ---------------------------------------------------------------------------------------------

HELLO_4 = b"SeedLink v4.0 (fake/4) :: SLPROTO:4.0 SLPROTO:3.1\r\nTest site\r\n"
STARTED = b'{"server_start": "2026-01-01T00:00:00Z"}'


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("s3cret")
    path.chmod(0o600)
    return path


@pytest.fixture
def dialogue_4(server: FakeServer, secret_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dialogue]:
    """Take the connection for encrypted, so that the dialogue says who it is."""
    monkeypatch.setattr(dialogue_module, "encrypt", lambda sock, *_, **__: sock)
    server.hello = HELLO_4
    server.replies["INFO ID"] = packet4(0, "", STARTED, b"JI")
    with Pulse(poll_s=0.05) as pulse:
        settings = SeedLinkSettings(
            command_timeout_s=TIMEOUT_S, credentials=Credentials(user="anna", secret_file=secret_file)
        )
        made = Dialogue(Address.parse(f"seedlinks://{server.address}"), pulse=pulse, settings=settings)
        yield made
        made.disconnect()


def test_version_4_is_spoken_after_both_sides_have_said_so(server: FakeServer, dialogue_4: Dialogue) -> None:
    dialogue_4.connect()
    assert dialogue_4.dialect.version == "4"
    (told,) = server.commands
    assert told[:2] == ["HELLO", "SLPROTO 4.0"]
    assert told[2].startswith("USERAGENT quake_stream/")
    assert told[3:] == ["AUTH USERPASS anna s3cret", "INFO ID"]
    hello = HELLO_4.decode().split("\r")[0]
    assert dialogue_4.identity == f"{hello} in SeedLink 4 started 2026-01-01T00:00:00Z"


def test_a_server_that_answers_info_by_an_error_is_read_all_the_same(
    server: FakeServer, dialogue_4: Dialogue
) -> None:
    for reply in (packet4(0, "", b'{"message": "no"}', b"JE"), b"ERROR UNSUPPORTED no\r\n"):
        server.replies["INFO ID"] = reply
        dialogue_4.connect()
        assert dialogue_4.identity == ""
        dialogue_4.disconnect()


@pytest.mark.parametrize(
    ("command", "reply", "reason"),
    [
        ("SLPROTO 4.0", b"ERROR UNSUPPORTED\r\n", Lost.HANDSHAKE),
        ("AUTH USERPASS anna s3cret", b"ERROR AUTH wrong password\r\n", Lost.AUTH),
        ("AUTH USERPASS anna s3cret", b"", Lost.COMMAND_TIMEOUT),
    ],
)
def test_a_refusal_ends_the_connection_and_shows_no_secret(
    server: FakeServer, dialogue_4: Dialogue, command: str, reply: bytes, reason: Lost
) -> None:
    server.replies[command] = reply
    with pytest.raises(LinkLostError) as caught:
        dialogue_4.connect()
    assert caught.value.reason is reason
    assert "s3cret" not in str(caught.value)


def test_no_secret_is_sent_where_others_can_read_it(server: FakeServer, secret_file: Path) -> None:
    server.hello = HELLO_4
    credentials = Credentials(user="anna", secret_file=secret_file)
    with Pulse(poll_s=0.05) as pulse:
        settings = SeedLinkSettings(command_timeout_s=TIMEOUT_S, protocol="4", credentials=credentials)
        made = Dialogue(Address.parse(server.address), pulse=pulse, settings=settings)
        with pytest.raises(LinkLostError) as caught:
            made.connect()
        made.disconnect()
    assert caught.value.reason is Lost.AUTH
    assert not any("AUTH" in command for command in server.all_commands())
