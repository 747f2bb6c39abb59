"""The dialogue about stations."""

import pytest

from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.negotiation import MAX_AHEAD, Negotiation, Refused
from quake_stream.ingest.seedlink.stations import Station


def stations(*codes: str, selectors: tuple[str, ...] = ("HHZ", "HHN")) -> list[Station]:
    return [Station("XX", code, selectors) for code in codes]


def answer(talk: Negotiation, refuse: tuple[str, ...] = ()) -> list[str]:
    """Play the server until the dialogue is done, and return all commands."""
    told: list[str] = []
    while not talk.is_done:
        commands = talk.next_bytes().decode().split("\r")[:-1]
        told += commands
        for command in commands:
            if not talk.is_done:
                talk.receive(b"ERROR" if command in refuse else b"OK")
    return told


def test_everything_is_sent_before_the_first_reply() -> None:
    talk = Negotiation(stations("AAA", "BBB"), lambda station: "DATA")
    assert talk.next_bytes() == (
        b"STATION AAA XX\rSELECT HHZ\rSELECT HHN\rDATA\rSTATION BBB XX\rSELECT HHZ\rSELECT HHN\rDATA\r"
    )
    assert talk.next_bytes() == b""
    assert not talk.is_done
    for _ in range(8):
        talk.receive(b"ok")
    assert talk.is_done
    assert talk.refused == []


def test_no_more_than_the_window_is_ahead_of_the_replies() -> None:
    talk = Negotiation(stations(*(f"S{i}" for i in range(1000))), lambda station: "DATA")
    assert talk.next_bytes().count(b"\r") == MAX_AHEAD
    for _ in range(10):
        talk.receive(b"OK")
    assert talk.next_bytes().count(b"\r") == 10


def test_d16_a_station_is_refused_when_none_of_its_selectors_is_left() -> None:
    talk = Negotiation(stations("AAA"), lambda station: "DATA")
    answer(talk, ("SELECT HHZ", "SELECT HHN"))
    assert [v.refused for v in talk.refused] == [Refused.SELECTORS]


def test_one_bad_selector_leaves_the_station() -> None:
    talk = Negotiation(stations("AAA"), lambda station: "DATA")
    answer(talk, ("SELECT HHZ",))
    assert talk.refused == []
    assert talk.verdicts[0].bad_selectors == ["HHZ"]


def test_a_refused_start_is_told_apart() -> None:
    talk = Negotiation(stations("AAA"), lambda station: "DATA 000001")
    answer(talk, ("DATA 000001",))
    assert [v.refused for v in talk.refused] == [Refused.DATA]


def test_a_refused_station_ends_the_dialogue_at_once() -> None:
    talk = Negotiation(stations("AAA", "BBB"), lambda station: "DATA")
    answer(talk, ("STATION AAA XX",))
    assert talk.is_out_of_step
    assert [v.refused for v in talk.refused] == [Refused.STATION]


def test_a_survey_asks_for_stations_alone_and_learns_every_refusal() -> None:
    talk = Negotiation(stations("AAA", "BBB", "CCC"), lambda station: "DATA", survey=True)
    told = answer(talk, ("STATION AAA XX", "STATION CCC XX"))
    assert told == ["STATION AAA XX", "STATION BBB XX", "STATION CCC XX"]
    assert [v.station.station for v in talk.refused] == ["AAA", "CCC"]
    assert not talk.is_out_of_step


@pytest.mark.parametrize("line", [b"", b"HELLO", b"SL000001", b"\xff\xff"])
def test_a_reply_that_is_none_ends_the_connection(line: bytes) -> None:
    talk = Negotiation(stations("AAA"), lambda station: "DATA")
    talk.next_bytes()
    with pytest.raises(LinkLostError) as caught:
        talk.receive(line)
    assert caught.value.reason is Lost.HANDSHAKE


def test_a_reply_to_nothing_ends_the_connection() -> None:
    talk = Negotiation(stations("AAA"), lambda station: "DATA")
    with pytest.raises(LinkLostError):
        talk.receive(b"OK")
