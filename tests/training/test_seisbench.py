import numpy as np
import pytest

from quake_stream.counters import Counters, by_reason
from quake_stream.errors import SourceError
from quake_stream.training.seisbench import Choice, choose, is_seisbench, read_seisbench
from quake_stream.training.seisbench_table import read_rows

ALL = Choice(limit=1000)


def read(folder, choice=ALL, **options):
    counters = Counters()
    examples = list(read_seisbench(folder, counters=counters, choice=choice, **options))
    return examples, by_reason(counters.snapshot())


def test_a_set_is_read_as_it_is(seisbench_folder):
    assert is_seisbench(seisbench_folder)
    examples, refused = read(seisbench_folder)
    assert sum(e.is_earthquake for e in examples) == 24
    assert len(examples) == 48
    assert refused == {"examples.refused.kept for testing": 12}
    quake = next(e for e in examples if e.event == "event0")
    assert (quake.station, quake.group, quake.split, quake.p_source) == ("XX.S0", "event0", "train", "manual")
    assert (quake.snr_db, quake.magnitude, quake.distance_km) == (20.0, 1.5, 12.0)
    assert (quake.instrument, quake.trace) == ("seismometer", "bucket0$0,:3,:6000")
    assert quake.noise == (0, quake.p_index - 100)


def test_the_split_of_a_set_is_kept_and_its_test_part_never_read(seisbench_folder):
    examples, _ = read(seisbench_folder)
    rows = {row.name: row.split for row in read_rows(seisbench_folder / "metadata.csv", "")}
    assert {(rows[e.trace], e.split) for e in examples} == {("train", "train"), ("dev", "val")}


def test_a_set_without_a_split_is_divided_by_event(tmp_path, tools):
    rows, arrays = [], {}
    for number in range(40):
        arrays[f"t{number}"] = tools.noise(np.random.default_rng(number)) + tools.burst(
            np.random.default_rng(number), tools.N, tools.P
        )
        rows.append(
            tools.seisbench_row(
                number, is_quake=True, name=f"t{number}", split="", source_id=f"e{number // 2}"
            )
        )
    tools.write_seisbench(tmp_path / "s", rows, arrays)
    examples, _ = read(tmp_path / "s")
    sides = {(e.group, e.split) for e in examples}
    assert len(sides) == 20
    assert {split for _, split in sides} == {"train", "val"}


def test_chunks_are_read_each_with_its_own_file(tmp_path, tools):
    for chunk, station in (("_a", "A"), ("_b", "B")):
        row = tools.seisbench_row(0, is_quake=False, name="t", station_code=station)
        trace = tools.noise(np.random.default_rng(0)) * (1 if chunk == "_a" else 5)
        tools.write_seisbench(tmp_path / "s", [row], {"t": trace}, chunk=chunk)
    examples, _ = read(tmp_path / "s")
    assert [(e.station, e.trace) for e in examples] == [("XX.A", "_at"), ("XX.B", "_bt")]
    assert examples[1].samples.std() == pytest.approx(5 * examples[0].samples.std(), rel=0.01)
    (tmp_path / "s" / "chunks").write_text("_b\n")
    assert [e.station for e in read(tmp_path / "s")[0]] == ["XX.B"]


@pytest.mark.parametrize("rate_hz", [20.0, 31.25, 50.0, 100.0, 200.0, 250.0])
def test_any_rate_becomes_the_model_s_with_p_where_it_was(tmp_path, tools, rate_hz):
    rng = np.random.default_rng(5)
    n, p = round(60 * rate_hz), round(30 * rate_hz)
    trace = rng.standard_normal((3, n))
    trace[:, p:] *= 30
    row = tools.seisbench_row(
        0, is_quake=True, name="t", trace_p_arrival_sample=p, trace_s_arrival_sample="", trace_p_status="auto"
    )
    tools.write_seisbench(tmp_path / "s", [row], {"t": trace}, sampling_rate=rate_hz)
    ((quake,), refused) = read(tmp_path / "s")
    assert refused == {}
    assert quake.native_rate_hz == rate_hz
    loud = np.abs(quake.samples) > 8
    assert abs(np.flatnonzero(loud.any(axis=0))[0] - quake.p_index) < 15


