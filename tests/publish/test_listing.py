import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quake_stream.publish.frames import Message
from quake_stream.publish.listing import Row, json_line, summary_row
from quake_stream.publish.sequence import Missed

SESSION = UUID(int=3)
FIELDS = [
    "state",
    "reason",
    "class",
    "peak_probability",
    "snr_db",
    "latency_s",
    "processing",
    "onset_time",
    "since",
    "created",
    "host",
    "stations",
    "windows_per_s",
    "queue_depth",
    "schema",
]


def message(topic: str, body: dict[str, Any]) -> Message:
    return Message(topic=topic, session=SESSION, sequence=9, body=body, received_ns=0)


@pytest.mark.parametrize(
    ("processing", "latency_s", "note"), [("live", "0.26", "off"), ("replay", "", "off, replay")]
)
def test_a_detection_fills_a_row_with_its_latency_only_where_it_is_live(
    processing: str, latency_s: str, note: str
) -> None:
    body = {
        "state": "end",
        "class": "earthquake",
        "onset_time": "2010-05-27T16:24:33.315000000Z",
        "peak_probability": 0.98765,
        "snr_db": None,
        "latency_s": {"total": 0.2623},
        "reason": "off",
        "processing": processing,
    }
    assert summary_row(message("detection.CX.PB01.--.HH", body)) == Row(
        time="2010-05-27T16:24:33.315Z",
        where="CX.PB01.--.HH",
        what="end",
        class_name="earthquake",
        probability="0.99",
        latency_s=latency_s,
        note=note,
    )


def test_a_heartbeat_says_how_the_service_is() -> None:
    body = {
        "host": "watch",
        "created": "1970-01-01T00:00:00.000000000Z",
        "stations": {"ok": 12, "stale": 1, "warming_up": 0},
        "windows_per_s": 24.0,
        "queue_depth": 0,
    }
    row = summary_row(message("heartbeat", body))
    assert (row.what, row.where, row.time) == ("heartbeat", "watch", "1970-01-01T00:00:00.000Z")
    assert row.note == "12 ok, 1 stale; 24.0 windows/s, 0 packets queued"


def test_a_status_says_what_changed_and_why() -> None:
    row = summary_row(message("status.IU.ANMO.00.BH", {"state": "stale", "reason": "no data"}))
    assert row == Row(where="IU.ANMO.00.BH", what="stale", note="no data")


@pytest.mark.parametrize(("reason", "note"), [("", "from the journal"), ("off", "off, from the journal")])
def test_a_row_says_what_came_from_the_journal(reason: str, note: str) -> None:
    replayed = replace(message("status.IU.ANMO.00.BH", {"reason": reason}), replayed=True)
    assert summary_row(replayed).note == note


def test_missed_messages_are_listed_too() -> None:
    missed = Missed(session=SESSION, first=2, last=4, reason="gap")
    assert summary_row(missed) == Row(what="missed", note="3 messages (gap)")
    assert json.loads(json_line(missed)) == {
        "missed": 3,
        "session": str(SESSION),
        "first": 2,
        "last": 4,
        "reason": "gap",
    }


def test_numbers_that_cannot_be_formatted_leave_the_cell_empty() -> None:
    row = summary_row(message("detection.A.B.--.HH", {"peak_probability": 10**400, "snr_db": "loud"}))
    assert (row.probability, row.snr_db) == ("", "")


def test_a_json_line_holds_the_whole_message() -> None:
    line = json_line(message("heartbeat", {"host": "höhe\n"}))
    assert "\n" not in line
    assert json.loads(line) == {
        "topic": "heartbeat",
        "session": str(SESSION),
        "sequence": 9,
        "received": "1970-01-01T00:00:00.000000000Z",
        "replayed": False,
        "body": {"host": "höhe\n"},
    }


@pytest.mark.parametrize("topic", ["detection.A.B.--.HH", "status.A.B.--.HH", "heartbeat", "later.kind"])
@settings(deadline=None)
@given(
    body=st.dictionaries(
        st.sampled_from(FIELDS),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.dictionaries(st.text(), st.integers()),
    )
)
def test_no_body_is_so_odd_that_it_cannot_be_listed(topic: str, body: dict[str, Any]) -> None:
    row = summary_row(message(topic, body))
    assert all(getattr(row, name).isprintable() for name in Row.__dataclass_fields__)
