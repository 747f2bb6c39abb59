from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.counters import Counters
from quake_stream.mseed.header import peek
from quake_stream.replay.faults import reorder
from quake_stream.replay.info import ServerFacts
from quake_stream.replay.ring import Ring
from quake_stream.replay.session import Session, State
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

STREAMS = [SourceId.from_nslc(f"XX.{station}.00.HH{c}") for station in ("AAA", "BBB") for c in "ZN"]


def facts(*, has_wildcards: bool = True) -> ServerFacts:
    return ServerFacts(
        software="test/1",
        organization="here",
        started_ns=0,
        has_wildcards=has_wildcards,
        streams=dict.fromkeys(STREAMS, 0),
        stations=frozenset({("XX", "AAA"), ("XX", "BBB")}),
    )


class Talk:
    """A session with what it needs."""

    def __init__(self, *, has_wildcards: bool = True, max_bytes: int = 1 << 20) -> None:
        self.ring = Ring(max_bytes=max_bytes, is_shared=False, first_sequence=1)
        self.counters = Counters()
        self.session = Session(facts(has_wildcards=has_wildcards), self.ring, self.counters)
        self.second = 0

    def offer(self, n_rounds: int = 1) -> None:
        """One record of each stream; second i of the record is its start."""
        for _ in range(n_rounds):
            for source_id in STREAMS:
                record = f"{source_id.station}.{source_id.channel}.{self.second}".encode().ljust(128)
                self.ring.append(
                    record,
                    source_id,
                    start_ns=self.second * NS_PER_S,
                    end_ns=(self.second + 1) * NS_PER_S,
                )
            self.second += 1

    def say(self, commands: str | bytes) -> bytes:
        self.session.receive(commands.encode() if isinstance(commands, str) else commands)
        return self.take()

    def take(self) -> bytes:
        data = bytes(self.session.outgoing)
        self.session.outgoing.clear()
        return data

    def records(self, *, is_finished: bool = False) -> list[str]:
        self.session.pull(is_finished=is_finished)
        data = self.take()
        return [data[at + 8 : at + 136].decode().strip() for at in range(0, len(data) - 3, 136)]


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_the_greeting_has_the_form_that_obspy_and_libslink_parse(talk):
    first, second, rest = talk.say("HELLO\r\n").split(b"\r\n")
    assert first.startswith(b"SeedLink v4.0 (")
    assert b":: SLPROTO:4.0 SLPROTO:3.1 CAP EXTREPLY NSWILDCARD BATCH" in first
    assert (second, rest) == (b"here", b"")


def test_without_wildcards_the_greeting_offers_neither_them_nor_version_4():
    talk = Talk(has_wildcards=False)
    assert talk.say("HELLO\r").startswith(b"SeedLink v3.1 (test/1) :: SLPROTO:3.1 CAP EXTREPLY BATCH\r\n")
    assert talk.say("SLPROTO 4.0\r") == b"ERROR\r\n"
    assert talk.say("STATION * XX\r") == b"ERROR\r\n"
    assert talk.say("STATION AAA XX\r") == b"OK\r\n"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\n\r\n"])
def test_a_line_ends_in_any_of_the_usual_ways_and_case_does_not_matter(talk, end):
    talk.offer()
    commands = ["station  AAA   XX", "Select HHZ", "data", "end"]
    assert talk.say(end.join(commands) + end) == b"OK\r\n" * 3
    talk.offer()
    assert talk.records() == ["AAA.HHZ.1"]


@given(cuts=st.lists(st.integers(0, 60), max_size=6))
def test_commands_may_come_in_any_pieces(cuts):
    talk = Talk()
    commands = b"HELLO\r\nSTATION AAA XX\r\nSELECT HHZ\r\nDATA\r\nEND\r\n"
    edges = [0, *sorted(cuts), len(commands)]
    replies = b"".join(talk.say(commands[a:b]) for a, b in pairwise(edges))
    assert replies.count(b"OK\r\n") == 3
    assert talk.session.state is State.STREAMING


