"""What the service will do with each instrument, judged before it has seen a sample."""

import pytest

from quake_stream.diagnosis.instruments import StreamFacts, findings, judge
from quake_stream.diagnosis.report import Level
from quake_stream.source_id import SourceId

SETS = ("ZNE", "Z12", "Z")


def stream(nslc: str, **facts: float | None) -> StreamFacts:
    known = {"rate_hz": 100.0, "record_s": 4.0, "latency_s": 2.0, "ahead_s": -6.0}
    return StreamFacts(source_id=SourceId.from_nslc(nslc), **(known | facts))


def unheard(nslc: str, latency_s: float | None = None) -> StreamFacts:
    return StreamFacts(source_id=SourceId.from_nslc(nslc), latency_s=latency_s)


def judged(*streams: StreamFacts, component_sets: tuple[str, ...] = SETS, is_live: bool = True):
    return judge("a:18000", streams, component_sets=component_sets, max_future_s=60.0, is_live=is_live)


def test_components_are_gathered_and_the_best_set_is_named():
    both = judged(stream("CX.PB02..HHZ"), *(stream(f"CX.PB01..HH{code}") for code in "ENZ"))
    assert [(r.instrument, r.components, r.used) for r in both] == [
        ("CX.PB01.--.HH", ("Z", "N", "E"), ("Z", "N", "E")),
        ("CX.PB02.--.HH", ("Z",), ("Z",)),
    ]
    assert {(r.state, r.note) for r in both} == {("ok", "")}


def test_velocity_and_acceleration_at_one_place_are_two_instruments():
    assert len(judged(stream("CX.PB01..HHZ"), stream("CX.PB01..HNZ"))) == 2


def test_an_instrument_is_as_late_as_its_latest_component_in_use():
    (report,) = judged(
        stream("CX.PB01..HHZ", latency_s=3.0),
        stream("CX.PB01..HHN", latency_s=90.0),
        stream("CX.PB01..HHE", record_s=30.0),
    )
    assert (report.latency_s, report.record_s, report.state, report.note) == (
        90.0,
        30.0,
        "late",
        "90.0 s late",
    )


def test_components_that_the_model_leaves_out_do_not_count():
    (report,) = judged(stream("CX.PB01..HHZ"), stream("CX.PB01..HHX", latency_s=900.0, rate_hz=1.0))
    assert (report.components, report.used) == (("Z", "X"), ("Z",))
    assert (report.latency_s, report.rates_hz, report.state) == (2.0, (100.0,), "ok")


@pytest.mark.parametrize(
    ("streams", "state", "note"),
    [
        ([stream("CX.PB01..LHZ", rate_hz=1.0)], "sample_rate", "1 Hz"),
        ([stream("CX.PB01..HHZ", rate_hz=1000.0)], "sample_rate", "1000 Hz"),
        ([unheard("CX.PB01..LHZ")], "sample_rate", "band code L"),
        ([stream("CX.PB01..HHN"), stream("CX.PB01..HHE")], "components", "only E, N"),
        ([stream("CX.PB01..HHZ", ahead_s=3600.0, latency_s=-3604.0)], "future", "60 min ahead"),
    ],
)
def test_an_instrument_that_cannot_be_used_says_why(streams, state, note):
    (report,) = judged(*streams)
    assert (report.used, report.state, report.note) == ((), state, note)


@pytest.mark.parametrize(
    ("streams", "state", "note"),
    [
        ([stream("CX.PB01..HHZ", latency_s=-35.0)], "clock_ahead", "35.0 s ahead"),
        ([stream("CX.PB01..HHZ", latency_s=-0.5)], "ok", ""),
        ([stream("CX.PB01..HHZ", latency_s=60.0)], "ok", ""),
        ([stream("CX.PB01..HHZ", latency_s=61.0)], "late", "61.0 s late"),
        ([unheard("CX.PB01..HHZ")], "silent", "nothing arrived"),
        ([unheard("CX.PB01..HHZ", latency_s=86_400.0)], "late", "24 h late"),
        ([unheard("CX.PB01..HHZ", latency_s=9.0)], "ok", ""),
    ],
)
def test_an_instrument_in_use_says_what_is_wrong_with_its_time(streams, state, note):
    (report,) = judged(*streams)
    assert (report.used, report.state, report.note) == (("Z",), state, note)


def test_a_component_in_the_future_is_not_counted_in():
    (report,) = judged(
        *(stream(f"CX.PB01..HH{code}") for code in "ZN"), stream("CX.PB01..HHE", ahead_s=3600.0)
    )
    assert report.used == ("Z",)


def test_the_age_of_a_recording_says_nothing():
    (report,) = judged(stream("CX.PB01..HHZ", latency_s=None, ahead_s=None), is_live=False)
    assert (report.state, report.note) == ("ok", "")


def test_each_kind_of_trouble_is_one_warning_that_names_a_few():
    reports = judged(stream("CX.PB00..HHZ"), *(stream(f"CX.PB{n:02}..LHZ", rate_hz=1.0) for n in range(1, 9)))
    usable, rates = findings("a:18000", reports)
    assert (usable.level, usable.text) == (Level.OK, "1 of 9 instruments can be used")
    assert rates.level is Level.WARNING
    assert "8 × wrong sampling rate: CX.PB01.--.LH (1 Hz)" in rates.text
    assert "and 3 more" in rates.text


def test_nothing_to_detect_on_is_a_problem():
    finding, _ = findings("a:18000", judged(stream("CX.PB01..LHZ", rate_hz=1.0)))
    assert finding.level is Level.PROBLEM


def test_where_nothing_is_known_nothing_is_said():
    assert findings("a:18000", []) == []
