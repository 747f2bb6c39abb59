"""Rows of the table stand below their headings."""

from uuid import UUID

from quake_stream.cli.rows import HEADING, format_row
from quake_stream.publish.frames import Message
from quake_stream.publish.sequence import Missed

SESSION = UUID(int=1)


def test_a_detection_stands_below_the_headings():
    body = {
        "state": "end",
        "class": "earthquake",
        "onset_time": "2010-05-27T16:24:33.315000000Z",
        "peak_probability": 0.98765,
        "snr_db": 12.34,
        "latency_s": {"total": 0.5},
        "reason": "off",
        "processing": "live",
    }
    row = format_row(
        Message(topic="detection.CX.PB01.--.HH", session=SESSION, sequence=1, body=body, received_ns=0)
    )
    for heading, cell in (
        ("onset", "2010-05-27T16:24:33.315Z"),
        ("instrument", "CX.PB01.--.HH"),
        ("state", "end"),
        ("class", "earthquake"),
        ("note", "off"),
    ):
        assert row.index(cell) == HEADING.index(heading), heading
    for heading, cell in (("prob", "0.99"), ("SNR dB", "12.3"), ("late s", "0.50")):
        assert row.index(cell) + len(cell) == HEADING.index(heading) + len(heading), heading


def test_missed_messages_are_a_row_without_trailing_spaces():
    row = format_row(Missed(session=SESSION, first=2, last=4, reason="gap"))
    assert row.split() == ["missed", "3", "messages", "(gap)"]
    assert row == row.rstrip()
