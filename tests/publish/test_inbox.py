from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import A, B, C, frames

from quake_stream.counters import Key
from quake_stream.publish.frames import Header, Message, VersionError
from quake_stream.publish.inbox import Inbox
from quake_stream.publish.requests import Request
from quake_stream.publish.sequence import Missed


def header(session: UUID, sequence: int) -> Header:
    return Header(session=session, sequence=sequence)


def live(inbox: Inbox, session: UUID, *sequences: int) -> None:
    for n in sequences:
        inbox.take_live(frames(session, n), received_ns=n)


def replay(inbox: Inbox, session: UUID, *sequences: int) -> None:
    for n in sequences:
        inbox.take_replayed(frames(session, n), received_ns=n)


def drained(inbox: Inbox) -> list[tuple[UUID, int, bool] | Missed]:
    """All that is ready: messages with whether they were replayed, and notices."""
    items: list[tuple[UUID, int, bool] | Missed] = []
    while (item := inbox.pop()) is not None:
        items.append((item.session, item.sequence, item.replayed) if isinstance(item, Message) else item)
    return items


def test_a_gap_is_asked_for_and_what_follows_waits_for_it() -> None:
    inbox = Inbox()
    live(inbox, A, 1, 5, 6)
    assert drained(inbox) == [(A, 1, False)]
    assert inbox.is_filling
    assert inbox.n_held == 2
    assert inbox.request() == Request(session=A, first=2, last=4)
    replay(inbox, A, 2, 3, 4)
    assert drained(inbox) == [(A, 2, True), (A, 3, True), (A, 4, True)]
    inbox.end_replay(is_found=True)
    assert drained(inbox) == [(A, 5, False), (A, 6, False)]
    assert not inbox.is_filling


def test_what_the_journal_does_not_have_is_reported_where_it_is_missing() -> None:
    inbox = Inbox()
    live(inbox, A, 1, 9)
    replay(inbox, A, 4, 5)
    inbox.end_replay(is_found=True)
    assert inbox.is_filling  # it did help, so once more
    assert inbox.request() == Request(session=A, first=6, last=8)
    inbox.end_replay(is_found=True)
    assert drained(inbox) == [
        (A, 1, False),
        Missed(session=A, first=2, last=3, reason="gap"),
        (A, 4, True),
        (A, 5, True),
        Missed(session=A, first=6, last=8, reason="gap"),
        (A, 9, False),
    ]
    assert inbox.counters.snapshot()[Key("messages.missed", "gap")] == 5


def test_a_restart_is_asked_for_from_the_last_message_on_whatever_came_between() -> None:
    inbox = Inbox()
    live(inbox, A, 1)
    live(inbox, C, 3)
    assert inbox.request() == Request(session=A, first=2, since_ns=1)
    replay(inbox, A, 2)
    replay(inbox, B, 1, 2)
    replay(inbox, C, 1, 2, 3, 4)
    live(inbox, C, 4)
    assert drained(inbox) == [
        (A, 1, False),
        *((A, 2, True), (B, 1, True), (B, 2, True), (C, 1, True), (C, 2, True)),
        *((C, 3, False), (C, 4, False)),
    ]


@pytest.mark.parametrize("is_found", [True, False])
def test_a_restart_without_loss_is_reported_only_where_that_is_not_known(is_found: bool) -> None:
    inbox = Inbox()
    live(inbox, A, 1)
    live(inbox, B, 1)
    inbox.request()
    inbox.end_replay(is_found=is_found)
    notice = [] if is_found else [Missed(session=B, first=1, last=0, reason="restarted")]
    assert drained(inbox) == [(A, 1, False), *notice, (B, 1, False)]


def test_messages_of_an_earlier_session_do_not_come_back() -> None:
    inbox = Inbox()
    live(inbox, A, 1)
    live(inbox, B, 1)
    inbox.request()
    inbox.end_replay(is_found=True)
    live(inbox, B, 3)
    replay(inbox, A, 1, 2)
    replay(inbox, B, 1, 2)
    live(inbox, A, 2)
    inbox.end_replay(is_found=True)
    assert drained(inbox) == [(A, 1, False), (B, 1, False), (B, 2, True), (B, 3, False)]
    assert inbox.counters.snapshot()[Key("messages.repeated")] == 4


