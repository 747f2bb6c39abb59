import numpy as np
import pytest

from quake_stream.counters import Counters, by_reason
from quake_stream.errors import SourceError
from quake_stream.training.conditioning import N_SETTLE
from quake_stream.training.labelled import read_labelled, to_example


def test_marks_move_with_the_cut(tools):
    trace = np.zeros((3, tools.N), np.float32)
    trace[:, tools.P :] = 1000.0  # a step that the high-pass keeps at P
    example = to_example({k: str(v) for k, v in tools.row_of(0, is_quake=True).items()}, trace)
    assert np.flatnonzero(example.samples[0])[0] == example.p_index
    assert example.s_index - example.p_index == 300
    assert example.noise == (0, example.p_index - 100)


def test_padding_is_never_part_of_an_example(data_folder):
    examples = list(read_labelled(data_folder / "labelled", counters=Counters()))
    assert len(examples) == 60
    assert max(np.abs(e.samples).max() for e in examples) < 1000


def test_late_coda_beyond_25_s_is_left_out(data_folder):
    quakes = [e for e in read_labelled(data_folder / "labelled", counters=Counters()) if e.is_earthquake]
    assert {e.n_samples - e.p_index for e in quakes} == {2500}


@pytest.mark.parametrize(
    "changes",
    [
        {"quality": "C"},
        {"label": "other", "label_detail": "explosion (helsinki)"},
        {"label": "other", "label_detail": "of unknown type (earthquake or mining explosion)"},
        {"p_sample": ""},
        {"split": "test"},
    ],
)
def test_what_must_not_be_learned_from_is_left_out(tmp_path, tools, changes):
    traces = [tools.noise(np.random.default_rng(i)) for i in range(2)]
    rows = [tools.row_of(0, is_quake=True, **changes), tools.row_of(1, is_quake=True)]
    tools.write_labelled(tmp_path / "labelled", rows, traces)
    examples = read_labelled(tmp_path / "labelled", counters=Counters())
    assert [e.group for e in examples] == ["group1"]


def refused(folder, tools, trace=None, **changes):
    """Read one earthquake; the reasons for which it is refused, and what is left."""
    trace = tools.noise(np.random.default_rng(0)) if trace is None else trace
    tools.write_labelled(folder / "l", [tools.row_of(0, is_quake=True, **changes)], [trace])
    counters = Counters()
    examples = list(read_labelled(folder / "l", counters=counters))
    return by_reason(counters.snapshot()), examples


@pytest.mark.parametrize(
    "changes",
    [{"station_key": "BW.RJOB"}, {"station_key": "CX.PB01", "start_time": "2014-05-01T00:00:00Z"}],
)
def test_what_is_held_out_is_counted(tmp_path, tools, changes):
    ((reason, n),), examples = refused(tmp_path, tools, **changes)[0].items(), []
    assert reason.startswith("examples.refused.held out (")
    assert (n, examples) == (1, [])


def test_an_automatic_p_without_a_rise_of_energy_is_refused_and_an_analyst_s_is_not(tmp_path, tools):
    rng = np.random.default_rng(3)
    trace = tools.noise(rng) + tools.burst(rng, tools.N, tools.P + 250)
    trace[:, :200] = trace[:, -200:] = tools.PADDING
    reasons, examples = refused(tmp_path / "auto", tools, trace, pick_source="auto", s_sample="")
    assert reasons == {"examples.refused.energy rises over 1 s from P": 1}
    assert examples == []
    reasons, examples = refused(tmp_path / "analyst", tools, trace, pick_source="analyst", s_sample="")
    assert reasons == {}
    assert len(examples) == 1


def test_what_the_table_says_of_a_trace_is_kept(data_folder):
    quake, noise, *_ = read_labelled(data_folder / "labelled", counters=Counters())
    assert (quake.label, quake.p_source, quake.event, quake.quality) == (
        "earthquake",
        "analyst",
        "event0",
        "A",
    )
    assert (quake.snr_db, quake.magnitude, quake.distance_km) == (18.5, 1.5, None)
    assert (quake.instrument, quake.trace) == ("seismometer", "synthetic_0")
    assert (quake.licence, quake.citation) == (
        "Synthetic: CC0",
        "Synthetic: https://github.com/owner/repository",
    )
    assert (noise.label, noise.snr_db) == ("", None)


def test_only_what_is_surely_an_explosion_is_read_as_a_blast(tmp_path, tools):
    details = ("explosion (helsinki)", "of unknown type (earthquake or mining explosion)")
    rows = [
        tools.row_of(i, is_quake=True, label="other", label_detail=detail) for i, detail in enumerate(details)
    ]
    tools.write_labelled(tmp_path / "l", rows, [tools.noise(np.random.default_rng(i)) for i in range(2)])
    examples = list(read_labelled(tmp_path / "l", counters=Counters(), labels=("blast",)))
    assert [(e.group, e.label, e.is_event, e.is_earthquake) for e in examples] == [
        ("group0", "blast", True, False)
    ]


def test_a_dead_component_is_zero_and_a_dead_recording_is_none(tools):
    row = {k: str(v) for k, v in tools.row_of(1, is_quake=False).items()}
    trace = tools.noise(np.random.default_rng(0)).astype(np.float32)
    trace[1] = 77.0
    example = to_example(row, trace)
    assert [bool(c.any()) for c in example.samples] == [True, False, True]
    assert to_example(row, np.full_like(trace, 5.0)) is None


def test_a_recording_that_is_too_short_is_none(tools):
    row = {k: str(v) for k, v in tools.row_of(1, is_quake=False, valid_end=200 + 2 * N_SETTLE).items()}
    assert to_example(row, tools.noise(np.random.default_rng(0)).astype(np.float32)) is None


def test_a_missing_table_or_shard_is_named(tmp_path, tools):
    with pytest.raises(SourceError, match=r"metadata\.csv"):
        list(read_labelled(tmp_path, counters=Counters()))
    tools.write_labelled(tmp_path / "l", [tools.row_of(0, is_quake=True, shard="gone.h5")], [np.ones((3, 9))])
    with pytest.raises(SourceError, match=r"gone\.h5"):
        list(read_labelled(tmp_path / "l", counters=Counters()))


@pytest.mark.shared
def test_the_shared_set_keeps_out_the_demonstration_and_what_is_reported(shared):
    counters = Counters()
    examples = list(read_labelled(shared / "waveforms" / "labelled", counters=counters))
    assert sum(e.is_earthquake for e in examples) > 900
    stations = {e.station for e in examples}
    assert not [s for s in stations if s.startswith(("BW.", "OpenEEW.", "O2.")) or s == "CI.HEC"]
    assert counters.total("examples.refused", reason="energy rises over 1 s from P") < 40
