"""The soak: that it finds what grows, and a short one of the real programs."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks" / "soak"
sys.path.insert(0, str(FOLDER))

from slopes import (  # noqa: E402  a script's module, found through the path
    DAY_S,
    LIMITS,
    OF_LOAD,
    Slope,
    slopes,
)
from story import TOO_SLOW, Outcome  # noqa: E402  likewise

DAYS = 20.0


def samples(
    grow: Callable[[np.ndarray], np.ndarray], *, name: str, n: int = 500, noise: float = 2.0
) -> list[dict[str, float]]:
    """Noise about 100 and what is added to it, over `DAYS` of data."""
    days = np.linspace(0, DAYS, n)
    values = 100 + np.random.default_rng(1).normal(0, noise, n) + grow(days)
    return [{"data_s": day * DAY_S, name: value} for day, value in zip(days, values, strict=True)]


def leaks(found: list[Slope]) -> list[str]:
    return [slope.name for slope in found if slope.is_leak]


@pytest.mark.fault(49)
@pytest.mark.parametrize("name", LIMITS)
def test_what_grows_faster_than_its_bound_is_found(name):
    limit = LIMITS[name]
    per_day = max(2 * limit.per_day, 2 * limit.least_growth / DAYS)
    (slope,) = slopes(samples(lambda days: per_day * days, name=name), warm_up=0.25)
    assert slope.is_leak
    assert slope.per_day == pytest.approx(per_day, rel=0.2)
    assert slope.last > slope.first


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_steady_below_its_bound_or_falls_is_no_leak(name):
    for per_day in (0.0, 0.3 * LIMITS[name].per_day, -10.0):
        assert leaks(slopes(samples(lambda days: per_day * days, name=name), warm_up=0.25)) == []  # noqa: B023  called at once


def test_what_grows_during_the_warm_up_only_is_no_leak():
    found = slopes(samples(lambda days: np.minimum(days, 4.0) * 50, name="memory_mb"), warm_up=0.25)
    assert leaks(found) == []
    assert leaks(slopes(samples(lambda days: np.minimum(days, 19.0) * 50, name="memory_mb"), warm_up=0.0))


def test_single_peaks_move_no_slope():
    peaks = samples(lambda days: np.where(days > DAYS * 0.97, 1e5, 0.0), name="latency_ms")
    (slope,) = slopes(peaks, warm_up=0.25)
    assert not slope.is_leak
    assert slope.most > 1e4


def test_whole_numbers_that_rise_by_steps_are_found():
    assert leaks(slopes(samples(np.floor, name="threads", noise=0.0), warm_up=0.25))
    twice = samples(np.floor, name="descriptors", noise=0.0)
    doubled = [sample for sample in twice for _ in range(2)]  # times at which no data came
    assert leaks(slopes(doubled, warm_up=0.25))


def test_a_saw_tooth_is_no_leak():
    assert leaks(slopes(samples(lambda days: days * 40 % 37, name="state_mb"), warm_up=0.25)) == []


def test_a_steep_slope_over_minutes_is_noise():
    few = [{"data_s": float(n), "memory_mb": 100.0 + n / 100} for n in range(100)]  # 864 MB a day
    assert leaks(slopes(few, warm_up=0.0)) == []


def test_quantities_that_were_not_measured_are_left_out():
    assert slopes([], warm_up=0.25) == []
    assert slopes([{"data_s": 0.0, "memory_mb": 1.0}] * 100, warm_up=0.25) == []
    mixed = samples(lambda days: days * 0, name="latency_ms")
    del mixed[100]["latency_ms"]
    assert [slope.name for slope in slopes(mixed, warm_up=0.25)] == ["latency_ms"]


def test_losses_doubles_and_a_failed_service_are_problems():
    assert Outcome(status=0, n_detections=1).problems() == []
    bad = Outcome(status=-6, n_missed=2, n_doubled=3)
    assert {problem.kind: problem.words for problem in bad.problems()} == {
        "status": "the service ended with status -6",
        "missed": "2 messages were lost for good",
        "doubled": "3 messages came twice",
        "no_detections": "nothing was detected",
    }
    slow = Outcome(status=0, n_detections=1, counts={"windows.dropped.max_latency": 7, "packets.repeated": 9})
    (problem,) = slow.problems()
    assert problem.kind == TOO_SLOW
    assert problem.words == "too slow a machine for this speed: 7 packets and windows dropped"


@pytest.mark.timeout(600)
@pytest.mark.fault(41)
@pytest.mark.fault(49)
def test_minutes_of_data_with_every_fault_lose_nothing_and_leave_nothing_behind(tmp_path):
    options = ["--hours", "0.1", "--speed", "30", "--every", "0.5", "--minutes", "5", "--seed", "1"]
    done = subprocess.run(
        [sys.executable, str(FOLDER), *options, "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=570,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    result = json.loads((tmp_path / "soak.json").read_text())
    # While many tests run at once, latency and queue tell of the other tests; what is left must hold anyhow.
    of_load = {TOO_SLOW, *OF_LOAD}
    assert [problem for problem in result["problems"] if problem["kind"] not in of_load] == []
    assert result["samples"][-1]["data_s"] >= 360, done.stdout
    assert set(result["acts"]) == {"server", "reload", "stall", "visitor", "strangers"}
    assert result["counts"]["connections.opened"] >= 2
    assert {slope["name"] for slope in result["slopes"]} >= set(LIMITS) - OF_LOAD
    assert (tmp_path / "soak.png").stat().st_size > 10_000
    threads = [sample["threads"] for sample in result["samples"]]
    assert max(threads) <= 10
    assert max(sample["descriptors"] for sample in result["samples"]) < 100