def test_a_late_join_is_reported_and_not_filled() -> None:
    inbox = Inbox()
    live(inbox, A, 5)
    assert not inbox.is_filling
    assert drained(inbox) == [Missed(session=A, first=1, last=4, reason="joined"), (A, 5, False)]


def test_a_join_since_a_time_begins_in_the_journal() -> None:
    inbox = Inbox(since_ns=77)
    assert inbox.is_filling
    assert inbox.request() == Request(since_ns=77)
    live(inbox, A, 8)
    replay(inbox, A, 6)
    inbox.end_replay(is_found=True)
    assert inbox.request() == Request(session=A, first=7, last=7)  # sent while the journal answered
    replay(inbox, A, 7, 8)
    assert drained(inbox) == [
        Missed(session=A, first=1, last=5, reason="joined"),
        *((A, 6, True), (A, 7, True), (A, 8, False)),
    ]


def test_a_program_goes_on_after_the_last_message_that_it_handled() -> None:
    inbox = Inbox(after=header(A, 3), since_ns=9)
    assert inbox.request() == Request(session=A, first=4, since_ns=9)
    replay(inbox, A, 3, 4)
    replay(inbox, B, 1)
    inbox.end_replay(is_found=True)
    live(inbox, B, 2)
    assert drained(inbox) == [(A, 4, True), (B, 1, True), (B, 2, False)]


def test_without_a_journal_gaps_are_only_reported() -> None:
    inbox = Inbox(fills=False)
    live(inbox, A, 1, 3)
    live(inbox, B, 1)
    assert drained(inbox) == [
        (A, 1, False),
        Missed(session=A, first=2, last=2, reason="gap"),
        (A, 3, False),
        Missed(session=B, first=1, last=0, reason="restarted"),
        (B, 1, False),
    ]


def test_answers_that_nobody_waits_for_are_ignored() -> None:
    inbox = Inbox()
    replay(inbox, A, 1)
    inbox.end_replay(is_found=True)
    live(inbox, A, 1)
    assert drained(inbox) == [(A, 1, False)]


def test_a_newer_version_is_an_error_in_its_place() -> None:
    inbox = Inbox()
    newer = [*frames(A, 2)[:2], b'{"schema":"quake-stream/status/2"}']
    live(inbox, A, 1)
    inbox.take_live(newer, received_ns=0)
    live(inbox, A, 3)
    assert isinstance(inbox.pop(), Message)
    with pytest.raises(VersionError):
        inbox.pop()
    assert drained(inbox) == [(A, 3, False)]


histories = st.lists(st.integers(1, 8), min_size=1, max_size=3)


class World:
    """A feed that loses messages, with a journal that keeps all, and a subscriber's inbox."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.sent = [(UUID(int=s + 1), n) for s, length in enumerate(lengths) for n in range(1, length + 1)]

    def answer(self, inbox: Inbox, n_published: int) -> None:
        """Do what the journal does, with all that is published so far."""
        request = inbox.request()
        known = self.sent[:n_published]
        is_found = request.session is None or any(s == request.session for s, _ in known)
        begun = request.session is None
        for session, n in known if is_found else ():
            begun = begun or (session == request.session and n >= request.first)
            begun = begun or session.int > (request.session or A).int
            if begun and request.last is not None and (session != request.session or n > request.last):
                break
            if begun:
                inbox.take_replayed(frames(session, n), received_ns=0)
        inbox.end_replay(is_found=is_found)


@given(lengths=histories, data=st.data())
def test_whatever_is_lost_under_way_each_message_is_handed_over_once_and_in_order(
    lengths: list[int], data: st.DataObject
) -> None:
    world, inbox = World(lengths), Inbox(since_ns=0)
    for n_published, (session, n) in enumerate(world.sent, 1):
        if data.draw(st.booleans(), label="arrives"):
            live(inbox, session, n)
        if inbox.is_filling and data.draw(st.booleans(), label="journal answers"):
            world.answer(inbox, n_published)
    live(inbox, *world.sent[-1])
    for _ in range(100):
        if not inbox.is_filling:
            break
        world.answer(inbox, len(world.sent))
    assert not inbox.is_filling
    found = drained(inbox)
    assert [item[:2] for item in found if not isinstance(item, Missed)] == world.sent
    assert [item for item in found if isinstance(item, Missed)] == []