def test_several_stations_each_with_its_selectors(talk):
    talk.say("STATION AAA XX\rSELECT HHZ\rDATA\rSTATION BBB XX\rSELECT !HHZ\rDATA\rEND\r")
    talk.offer()
    assert talk.records() == ["AAA.HHZ.0", "BBB.HHN.0"]


def test_station_wildcards_choose_all_that_match(talk):
    talk.say("STATION ?B* X?\rSELECT HH?\rDATA\rEND\r")
    talk.offer()
    assert talk.records() == ["BBB.HHZ.0", "BBB.HHN.0"]


def test_select_without_a_pattern_forgets_the_selectors(talk):
    talk.say("STATION AAA XX\rSELECT HHZ\rSELECT\rDATA\rEND\r")
    talk.offer()
    assert talk.records() == ["AAA.HHZ.0", "AAA.HHN.0"]


def test_uni_station_mode_sends_data_without_an_answer(talk):
    assert talk.say("SELECT HHZ\r") == b"OK\r\n"
    assert talk.say("DATA\r") == b""
    talk.offer()
    assert talk.records() == ["AAA.HHZ.0", "BBB.HHZ.0"]


def test_a_station_that_the_recording_does_not_hold_is_an_error(talk):
    assert talk.say("STATION ZZZ XX\rSTATION Q* XX\rSTATION AAA YY\r") == b"ERROR\r\n" * 3
    assert talk.counters.total("commands.refused", reason="unknown_station") == 3


@pytest.mark.parametrize(
    "command",
    [
        "STATION",
        "STATION a b c",
        "SELECT %",
        "DATA xyz",
        "DATA 1 notime",
        "TIME",
        "TIME x",
        "SLPROTO 5.0",
        "?",
    ],
)
def test_what_cannot_be_understood_is_answered_with_an_error(talk, command):
    assert talk.say(command + "\r\n") == b"ERROR\r\n"


def test_after_batch_only_unknown_commands_are_answered(talk):
    assert talk.say("BATCH\r") == b"OK\r\n"
    assert talk.say("STATION AAA XX\rSTATION ZZZ XX\rSELECT HHZ\rDATA\r") == b""
    assert talk.say("NONSENSE\r") == b"ERROR\r\n"


def test_other_commands_have_their_answers(talk):
    assert talk.say("CAPABILITIES EXTREPLY\r") == b"OK\r\n"
    assert talk.say("CAT\r") == b"CAT command not implemented\r\n"
    assert talk.say("BYE\r") == b""
    assert talk.session.state is State.CLOSED
    assert talk.say("HELLO\r") == b""


def test_info_is_answered_before_and_while_streaming(talk):
    assert talk.say("INFO ID\r")[:8] == b"SLINFO  "
    talk.say("STATION AAA XX\rSELECT HHZ\rDATA\rEND\r")
    talk.offer()
    assert talk.say("info streams\r").count(b"SLINFO") == 2
    assert talk.records() == ["AAA.HHZ.0"]


def test_an_info_level_that_is_not_offered_is_an_error_record(talk):
    answer = talk.say("INFO GAPS\rINFO\r")
    assert len(answer) == 2 * 520
    assert answer[8:][15:18] == b"ERR"


def test_commands_while_streaming_are_ignored_for_a_text_answer_would_look_like_data(talk):
    talk.say("DATA\r")
    assert talk.say("HELLO\rSTATION AAA XX\rEND\r") == b""
    assert talk.counters.total("commands.ignored") == 3


def test_without_a_position_only_new_records_are_sent(talk):
    talk.offer(3)
    talk.say("STATION AAA XX\rSELECT HHZ\rDATA\rEND\r")
    assert talk.records() == []
    talk.offer()
    assert talk.records() == ["AAA.HHZ.3"]


def test_each_station_resumes_at_its_own_sequence(talk):
    talk.offer(3)  # two records a round and station: the third round has sequences 5 and 6
    talk.say("STATION AAA XX\rSELECT HHZ\rDATA 5\rSTATION BBB XX\rSELECT HHZ\rDATA 0x3 1970,1,1,0,0,0\rEND\r")
    assert talk.records() == ["BBB.HHZ.1", "AAA.HHZ.2", "BBB.HHZ.2"]


