"""Which changes are told at once, and what becomes of the others."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.throttle import Summary, Throttle

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


class Log:
    """Lines that a throttle lets through: at which time, of whom, how many changes, in which state."""

    def __init__(self, throttle: Throttle) -> None:
        self.throttle = throttle
        self.lines: list[tuple[float, str, int, str]] = []
        self.summaries: list[Summary] = []

    def change(self, subject: str, state: str, now_s: float) -> None:
        if self.throttle.admit(subject, state, now_s):
            self.lines.append((now_s, subject, 1, state))

    def sum_up(self, now_s: float) -> None:
        for summary in self.throttle.summaries(now_s):
            self.summaries.append(summary)
            self.lines.append((now_s, *summary.subjects[:1], sum(summary.changes.values()), *summary.states))


def day_of_flapping(every_s: float) -> Log:
    log = Log(Throttle())
    state = "ok"
    for now_s in range(0, int(DAY_S + 3 * HOUR_S), 10):
        if now_s < DAY_S and now_s % every_s == 0:
            state = "stale" if state == "ok" else "ok"
            log.change("CX.PB01", state, float(now_s))
        log.sum_up(float(now_s))
    return log


@pytest.mark.fault(45)
@pytest.mark.parametrize("every_s", [10.0, 60.0, 600.0])
def test_a_day_of_flapping_is_one_line_an_hour_with_counts_and_its_end_is_told_once(every_s: float) -> None:
    log = day_of_flapping(every_s)
    assert len(log.lines) <= 4 + 24 + 1
    assert sum(n for _, _, n, _ in log.lines) == DAY_S / every_s
    assert [n for _, _, n, _ in log.lines[:4]] == [1, 1, 1, 1]
    (rest,) = [summary for summary in log.summaries if not summary.changes]
    assert rest is log.summaries[-1]
    assert rest.states == {"ok": 1}
    assert log.lines[-1][0] - DAY_S < 2 * HOUR_S + 120


def test_two_outages_in_an_hour_are_told_as_they_come() -> None:
    log = Log(Throttle())
    for now_s, state in ((0.0, "stale"), (300.0, "ok"), (900.0, "stale"), (1000.0, "ok")):
        log.change("CX.PB01", state, now_s)
        log.sum_up(now_s)
    assert [state for _, _, _, state in log.lines] == ["stale", "ok", "stale", "ok"]
    log.sum_up(2 * HOUR_S)
    assert log.summaries == []


@pytest.mark.fault(45)
def test_200_stations_that_change_at_once_are_a_few_lines_and_one_for_the_rest() -> None:
    log = Log(Throttle(n_together=20))
    log.sum_up(0.0)
    for n in range(200):
        log.change(f"CX.S{n:03}", "stale", 1.0 + n / 20)
    assert len(log.lines) == 20
    log.sum_up(59.0)
    assert log.summaries == []
    log.sum_up(60.0)
    (summary,) = log.summaries
    assert summary.n_subjects == 180
    assert summary.subjects == ("CX.S020", "CX.S021", "CX.S022", "CX.S023", "CX.S024")
    assert summary.changes == summary.states == {"stale": 180}


def test_a_few_that_came_too_many_at_once_are_named_one_by_one() -> None:
    log = Log(Throttle(n_together=3))
    for n in range(5):
        log.change(f"S{n}", "ok", 0.0)
    log.sum_up(60.0)
    assert [(s.subjects, s.n_subjects, s.changes) for s in log.summaries] == [
        (("S3",), 1, {"ok": 1}),
        (("S4",), 1, {"ok": 1}),
    ]
    log.sum_up(2 * HOUR_S)  # they were not restless, so nothing comes to rest
    assert len(log.summaries) == 2


def test_who_has_been_at_rest_is_free_again_and_forgotten() -> None:
    throttle = Throttle(n_free=1)
    assert throttle.admit("a", "lost", 0.0)
    assert not throttle.admit("a", "lost", 1.0)
    throttle.summaries(HOUR_S)
    throttle.summaries(2 * HOUR_S)
    assert throttle.admit("a", "lost", 2 * HOUR_S + 1)
    for n in range(1000):
        throttle.admit(f"S{n}", "lost", 3 * HOUR_S)
    for n in range(3):
        throttle.summaries((5 + n) * HOUR_S)
    assert throttle._subjects == {}


CHANGES = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["ok", "stale", "gap"]), st.floats(0, 900)),
    max_size=120,
)


@given(CHANGES, st.integers(1, 4), st.integers(1, 5))
def test_every_change_is_told_or_summed_up_and_the_last_word_is_true(
    changes: list[tuple[str, str, float]], n_free: int, n_together: int
) -> None:
    throttle = Throttle(n_free=n_free, n_together=n_together)
    told: Counter[str] = Counter()
    last: dict[str, str] = {}
    states: dict[str, str] = {}
    now_s, n_lines = 0.0, Counter[int]()

    def sum_up() -> None:
        for summary in throttle.summaries(now_s):
            told.update(summary.changes)
            n_lines[int(now_s // 60)] += 1
            assert summary.n_subjects == sum(summary.states.values())
            if summary.n_subjects == 1:
                (last[summary.subjects[0]],) = summary.states
            else:
                last.update({name: states[name] for name in states})

    for subject, state, wait_s in changes:
        now_s += wait_s
        sum_up()
        states[subject] = state
        if throttle.admit(subject, state, now_s):
            told[state] += 1
            last[subject] = state
            n_lines[int(now_s // 60)] += 1
    for _ in range(200):
        now_s += 60.0
        sum_up()
    assert told == Counter(state for _, state, _ in changes)
    assert last == states
    assert max(n_lines.values(), default=0) <= 2 * 3 * n_together
