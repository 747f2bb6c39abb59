"""``quake-stream bench feed``: tables for people, JSON for programs."""

import json

import pytest

from quake_stream.bench import feed

SMALL = ("--subscribers", 2, "--seconds", 0.2, "--rate", 50, "--deliveries", 20, "--stall-beside", 2)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_STALL_BYTES", 10_000)
    monkeypatch.setattr(feed, "_STALL_HWM", 100)
    monkeypatch.setattr(feed, "_STALL_STEP", 50)


def test_programs_get_json(quake_stream):
    done = quake_stream("bench", "feed", *SMALL, "--json")
    assert done.status == 0
    result = json.loads(done.out)
    assert [case["security"] for case in result["cases"]] == ["NULL", "CURVE"]
    assert result["effort"]["rate_hz"] == 50
    assert result["stalled"]["n_others"] == 2


def test_people_get_tables(quake_stream):
    done = quake_stream("bench", "feed", *SMALL)
    assert done.status == 0
    assert "Latency at 50 messages/s" in done.out
    assert [line.split()[3] for line in done.out.splitlines() if line.split()[1:2] == ["2"]] == [
        "NULL",
        "CURVE",
    ]
    assert "│ median ratio │" in done.out
