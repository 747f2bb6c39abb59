"""Waiting times between attempts."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from quake_stream.ingest.seedlink.backoff import backoff


def test_ceilings_double_from_one_second_to_a_minute() -> None:
    ceilings = list(islice(backoff(lambda: 1.0), 9))
    assert ceilings == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_at_least_half_the_ceiling_is_waited() -> None:
    assert list(islice(backoff(lambda: 0.0), 8)) == [0.5, 1, 2, 4, 8, 16, 30, 30]


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=50))
def test_no_wait_is_zero_or_above_the_limit(numbers: list[float]) -> None:
    source = iter(numbers)
    for delay_s in islice(backoff(lambda: next(source), first_s=0.1, limit_s=7), len(numbers)):
        assert 0 < delay_s <= 7


def test_a_first_wait_above_the_limit_is_cut_to_it() -> None:
    assert next(backoff(lambda: 1.0, first_s=100, limit_s=5)) == 5
