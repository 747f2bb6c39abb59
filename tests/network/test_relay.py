from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triggers import body_of, trigger

from quake_stream.counters import Counters
from quake_stream.network.coincidence import replay
from quake_stream.network.relay import Relay
from quake_stream.network.rule import CoincidenceRule
from quake_stream.publish.frames import Message
from quake_stream.publish.sequence import Missed

SESSION = UUID(int=7)
A, B = trigger("XX.A..HHZ", 100), trigger("XX.B..HHZ", 105)


class Feed:
    """Keeps what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, topic, body):
        self.sent.append((topic, body))
        return len(self.sent)


@pytest.fixture
def feed():
    return Feed()


@pytest.fixture
def relay(feed):
    return Relay(CoincidenceRule(), feed, session=SESSION, host="here", agency="XX")


def message(body):
    return Message(topic="t", session=SESSION, sequence=1, body=body, received_ns=0)


def heartbeat(now_s):
    body = {"schema": "quake-stream/heartbeat/1", "processing": "live", "created_ns": now_s * 10**9}
    return message(body)


def test_two_stations_are_published_as_one_network_detection(relay, feed):
    relay.take(message(body_of(A)))
    assert feed.sent == []
    bodies = relay.take(message(body_of(B)))
    assert feed.sent == [("network-detection", bodies[0])]
    assert (bodies[0]["state"], bodies[0]["n_stations"], bodies[0]["agency"]) == ("new", 2, "XX")
    assert [member["id"] for member in bodies[0]["members"]] == [A.id, B.id]


def test_heartbeats_let_it_end_where_nothing_else_comes(relay):
    for one in (A, B, trigger("XX.A..HHZ", 100, off_s=110), trigger("XX.B..HHZ", 105, off_s=111)):
        relay.take(message(body_of(one)))
    assert relay.take(heartbeat(157)) == []
    assert [body["state"] for body in relay.take(heartbeat(158))] == ["end"]


def test_what_is_open_ends_with_the_program(relay):
    relay.take(message(body_of(A)))
    relay.take(message(body_of(B)))
    assert [(body["state"], body["reason"]) for body in relay.finish()] == [("end", "shutdown")]


def test_missed_and_malformed_messages_are_counted(relay):
    assert relay.take(Missed(session=SESSION, first=1, last=3, reason="gap")) == []
    assert relay.take(message({"schema": "quake-stream/detection/1", "id": "x"})) == []
    assert {(key.name, key.reason): n for key, n in relay.counts().items()} == {
        ("messages.missed", "gap"): 3,
        ("messages.refused", "malformed"): 1,
    }


def test_its_heartbeat_says_what_was_sent_and_comes_in_its_time_only(relay, feed):
    relay.heartbeat()
    relay.heartbeat()
    ((topic, body),) = feed.sent
    assert (topic, body["session"], body["last_sequence"]) == ("heartbeat", str(SESSION), 0)


rows = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 200), st.integers(1, 40)), max_size=12, unique=True
)


@given(rows)
def test_a_feed_without_delays_gives_what_the_recorded_detections_give(rows):
    ended = [
        trigger(f"XX.{name}..HHZ", onset, off_s=onset + 2 + length, name=f"{n}")
        for n, (name, onset, length) in enumerate(rows)
    ]
    steps = [(one.on_ns, one.id, body_of(replace(one, off_ns=None))) for one in ended]
    steps += [(one.off_ns, one.id, body_of(one, revision=1)) for one in ended]
    relay = Relay(CoincidenceRule(), Feed(), session=SESSION, host="here")
    live = [
        body for _, _, body in sorted(steps, key=lambda step: step[:2]) for body in relay.take(message(body))
    ]
    live += relay.finish()
    recorded = list(replay(ended, CoincidenceRule(), Counters()))
    assert [(body["id"], body["state"], body["n_members"]) for body in live] == [
        (one.id, one.state.value, len(one.members)) for one in recorded
    ]
