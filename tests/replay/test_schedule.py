import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.replay.schedule import Timetable
from quake_stream.types import NS_PER_S

times = st.integers(0, 2_000_000_000 * NS_PER_S)
spans = st.integers(0, 1_000_000 * NS_PER_S)
speeds = st.sampled_from([0, 0.25, 1, 1.5, 10, 1000])


def plan(now_ns: int, origin_ns: int, length_ns: int, speed: float = 1, *, restamp: bool = True) -> Timetable:
    return Timetable.plan(
        now_ns=now_ns,
        origin_ns=origin_ns,
        first_ns=origin_ns,
        last_ns=origin_ns + length_ns,
        speed=speed,
        restamp=restamp,
    )


@given(now_ns=times, origin_ns=times, length_ns=spans, speed=speeds, part=st.floats(0, 1))
def test_no_record_is_sent_before_its_own_moved_end(now_ns, origin_ns, length_ns, speed, part):
    table = plan(now_ns, origin_ns, length_ns, speed)
    end_ns = origin_ns + int(length_ns * part)
    assert end_ns + table.moved_ns() <= max(table.due_ns(end_ns), now_ns) + 1


@given(now_ns=times, origin_ns=times, length_ns=spans)
def test_in_real_time_every_record_is_sent_at_its_moved_end(now_ns, origin_ns, length_ns):
    table = plan(now_ns, origin_ns, length_ns)
    for end_ns in (origin_ns, origin_ns + length_ns):
        assert table.due_ns(end_ns) == end_ns + table.moved_ns()
    assert 0 <= table.due_ns(origin_ns) - now_ns < NS_PER_S


@given(now_ns=times, origin_ns=times, length_ns=spans, speed=speeds)
def test_times_move_by_whole_seconds_so_samples_keep_their_place_on_the_grid(
    now_ns, origin_ns, length_ns, speed
):
    assert plan(now_ns, origin_ns, length_ns, speed).moved_ns() % NS_PER_S == 0


def test_a_fast_replay_catches_up_with_the_clock_at_its_end():
    table = plan(1000 * NS_PER_S, 0, 100 * NS_PER_S, speed=10)
    assert table.due_ns(100 * NS_PER_S) == 1010 * NS_PER_S
    assert table.moved_ns() == 910 * NS_PER_S


def test_as_recorded_nothing_moves_and_the_clock_starts_at_once():
    table = plan(12_345, 67, NS_PER_S, restamp=False)
    assert (table.moved_ns(), table.due_ns(67)) == (0, 12_345)


def test_speed_zero_is_all_at_once():
    table = plan(5 * NS_PER_S, 0, 100 * NS_PER_S, speed=0, restamp=False)
    assert table.due_ns(100 * NS_PER_S) == 5 * NS_PER_S


def test_each_pass_of_a_loop_goes_on_where_the_last_one_ended():
    table = plan(0, 0, 5 * NS_PER_S + 1, restamp=False)
    assert table.moved_ns(2) == 12 * NS_PER_S
    assert table.due_ns(NS_PER_S, 1) == 7 * NS_PER_S


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ValueError, match="speed"):
        plan(0, 0, 1, speed)