def test_padding_is_never_part_of_an_example(tmp_path, tools):
    trace = tools.noise(np.random.default_rng(1), 3000)
    trace[:, :500] = trace[:, -400:] = tools.PADDING
    row = tools.seisbench_row(1, is_quake=False, name="t")
    for rate_hz in (50.0, 100.0):
        folder = tmp_path / str(rate_hz)
        tools.write_seisbench(folder, [row], {"t": trace}, sampling_rate=rate_hz)
        ((example,), _) = read(folder)
        assert np.abs(example.samples).max() < 1000
        assert example.n_noise == example.n_samples


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"station_network_code": "CI", "station_code": "HEC"}, "held out"),
        ({"trace_p_arrival_sample": ""}, "no P marked"),
        ({"trace_category": "mine blast"}, "class blast not wanted"),
        ({"trace_name": "gone"}, "no such trace or components"),
        ({"trace_name": "nan"}, "nan"),
        ({"trace_p_arrival_sample": 2700.0, "trace_p_status": ""}, "energy rises over 1 s from P"),
        ({"trace_name": "flat"}, "nothing usable left"),
    ],
)
def test_what_cannot_be_learned_from_is_counted(tmp_path, tools, changes, reason):
    rng = np.random.default_rng(2)
    trace = tools.noise(rng) + tools.burst(rng, tools.N, tools.P)
    hole = trace.copy()
    hole[1, 10] = np.nan
    row = tools.seisbench_row(0, is_quake=True, name="t", **{"trace_name": "t", **changes})
    tools.write_seisbench(tmp_path / "s", [row], {"t": trace, "nan": hole, "flat": np.zeros_like(trace)})
    examples, refused = read(tmp_path / "s")
    assert examples == []
    ((key, n),) = refused.items()
    assert key.startswith(f"examples.refused.{reason}")
    assert n == 1


def test_other_classes_are_read_when_they_are_wanted(tmp_path, tools):
    rng = np.random.default_rng(2)
    trace = tools.noise(rng) + tools.burst(rng, tools.N, tools.P)
    row = tools.seisbench_row(0, is_quake=True, name="t", trace_category="explosion")
    tools.write_seisbench(tmp_path / "s", [row], {"t": trace})
    ((blast,), _) = read(tmp_path / "s", labels=("earthquake", "blast"))
    assert (blast.label, blast.is_event, blast.is_earthquake) == ("blast", True, False)


def test_a_set_without_a_sampling_rate_is_refused(tmp_path, tools):
    row = tools.seisbench_row(1, is_quake=False, name="t")
    trace = tools.noise(np.random.default_rng(0))
    tools.write_seisbench(tmp_path / "s", [row], {"t": trace}, sampling_rate=None)
    with pytest.raises(SourceError, match=r"trace_sampling_rate_hz or trace_dt_s of metadata\.csv"):
        read(tmp_path / "s")
    row["trace_sampling_rate_hz"] = 100.0
    tools.write_seisbench(tmp_path / "t", [row], {"t": trace}, sampling_rate=None)
    assert len(read(tmp_path / "t")[0]) == 1


@pytest.fixture
def rows(tmp_path, tools):
    """Rows of a table of 900 earthquakes and 100 recordings of noise."""
    table = [
        tools.seisbench_row(number, is_quake=number < 900, name=f"t{number:04}", split="train")
        for number in range(1000)
    ]
    tools.write_seisbench(tmp_path / "s", table, {})
    return list(read_rows(tmp_path / "s" / "metadata.csv", ""))


def test_the_classes_share_the_limit(rows):
    def shares(limit):
        chosen = choose(iter(rows), Choice(limit=limit))
        return sum(row.label == "earthquake" for row in chosen), sum(row.label == "" for row in chosen)

    assert shares(100) == (50, 50)
    assert shares(400) == (300, 100)
    assert shares(5000) == (900, 100)


def test_the_choice_is_spread_over_the_set_and_depends_on_the_seed_only(rows):
    def numbers(seed, given):
        chosen = choose(iter(given), Choice(limit=200, seed=seed))
        return sorted(int(row.name[1:]) for row in chosen if row.label)

    first = numbers(0, rows)
    assert first == numbers(0, rows[::-1])
    assert first != numbers(1, rows)
    assert np.histogram(first, bins=9, range=(0, 900))[0].min() >= 3


def test_traces_are_chosen_before_any_is_read(seisbench_folder, monkeypatch):
    names = []
    original = "quake_stream.training.seisbench.Waveforms.read"
    monkeypatch.setattr(original, lambda self, name, components="": names.append(name))
    examples, refused = read(seisbench_folder, Choice(limit=6))
    assert examples == []
    assert len(names) == 6
    assert refused["examples.refused.no such trace or components"] == 6
