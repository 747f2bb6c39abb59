import pytest

from quake_stream.replay.faults import Ending, Faults
from quake_stream.replay.outages import cut_after_s, refuse, silence_after_s


def fates(faults: Faults, open_s: float, n_links: int = 200) -> list[Ending | None]:
    return [faults.link(n_link).fate(open_s) for n_link in range(n_links)]


def test_every_connection_is_cut_at_its_age_in_order_or_by_reset():
    assert set(fates(cut_after_s(30.0), 29.9)) == {None}
    ended = fates(cut_after_s(30.0), 30.0)
    assert set(ended) == {Ending.FIN, Ending.RST}
    assert 60 < ended.count(Ending.FIN) < 140


def test_every_connection_falls_silent_at_its_age():
    assert set(fates(silence_after_s(60.0), 59.9)) == {None}
    assert set(fates(silence_after_s(60.0), 60.0)) == {Ending.NONE}


def test_some_connections_are_refused_and_the_others_never_end():
    at_once, later = fates(refuse(0.25), 0.0), fates(refuse(0.25), 1e9)
    assert at_once == later
    assert set(at_once) == {Ending.RST, None}
    assert 25 < at_once.count(Ending.RST) < 75


@pytest.mark.parametrize(
    "make", [lambda seed: cut_after_s(0, seed=seed), lambda seed: refuse(0.5, seed=seed)]
)
def test_the_same_seed_gives_the_same_outages(make):
    assert fates(make(1), 0.0) == fates(make(1), 0.0)
    assert fates(make(1), 0.0) != fates(make(2), 0.0)


def test_packets_and_bytes_pass_as_they_are():
    link = cut_after_s(0.0).link(0)
    assert link.packets(b"packet") == (b"packet",)
    assert link.transmission(n_sent=0, n_waiting=9, is_handshake=False).n_bytes == 9
