"""The commands of SeedLink 3, one by one; whole conversations are `test_session`'s."""

import pytest

from quake_stream.counters import Counters
from quake_stream.replay.commands import Commands
from quake_stream.replay.info import ServerFacts
from quake_stream.replay.ring import Ring
from quake_stream.source_id import SourceId

STREAM = SourceId.from_nslc("XX.AAA.00.HHZ")
FACTS = ServerFacts(
    software="test/1",
    organization="here",
    started_ns=0,
    has_wildcards=True,
    streams={STREAM: 0},
    stations=frozenset({("XX", "AAA")}),
)


@pytest.fixture
def replies() -> list[bytes]:
    return []


@pytest.fixture
def commands(replies: list[bytes]) -> Commands:
    ring = Ring(max_bytes=1 << 20, is_shared=False, first_sequence=1)
    return Commands(FACTS, ring, Counters(), reply=replies.append, hang_up=lambda reason: None)


def test_requests_are_gathered_until_the_end(commands: Commands, replies: list[bytes]) -> None:
    commands.obey("STATION", ["AAA", "XX"])
    commands.obey("SELECT", ["HHZ"])
    commands.obey("DATA", [])
    assert not commands.is_ended
    commands.obey("END", [])
    assert (commands.is_ended, commands.is_fetch) == (True, False)
    (request,) = commands.requests
    assert (request.network, request.station, request.start_serial) == ("XX", "AAA", 0)
    assert request.matches(STREAM)
    assert replies == [b"OK\r\n"] * 3


@pytest.mark.parametrize("command", ["HTTP", "OBEY", "_END", "AUTH", "USERAGENT", "ERROR"])
def test_other_words_are_answered_with_an_error(
    commands: Commands, replies: list[bytes], command: str
) -> None:
    commands.obey(command, [])
    assert replies == [b"ERROR\r\n"]


def test_after_batch_only_unknown_commands_are_answered(commands: Commands, replies: list[bytes]) -> None:
    commands.obey("BATCH", [])
    commands.obey("STATION", ["NOT", "XX"])
    commands.obey("WHAT", [])
    assert replies == [b"OK\r\n", b"ERROR\r\n"]
