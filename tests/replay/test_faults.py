import math

import pytest

from quake_stream.replay.faults import (
    Ending,
    Faults,
    corrupt,
    cut_after_bytes,
    drip,
    drop,
    interleave,
    reorder,
    repeat,
    reset_sequences,
    silence_after,
    split_replies,
    together,
)

PACKETS = [b"SL%06X" % n for n in range(1000)]


def sent(faults: Faults, n_link: int = 0) -> list[bytes]:
    link = faults.link(n_link)
    return [out for packet in PACKETS for out in link.packets(packet)]


def transmission(faults: Faults, n_sent: int, n_waiting: int, *, is_handshake: bool = False, n_link: int = 0):
    return faults.link(n_link).transmission(n_sent=n_sent, n_waiting=n_waiting, is_handshake=is_handshake)


def test_without_faults_all_goes_out_as_it_is():
    assert sent(Faults()) == PACKETS
    assert transmission(Faults(), 0, 99).n_bytes == 99
    assert not Faults().resets_sequences(1)


def test_split_replies_cuts_replies_and_nothing_else():
    assert transmission(split_replies(3), 0, 99, is_handshake=True).n_bytes == 3
    assert transmission(split_replies(3), 0, 99, is_handshake=True).pause_s > 0
    assert transmission(split_replies(3), 0, 99).n_bytes == 99


def test_drip_cuts_everything():
    assert transmission(drip(7), 0, 99).n_bytes == 7
    assert transmission(drip(7), 0, 5, is_handshake=True).n_bytes == 5


@pytest.mark.parametrize("ending", [Ending.FIN, Ending.RST])
def test_a_cut_falls_on_exactly_that_byte_of_data(ending):
    fault = cut_after_bytes(1000, ending=ending)
    assert transmission(fault, 0, 5000, is_handshake=True).n_bytes == 5000
    assert transmission(fault, 0, 999).ending is Ending.NONE
    last = transmission(fault, 520, 520)
    assert (last.n_bytes, last.ending) == (480, ending)


def test_a_cut_strikes_the_first_connection_only_unless_told_otherwise():
    assert transmission(cut_after_bytes(10), 0, 99, n_link=1).ending is Ending.NONE
    assert transmission(cut_after_bytes(10, n_links=2), 0, 99, n_link=1).ending is Ending.FIN
    assert transmission(cut_after_bytes(10, n_links=None), 0, 99, n_link=9).ending is Ending.FIN


def test_silence_lasts_for_ever_with_the_connection_open():
    last = transmission(silence_after(100), 0, 520)
    assert (last.n_bytes, last.pause_s, last.ending) == (100, math.inf, Ending.NONE)


def test_repeat_sends_some_packets_twice():
    out = sent(repeat(0.1))
    assert 1050 < len(out) < 1150
    assert list(dict.fromkeys(out)) == PACKETS


def test_drop_leaves_some_packets_out():
    out = sent(drop(0.1))
    assert 850 < len(out) < 950
    assert out == [packet for packet in PACKETS if packet in set(out)]


def test_reorder_swaps_neighbours():
    out = sent(reorder(0.1))
    assert out != PACKETS
    assert sorted(out) == PACKETS[: len(out)]
    assert all(abs(PACKETS.index(packet) - at) <= 1 for at, packet in enumerate(out))


def test_interleave_adds_a_foreign_record_under_the_same_header():
    assert sent(interleave(b"RECORD", every=500)) == [
        *PACKETS[:500],
        PACKETS[499] + b"RECORD",
        *PACKETS[500:],
        PACKETS[999] + b"RECORD",
    ]


@pytest.mark.parametrize("make", [repeat, drop, reorder])
def test_the_same_seed_and_connection_give_the_same_faults(make):
    assert sent(make(0.3, seed=5)) == sent(make(0.3, seed=5))
    assert sent(make(0.3, seed=5)) != sent(make(0.3, seed=6))
    assert sent(make(0.3, seed=5), 0) != sent(make(0.3, seed=5), 1)


def test_sequences_are_reset_once():
    fault = reset_sequences(3)
    assert [n for n in range(10) if fault.resets_sequences(n)] == [3]


def test_sequences_can_be_reset_again_and_again():
    fault = reset_sequences(3, is_repeated=True)
    assert [n for n in range(1, 11) if fault.resets_sequences(n)] == [3, 6, 9]


def test_corrupt_overwrites_bytes_behind_the_name_of_the_stream():
    packet = b"SL000001" + bytes(512)
    (broken,) = corrupt(1.0).link(0).packets(packet)
    assert len(broken) == len(packet)
    assert broken != packet
    assert broken[:28] == packet[:28]
    assert corrupt(1e-9).link(0).packets(packet) == (packet,)


def test_faults_combine():
    faults = together(drop(1.0), repeat(1.0), reset_sequences(2), cut_after_bytes(100), drip(7))
    assert sent(faults) == []
    assert sent(together(repeat(1.0), repeat(1.0)))[:4] == [PACKETS[0]] * 4
    assert faults.resets_sequences(2)
    assert not faults.resets_sequences(3)
    assert transmission(faults, 0, 99).n_bytes == 7
    assert transmission(faults, 98, 99).ending is Ending.FIN
    assert sent(together()) == PACKETS
