"""What a user may write after ``--fault``, and how what happens is counted."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.counters import Counters
from quake_stream.replay.faults import Ending, Faults
from quake_stream.replay.rehearsal import rehearse

PACKETS = [b"SL%06X" % n + bytes(n % 251 for n in range(n, n + 512)) for n in range(1000)]


def made(*texts: str, seed: int = 0) -> tuple[Faults, Counters]:
    counters = Counters()
    return rehearse(texts, seed=seed, counters=counters), counters


def sent(faults: Faults, n_link: int = 0) -> list[bytes]:
    link = faults.link(n_link)
    return [out for packet in PACKETS for out in link.packets(packet)]


def n_injected(counters: Counters, reason: str) -> int:
    return counters.total("faults.injected", reason=reason)


def test_without_faults_the_server_is_healthy():
    faults, counters = made()
    assert sent(faults) == PACKETS
    assert faults.link(0).fate(1e9) is None
    assert not faults.resets_sequences(1000)
    assert counters.snapshot() == {}


def test_dropped_packets_are_those_that_are_counted():
    faults, counters = made("drop=0.1")
    assert len(PACKETS) - len(sent(faults)) == n_injected(counters, "drop") > 50


def test_repeated_packets_are_those_that_are_counted():
    faults, counters = made("repeat=.1")
    assert len(sent(faults)) - len(PACKETS) == n_injected(counters, "repeat") > 50


def test_swapped_packets_are_those_that_are_counted():
    faults, counters = made("swap=0.1")
    out = sent(faults)
    n_swapped = sum(one > other for one, other in pairwise(out))
    assert n_swapped == n_injected(counters, "swap") > 50


def test_corrupt_packets_are_those_that_are_counted_and_still_name_their_stream():
    faults, counters = made("corrupt=0.1")
    out = sent(faults)
    wrong = [pair for pair in zip(PACKETS, out, strict=True) if pair[0] != pair[1]]
    assert len(wrong) == n_injected(counters, "corrupt") > 50
    assert all(len(whole) == len(broken) and whole[:28] == broken[:28] for whole, broken in wrong)


@pytest.mark.parametrize(
    ("text", "before_s", "after_s", "endings"),
    [
        ("cut=30s", 29, 30, {Ending.FIN, Ending.RST}),
        ("cut=1.5m", 89, 90, {Ending.FIN, Ending.RST}),
        ("silence=1h", 3599, 3600, {Ending.NONE}),
    ],
)
def test_connections_end_at_the_age_that_is_asked_for(text, before_s, after_s, endings):
    faults, counters = made(text)
    assert faults.link(0).fate(before_s) is None
    assert counters.snapshot() == {}
    assert {faults.link(n).fate(after_s) for n in range(20)} == endings
    assert n_injected(counters, text.partition("=")[0]) == 20


def test_refused_connections_are_counted():
    faults, counters = made("refuse=0.5")
    refused = [faults.link(n).fate(0.0) for n in range(100)].count(Ending.RST)
    assert 0 < refused == n_injected(counters, "refuse") < 100


def test_sequences_are_reset_each_time():
    faults, counters = made("reset=300")
    assert [n for n in range(1, 1001) if faults.resets_sequences(n)] == [300, 600, 900]
    assert n_injected(counters, "reset") == 3


def test_lists_and_repeated_options_add_up():
    faults, counters = made("drop=1, reset=2", "cut=1s")
    assert sent(faults) == []
    assert faults.resets_sequences(2)
    assert faults.link(0).fate(1.0) is not None
    assert {key.reason for key in counters.snapshot()} == {"drop", "reset", "cut"}


def test_the_seed_decides():
    assert sent(made("drop=0.3", seed=1)[0]) == sent(made("drop=0.3", seed=1)[0])
    assert sent(made("drop=0.3", seed=1)[0]) != sent(made("drop=0.3", seed=2)[0])


@pytest.mark.parametrize("text", ["dorp=0.01", "", "drop=0.1,", "=0.1", "DROP=0.1"])
def test_a_name_that_is_none_lists_them_all(text):
    with pytest.raises(ValueError, match=r"is no fault; there are drop=0.01, repeat=0.01, .*, reset=1000$"):
        made(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("drop", "drop takes a share above 0 and up to 1, such as drop=0.01"),
        ("drop=1.5", "a share"),
        ("drop=0", "a share"),
        ("drop=1%", "a share"),
        ("drop=nan", "a share"),
        ("cut=30", "cut takes a duration in s, m or h, such as cut=30s"),
        ("cut=-3s", "a duration"),
        ("silence=", "a duration"),
        ("reset=0", "reset takes a number of records, such as reset=1000"),
        ("reset=1.5", "a number"),
        ("drop=0.1,drop=0.2", "drop is asked for twice"),
    ],
)
def test_a_value_that_is_none_is_refused_with_an_example(text, why):
    with pytest.raises(ValueError, match=why):
        made(text)


@given(st.text(max_size=30))
def test_any_text_gives_faults_or_a_reason(text):
    with suppress(ValueError):
        assert isinstance(made(text)[0], Faults)