def test_fetch_sends_what_is_held_and_says_end(talk):
    talk.offer(2)
    talk.say("STATION AAA XX\rSELECT HHZ\rFETCH\rEND\r")
    talk.offer()
    assert talk.records() == ["AAA.HHZ.0", "AAA.HHZ.1"]
    talk.session.pull(is_finished=False)
    assert talk.session.state is State.ENDED


def test_fetch_of_nothing_says_end_at_once(talk):
    talk.say("STATION AAA XX\rFETCH\rEND\r")
    talk.session.pull(is_finished=False)
    assert talk.take() == b"END"


def test_a_time_window_ends_with_its_first_later_records(talk):
    talk.offer(4)
    talk.say("STATION AAA XX\rSELECT HHZ\rTIME 1970,1,1,0,0,1 1970,1,1,0,0,3\rEND\r")
    talk.session.pull(is_finished=False)
    data = talk.take()
    assert data.endswith(b"END")
    assert [data[at + 8 : at + 30].split()[0] for at in (0, 136)] == [b"AAA.HHZ.1", b"AAA.HHZ.2"]
    assert talk.say("BYE\r") == b""


def test_a_window_that_the_recording_does_not_reach_ends_with_the_recording(talk):
    talk.offer(2)
    talk.say("STATION AAA XX\rSELECT HHZ\rTIME 1970,1,1,0,0,1 1990,1,1,0,0,0\rEND\r")
    assert talk.records() == ["AAA.HHZ.1"]
    talk.session.pull(is_finished=True)
    assert talk.take() == b"END"


def test_an_open_window_goes_on_with_new_records(talk):
    talk.offer(2)
    talk.say("STATION AAA XX\rSELECT HHZ\rTIME 1970,1,1,0,0,1\rEND\r")
    assert talk.records() == ["AAA.HHZ.1"]
    talk.offer()
    assert talk.records(is_finished=True) == ["AAA.HHZ.2"]


def test_a_reader_that_the_ring_has_overtaken_is_moved_on_and_counted():
    talk = Talk(max_bytes=4 * 428)
    talk.say("STATION * XX\rDATA\rEND\r")
    talk.offer(3)
    assert talk.records() == ["AAA.HHZ.2", "AAA.HHN.2", "BBB.HHZ.2", "BBB.HHN.2"]
    assert talk.counters.total("records.lapped") == 8


def test_no_more_is_held_for_a_client_that_does_not_read():
    talk = Talk(max_bytes=1 << 22)
    talk.say("STATION * XX\rDATA\rEND\r")
    talk.offer(1000)
    talk.session.pull(is_finished=False)
    assert 65_536 <= len(talk.session.outgoing) < 70_000
    assert talk.session.is_full
    assert not talk.session.is_drained()
    n_rounds = 4000 * 136 // 65_536 + 1
    assert sum(len(talk.records()) for _ in range(n_rounds)) == 4000
    assert talk.session.is_drained()


@given(garbage=st.binary(max_size=500))
def test_no_garbage_disturbs_the_session(garbage):
    talk = Talk()
    talk.say(garbage)
    talk.offer()
    talk.session.pull(is_finished=True)
    assert len(talk.session._incoming) <= 4096


@given(words=st.lists(st.sampled_from(["STATION AAA XX", "SELECT HHZ", "DATA 1", "TIME 1970,1,1,0,0,0", "FETCH",
    "END", "BATCH", "INFO ID", "DATA", "SELECT", "STATION * *", "HELLO", "BYE", "CAT", "DATA 5 1970,1,1,0,0,1"]), max_size=12))  # fmt: skip
def test_no_order_of_commands_disturbs_the_session(words):
    talk = Talk()
    talk.offer(2)
    for word in words:
        talk.say(word + "\r")
        talk.session.pull(is_finished=False)
        talk.take()
    assert talk.session.state in State


def test_an_endless_line_ends_the_session(talk):
    talk.say(b"A" * 1_000_000)
    assert talk.session.state is State.CLOSED
    assert talk.counters.total("clients.closed", reason="line_too_long") == 1


