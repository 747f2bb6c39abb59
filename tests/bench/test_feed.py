"""The figures of the benchmark, from small numbers: sane, not fast."""

import json

import pytest

from quake_stream.bench import feed
from quake_stream.bench.feed import Effort, measure


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_STALL_BYTES", 100_000)
    monkeypatch.setattr(feed, "_STALL_HWM", 200)
    monkeypatch.setattr(feed, "_STALL_STEP", 100)


def test_latency_and_rate_for_each_number_plain_and_encrypted_and_the_cost_of_a_stall():
    told = []
    result = measure(
        [1, 2],
        effort=Effort(rate_hz=100, seconds=0.2, n_deliveries=50, n_pairs=1),
        n_stall_others=2,
        report=lambda name, share: told.append((name, share)),
    )
    assert json.loads(json.dumps(result)) == result
    assert [(case["n_subscribers"], case["security"]) for case in result["cases"]] == [
        (1, "NULL"),
        (2, "NULL"),
        (1, "CURVE"),
        (2, "CURVE"),
    ]
    stalled = result["stalled"]
    for row in (*result["cases"], stalled["without"], stalled["with"]):
        assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["max_ms"]
        assert row["send_max_ms"] > 0
        assert row["n_missed"] == 0
    for case in result["cases"]:
        assert case["n_missed_at_full_rate"] == 0
        assert case["deliveries_per_s"] == pytest.approx(
            case["messages_per_s"] * case["n_subscribers"], rel=0.01
        )
    assert stalled["ratio"]["p50_ms"] == pytest.approx(
        stalled["with"]["p50_ms"] / stalled["without"]["p50_ms"], abs=0.01
    )
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1][1] == 1.0
