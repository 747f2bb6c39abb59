"""Counters: nothing is lost without a trace."""

from quake_stream.counters import OTHERS, Counters, Key, by_reason, merge


def test_counts_add_up_by_name_reason_and_station():
    counters = Counters()
    counters.add("packets.refused", reason="nan", station="IU.ANMO")
    counters.add("packets.refused", 2, reason="nan", station="CX.PB01")
    counters.add("packets.refused", reason="future", station="CX.PB01")
    assert counters.total("packets.refused") == 4
    assert counters.total("packets.refused", reason="nan") == 3
    assert counters.total("packets.refused", station="CX.PB01") == 3
    assert counters.total("gaps") == 0


def test_a_snapshot_does_not_change_afterwards():
    counters = Counters()
    counters.add("gaps")
    snapshot = counters.snapshot()
    counters.add("gaps")
    assert snapshot == {Key("gaps"): 1}


def test_merged_snapshots_sum_and_flatten_to_sorted_names():
    a, b = Counters(), Counters()
    a.add("packets.refused", reason="nan", station="IU.ANMO")
    b.add("packets.refused", reason="nan", station="CX.PB01")
    b.add("gaps", 3)
    flat = by_reason(merge([a.snapshot(), b.snapshot()]))
    assert list(flat.items()) == [("gaps", 3), ("packets.refused.nan", 2)]


def test_endless_station_codes_take_no_endless_memory_and_lose_no_count():
    counters = Counters(max_keys=100)
    for n in range(10_000):
        counters.add("packets.refused", reason="future", station=f"XX.S{n}")
    counters.add("packets.refused", reason="future", station="XX.S7")
    counters.add("positions.unsaved", reason="ENOSPC")
    snapshot = counters.snapshot()
    assert len(snapshot) == 102
    assert snapshot[Key("packets.refused", "future", "XX.S7")] == 2
    assert snapshot[Key("packets.refused", "future", OTHERS)] == 9_900
    assert counters.total("packets.refused") == 10_001
