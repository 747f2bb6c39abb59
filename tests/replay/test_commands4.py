"""The commands of SeedLink 4, and who may give them."""

from dataclasses import replace

import pytest

from quake_stream.counters import Counters
from quake_stream.replay.commands4 import Commands4
from quake_stream.replay.info import ServerFacts
from quake_stream.replay.ring import Ring
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

STREAMS = [SourceId.from_nslc(f"XX.{station}.00.HHZ") for station in ("AAA", "BBB")]
FACTS = ServerFacts(
    software="test/1",
    organization="here",
    started_ns=0,
    has_wildcards=True,
    streams=dict.fromkeys(STREAMS, 0),
    stations=frozenset({("XX", "AAA"), ("XX", "BBB")}),
)
ADMITTED = frozenset({"USERPASS anna s3cret", "JWT a.b.c"})
N_SECONDS = 10


class Client:
    """Commands, their replies, and how the session would have ended."""

    def __init__(self, *, admitted: frozenset[str] = frozenset(), is_encrypted: bool = True) -> None:
        self.replies: list[bytes] = []
        self.hung_up: list[str] = []
        self.ring = Ring(max_bytes=1 << 20, is_shared=False, first_sequence=2**40)
        for second in range(N_SECONDS):
            for stream in STREAMS:
                start_ns = second * NS_PER_S
                self.ring.append(b"MS", stream, start_ns=start_ns, end_ns=start_ns + NS_PER_S)
        self.commands = Commands4(
            replace(FACTS, admitted=admitted),
            self.ring,
            Counters(),
            reply=self.replies.append,
            hang_up=self.hung_up.append,
            is_encrypted=is_encrypted,
        )

    def say(self, line: str) -> str:
        """Give one command and return its reply."""
        word, *arguments = line.split()
        self.commands.obey(word, arguments)
        return self.replies.pop().decode().removesuffix("\r\n") if self.replies else ""

    def numbers(self) -> list[int]:
        """Give the numbers of the records that are wanted."""
        (request,) = self.commands.requests
        entries = [e for e in self.ring if request.matches(e.source_id) and request.wants(e)]
        return [e.number - 2**40 for e in entries]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("DATA", []),
        ("DATA ALL", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (f"DATA {2**40 + 7}", [7, 8, 9]),
        (f"DATA {2**40}", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("DATA 5", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),  # long gone: the next that is held
        (f"DATA {2**40 + 10}", []),
        (f"DATA {2**50}", []),
        ("DATA ALL 1970-01-01T00:00:07Z", [7, 8, 9]),
        ("DATA ALL 1970-01-01T00:00:07.5Z 1970-01-01T00:00:08.5Z", [7, 8]),
        (f"DATA {2**40 + 3} 1970-01-01T00:00:01Z 1970-01-01T00:00:06Z", [3, 4, 5]),
        (f"DATA {2**40 + 3} 1970-01-01T00:00:05Z", [5, 6, 7, 8, 9]),
    ],
)
def test_data_start_at_a_number_or_a_time(data: str, expected: list[int]) -> None:
    client = Client()
    assert client.say("STATION XX_AAA") == "OK"
    assert client.say(data) == "OK"
    client.say("END")
    assert client.commands.is_ended
    assert client.numbers() == expected


def test_a_number_counts_for_the_stations_of_a_wildcard() -> None:
    client = Client()
    client.say("STATION XX_*")
    client.say(f"DATA {2**40 + 9}")
    client.say("END")
    assert client.numbers() == [9, 9]


def test_endfetch_wants_what_is_held_and_no_more() -> None:
    client = Client()
    client.say("STATION XX_AAA")
    client.say("ENDFETCH")
    assert (client.commands.is_fetch, client.commands.is_ended) == (True, True)
    assert len(client.numbers()) == N_SECONDS


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("USERAGENT test/1 libslink/4", "OK"),
        ("STATION XX_CCC", "ERROR ARGUMENTS unknown_station"),
        ("STATION AAA XX", "ERROR ARGUMENTS station"),
        ("STATION", "ERROR ARGUMENTS station"),
        ("STATION *", "OK"),
        ("SELECT *_H_H_?.2D", "OK"),
        ("SELECT !10_*:native", "OK"),
        ("SELECT", "ERROR ARGUMENTS selector"),
        ("SELECT *:3", "ERROR ARGUMENTS selector"),
        ("SELECT 00HHZ 10HHZ", "ERROR ARGUMENTS selector"),
        ("DATA x", "ERROR ARGUMENTS position"),
        ("DATA -1", "ERROR ARGUMENTS position"),
        ("DATA 1 yesterday", "ERROR ARGUMENTS position"),
        ("BATCH", "ERROR UNSUPPORTED unknown"),
        ("TIME 2020,1,1,0,0,0", "ERROR UNSUPPORTED unknown"),
    ],
)
def test_each_command_is_answered_with_ok_or_a_code(line: str, reply: str) -> None:
    client = Client()
    client.say("STATION XX_AAA")
    assert client.say(line) == reply


@pytest.mark.parametrize("line", ["DATA", "SELECT *"])
def test_a_station_must_be_named_first(line: str) -> None:
    assert Client().say(line) == "ERROR UNEXPECTED no_station"


@pytest.mark.parametrize("login", sorted(ADMITTED))
def test_who_is_admitted_gets_data(login: str) -> None:
    client = Client(admitted=ADMITTED)
    assert client.say(f"AUTH {login}") == "OK"
    client.say("STATION *")
    client.say("END")
    assert client.commands.is_ended


@pytest.mark.parametrize("login", ["USERPASS anna wrong", "USERPASS", "JWT s3cret", ""])
def test_who_is_not_admitted_is_told_and_gets_nothing(login: str) -> None:
    client = Client(admitted=ADMITTED)
    assert client.say(f"AUTH {login}") == "ERROR AUTH login"
    assert client.say("END") == "ERROR AUTH not_admitted"
    assert client.hung_up == ["not_admitted"]
    assert not client.commands.is_ended


def test_nobody_may_say_a_password_where_others_can_read_it() -> None:
    client = Client(admitted=ADMITTED, is_encrypted=False)
    assert client.say("AUTH USERPASS anna s3cret") == "ERROR UNEXPECTED unencrypted"
