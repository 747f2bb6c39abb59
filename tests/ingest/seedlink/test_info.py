"""Answers to INFO."""

import pytest
from fake_seedlink import info
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.seedlink.framing import Frame, Inbox, Kind
from quake_stream.ingest.seedlink.info import MAX_INFO_BYTES, InfoText, server_started, stations


def collect(data: bytes) -> InfoText:
    inbox = Inbox()
    inbox.feed(data)
    answer = InfoText()
    while not answer.is_complete:
        frame = inbox.frame()
        assert frame is not None
        assert frame.kind is Kind.INFO
        answer.add(frame)
    return answer


def test_long_answers_are_put_together() -> None:
    text = "".join(f'<station name="S{i}" network="XX"/>' for i in range(100))
    answer = collect(info(text))
    assert answer.text == text
    assert not answer.is_error


def test_a_refusal_is_told_by_its_channel() -> None:
    assert collect(info("<seedlink/>", channel="ERR")).is_error


def test_the_start_of_the_server_is_found_in_any_quotes() -> None:
    assert server_started('<seedlink software="x" started="2025/01/01 00:00:01"/>') == "2025/01/01 00:00:01"
    assert server_started("<seedlink started = '1'/>") == "1"
    assert server_started("<seedlink/>") == ""


def test_stations_are_read_in_any_order_of_attributes_and_from_broken_xml() -> None:
    text = (
        '<x><station network="IU" description="a > b" name="ANMO"/><station name=\'B1\' network=\'GE\'>'
        '<stream name="HHZ"/></station><station name="" network="IU"/><station name="../x" network="IU"/>'
        '<station name="A B" network="IU"/><station name="NONET"/><station name="CUT" netw'
    )
    found = list(stations(text))
    assert ("GE", "B1") in found
    assert {code for pair in found for code in pair} <= {"IU", "ANMO", "GE", "B1"}


def test_an_answer_without_end_is_noticed() -> None:
    answer = InfoText()
    frame = Frame(Kind.INFO, b"SLINFO *", bytes(512))
    for _ in range(MAX_INFO_BYTES // 512 + 1):
        answer.add(frame)
    assert answer.is_too_long


@pytest.mark.parametrize("part", ["<station ", "<station name='a", "name = ", "name" + 1000 * " "])
def test_hostile_text_takes_no_longer_than_honest_one(part: str) -> None:
    text = "<station " + part * (2_000_000 // len(part))
    assert list(stations(text)) == list(stations(text + ">")) == []  # hours, were it quadratic
    assert len(server_started(text.replace("name", "started"))) < 100


def test_a_time_of_start_that_is_none_is_not_kept() -> None:
    assert server_started(f"<seedlink started='{'1' * 1000}'/>") == ""


@given(st.binary(min_size=0, max_size=600))
def test_any_record_at_all_is_taken_without_an_error(record: bytes) -> None:
    answer = InfoText()
    answer.add(Frame(Kind.INFO, b"SLINFO  ", record))
    assert answer.is_complete
    list(stations(answer.text))
