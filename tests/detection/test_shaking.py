"""Levels in dB: the ground at rest is at 0 unless a test says otherwise."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.detection.level import LEVEL_S
from quake_stream.detection.shaking import (
    REST_S,
    S_OVER_P_DB,
    SWAY_DB,
    SWING_DB,
    UPRIGHT_DB,
    RecentMotion,
    Shaking,
    highest_known,
)
from quake_stream.types import NS_PER_S

LEVELS = st.lists(st.floats(-50, 150), max_size=60)


def shaking(*levels_db, rest_db=0.0, step_s=LEVEL_S):
    """Follow levels ``step_s`` apart, and none that could belong to the last one for as long as that."""
    course = Shaking(begins_ns=0, rest_db=rest_db)
    for i, level_db in enumerate([*levels_db, *levels_db[-1:]]):
        course.follow(round(i * step_s * NS_PER_S), level_db)
    return course


def recent(*levels_db, step_s=0.5):
    """Levels ``step_s`` apart, the last one at 0 s."""
    levels = RecentMotion()
    for i, level_db in enumerate(levels_db):
        levels.add(round((i - len(levels_db) + 1) * step_s * NS_PER_S), level_db)
    return levels


def test_it_remembers_the_peak_and_the_lowest_level_since():
    course = shaking(10, 5, 30, 20, 12, 15)
    assert (course.peak_db, course.trough_db) == (30, 12)


def test_what_rises_is_held_against_the_ground_before_and_not_against_its_own_beginning():
    # An onset within the second that a level is measured on: 12 dB show first, then all of its 26 dB.
    course = shaking(8, 6, 5, 20, step_s=LEVEL_S / 2)
    assert (course.peak_db, course.highest_db) == (8, 20)
    assert course.rises_anew(34, may_be_s=True)
    for number in (5, 6):
        course.follow(round(number * LEVEL_S / 2 * NS_PER_S), 20)
    assert course.peak_db == 20
    assert not course.rises_anew(34, may_be_s=True)


def test_a_level_that_is_not_known_changes_nothing():
    for course, other in ((shaking(30, math.nan, 20), shaking(30, 20)), (shaking(math.nan), shaking())):
        assert course.peak_db == other.peak_db
        assert course.trough_db == other.trough_db
        assert course.highest_db == other.highest_db


def test_the_ground_is_at_rest_again_after_two_thirds_of_the_way_down():
    course = shaking(30)
    assert course.goes_on(10.1)
    assert not course.goes_on(9.9)


def test_a_weak_detection_does_not_last_because_the_ground_sways():
    course = shaking(5)
    assert course.goes_on(SWAY_DB + 0.1)
    assert not course.goes_on(SWAY_DB)


def test_shaking_no_stronger_than_the_rest_before_it_does_not_go_on():
    assert not shaking(28, rest_db=30).goes_on(28)


@pytest.mark.parametrize("rest_db", [0.0, math.nan])
def test_nothing_is_concluded_from_what_is_not_known(rest_db):
    course = shaking(30, 5, rest_db=rest_db)
    assert not course.goes_on(math.nan)
    assert not course.rises_anew(math.nan, may_be_s=False)
    assert not shaking(rest_db=rest_db).rises_anew(30, may_be_s=False)
    assert not shaking(30, rest_db=math.nan).goes_on(30)


@pytest.mark.parametrize(("may_be_s", "least_db"), [(True, S_OVER_P_DB), (False, SWING_DB)])
def test_what_is_far_stronger_than_a_weak_first_arrival_is_not_its_s(may_be_s, least_db):
    weak = shaking(8, 6, 5)  # too weak to fall by a swing
    assert not weak.rises_anew(8 + least_db, may_be_s=may_be_s)
    assert weak.rises_anew(8.1 + least_db, may_be_s=may_be_s)


def test_an_earthquake_in_the_coda_of_a_larger_one_rises_anew():
    course = shaking(60, 50, 40)
    assert not course.rises_anew(40 + SWING_DB - 0.1, may_be_s=True)
    assert course.rises_anew(40 + SWING_DB, may_be_s=True)


def test_the_fluctuations_of_a_coda_do_not_rise_anew():
    assert not shaking(60, 55, 52).rises_anew(59, may_be_s=True)
    assert not shaking(60, 55, 52).rises_anew(69, may_be_s=False)


def test_s_is_stronger_than_p_and_the_ground_between_them_is_not_at_rest():
    course = shaking(30, 20, 16)
    assert not course.rises_anew(40, may_be_s=True)
    assert course.rises_anew(40, may_be_s=False)
    assert course.rises_anew(28, may_be_s=True)


def test_what_is_stronger_after_a_rest_is_no_s():
    assert shaking(30, 5).rises_anew(40, may_be_s=True)


@given(LEVELS, st.floats(-50, 150), st.booleans())
def test_a_level_that_only_falls_never_rises_anew(levels_db, level_db, may_be_s):
    course = shaking(*sorted(levels_db, reverse=True))
    assert not course.rises_anew(min(levels_db, default=0.0), may_be_s=may_be_s)
    if course.rises_anew(level_db, may_be_s=may_be_s):
        assert level_db >= min(levels_db) + SWING_DB


@given(LEVELS, st.floats(-50, 150), st.floats(-40, 40), st.booleans())
def test_the_gain_of_the_sensor_does_not_decide(levels_db, level_db, gain_db, may_be_s):
    # Whole decibels: the sums stay exact.
    levels_db, level_db, gain_db = [round(x) for x in levels_db], round(level_db), round(gain_db)
    plain = shaking(*levels_db, rest_db=3)
    louder = shaking(*(x + gain_db for x in levels_db), rest_db=3 + gain_db)
    assert plain.rises_anew(level_db, may_be_s=False) == louder.rises_anew(level_db + gain_db, may_be_s=False)


def test_the_rest_is_the_lower_quartile_of_the_last_ten_seconds():
    assert recent(*range(20)).rest_db(NS_PER_S // 2) == 5
    assert recent(0, *[10] * 19).rest_db(NS_PER_S // 2) == 10


def test_levels_are_forgotten_and_what_is_not_known_is_not_kept():
    assert recent(1, *[9] * 25).rest_db(NS_PER_S // 2) == 9
    assert recent(7).rest_db(round(REST_S * NS_PER_S)) == 7
    assert math.isnan(recent(7).rest_db(round(REST_S * NS_PER_S) + 1))
    assert recent(7, math.nan, math.nan).rest_db(0) == 7
    assert math.isnan(recent(math.nan).rest_db(0))


def began(*verticals_db, step_s=0.5, upright_db=math.nan):
    """Follow windows ``step_s`` apart that shake the ground as upright as this (dB)."""
    course = Shaking(begins_ns=0, rest_db=0.0, upright_db=upright_db)
    for i, vertical_db in enumerate(verticals_db):
        course.follow(round(i * step_s * NS_PER_S), 30.0, vertical_db)
    return course


def test_what_is_less_upright_than_the_beginning_may_be_s_and_nothing_else():
    course = began(5.0, -5.0)
    assert course.may_be_s(5.0 - UPRIGHT_DB)
    assert not course.may_be_s(5.01 - UPRIGHT_DB)


def test_p_that_grows_is_no_other_earthquake_before_s_came():
    assert began(5.0, 5.01 - UPRIGHT_DB, 4.0).may_be_s(9.0)
    assert not began(5.0, 5.0 - UPRIGHT_DB, 4.0).may_be_s(9.0)


def test_the_beginning_is_as_upright_as_its_windows_of_less_than_a_second():
    assert began(1.0, 4.0, 9.0).upright_db == 4.0
    assert began(1.0, math.nan, upright_db=6.0).upright_db == 6.0


@pytest.mark.parametrize(
    ("beginning_db", "vertical_db"), [(math.nan, 5.0), (5.0, math.nan), (math.nan, math.nan)]
)
def test_what_is_not_known_to_be_upright_may_be_s(beginning_db, vertical_db):
    assert began(beginning_db, -9.0, step_s=2.0).may_be_s(vertical_db)


def test_how_upright_the_ground_moved_is_known_of_the_second_before():
    motion = RecentMotion()
    for i, vertical_db in enumerate([9.0, 3.0, math.nan, 7.0]):
        motion.add(i * NS_PER_S // 2, 10.0, vertical_db)
    assert motion.upright_db(NS_PER_S // 2) == 9.0
    assert motion.upright_db(NS_PER_S) == 3.0
    assert math.isnan(motion.upright_db(3 * NS_PER_S // 2))
    assert math.isnan(RecentMotion().upright_db(0))


def test_the_highest_is_that_of_what_is_known():
    assert highest_known([math.nan, 1.0, math.nan, 2.0]) == 2.0
    assert math.isnan(highest_known([math.nan]))
    assert math.isnan(highest_known([]))