def test_no_answers_pile_up_for_a_client_that_only_asks(talk):
    talk.session.receive(b"INFO STREAMS\r" * 500)
    assert len(talk.session.outgoing) < 70_000
    n_answers = 0
    for _ in range(500 * 1040 // 65_536 + 1):
        n_answers += talk.take().count(b"SLINFO  ")
        talk.session.pull(is_finished=False)
    assert n_answers == 500


def test_endless_requests_end_the_session(talk):
    for _ in range(501):
        talk.say("STATION AAA XX\r" * 100)
    assert talk.session.state is State.CLOSED
    assert talk.counters.total("clients.closed", reason="too_many_requests") == 1


def test_packets_can_be_replaced_on_their_way():
    ring = Ring(max_bytes=1 << 20, is_shared=False, first_sequence=1)
    session = Session(facts(), ring, Counters(), packets=lambda packet: [packet[:2], packet[:8]])
    session.receive(b"DATA\r")
    ring.append(bytes(512), STREAMS[0], start_ns=0, end_ns=1)
    session.pull(is_finished=False)
    assert bytes(session.outgoing) == b"SLSL000001"


# --- SeedLink 4 ---------------------------------------------------------------------------------------------


@given(words=st.lists(st.sampled_from(["STATION XX_AAA", "STATION *", "SELECT *_H_?", "SELECT !00_*", "DATA", "DATA 1",
    "DATA ALL", "DATA ALL 1970-01-01T00:00:01Z", "END", "ENDFETCH", "INFO ID", "INFO NO", "AUTH JWT x", "USERAGENT x",
    "HELLO", "BYE", "SLPROTO 4.0", "TIME"]), max_size=12))  # fmt: skip
def test_no_order_of_commands_of_version_4_disturbs_the_session(words):
    talk = Talk()
    talk.offer(2)
    talk.say("SLPROTO 4.0\r\n")
    for word in words:
        talk.say(word + "\r\n")
        talk.session.pull(is_finished=False)
        talk.take()
    assert talk.session.state in State


def test_version_4_sends_packets_with_station_and_length(talk):
    assert talk.say("SLPROTO 4.0\r\nSTATION XX_AAA\r\nSELECT *_Z\r\nDATA\r\nEND\r\n") == b"OK\r\n" * 4
    talk.offer(2)
    talk.session.pull(is_finished=False)
    data = talk.take()
    records = [data[at + 17 + 6 : at + 17 + 6 + 128].decode().strip() for at in (0, 151)]
    assert (data[:4], data[17:23], len(data)) == (b"SE2D", b"XX_AAA", 302)
    assert records == ["AAA.HHZ.0", "AAA.HHZ.1"]


def test_a_fault_that_exchanges_packets_keeps_each_with_its_station(talk, make_record):
    """What is held back comes when another station's record is looked at."""
    talk.session = Session(facts(), talk.ring, talk.counters, packets=reorder(1.0).link(0).packets)
    talk.say("SLPROTO 4.0\rSTATION *\rDATA\rEND\r")
    for second, source_id in enumerate(STREAMS[1:3]):
        start_ns = (1_500_000_000 + second) * NS_PER_S
        talk.ring.append(make_record(source_id.nslc, start_ns), source_id, start_ns=start_ns, end_ns=start_ns)
    talk.session.pull(is_finished=False)
    data = talk.take()
    at = data.index(b"SE2D", 1)
    for packet in (data[:at], data[at:]):
        assert peek(packet[23:]).source_id.station == packet[20:23].decode()


def test_version_4_ends_what_was_fetched(talk):
    talk.offer(2)
    talk.say("SLPROTO 4.0\rSTATION XX_AAA\rSELECT *_Z\rENDFETCH\r")
    talk.session.pull(is_finished=False)
    data = talk.take()
    assert (data.count(b"SE2D"), data[-3:]) == (2, b"END")
    assert talk.session.state is State.ENDED


def test_info_of_version_4_is_answered_before_and_while_data_flow(talk):
    talk.say("SLPROTO 4.0\r")
    assert talk.say("INFO ID\r")[:4] == b"SEJI"
    assert talk.say("INFO NO\r")[:4] == b"SEJE"
    talk.say("STATION *\rDATA\rEND\r")
    assert talk.say("INFO STREAMS\r")[:4] == b"SEJI"
