import numpy as np
import pytest

from quake_stream.errors import SourceError
from quake_stream.training.conditioning import N_SETTLE
from quake_stream.training.streams import common_spans, read_excluded, read_pieces, subtract
from quake_stream.types import NS_PER_S

START = "2020-01-01T00:00:00"
START_NS = 1_577_836_800 * NS_PER_S


def noise(n=12_000, seed=0, n_components=3):
    return 1000 * np.random.default_rng(seed).standard_normal((n_components, n))


def test_an_excluded_span_is_touched_by_no_piece(tmp_path, tools):
    samples = noise()
    samples[:, 5000:6000] = 1e8
    tools.write_stream(tmp_path, samples, start=START)
    (tmp_path / "exclude.csv").write_text(
        "net_sta,start,end,reason\nXX.ST1,2020-01-01T00:00:50Z,2020-01-01T00:01:00Z,big\n"
        "XX.OTHER,2020-01-01T00:00:00Z,2020-01-01T01:00:00Z,of another station\n"
    )
    pieces = list(read_pieces(tmp_path))
    assert [p.samples.shape[1] for p in pieces] == [5000 - N_SETTLE, 6000 - N_SETTLE]
    assert max(np.abs(p.samples).max() for p in pieces) < 1e4
    assert pieces[1].start_ns == START_NS + 60 * NS_PER_S + N_SETTLE * NS_PER_S // 100


def test_a_gap_in_one_component_divides_all(tmp_path, tools):
    samples = noise()
    tools.write_stream(tmp_path, samples[:2], start=START, components="ZN")
    tools.write_stream(tmp_path, samples[2:, :4000], start=START, components="E")
    tools.write_stream(tmp_path, samples[2:, 5000:], start="2020-01-01T00:00:50", components="E")
    pieces = list(read_pieces(tmp_path))
    assert [p.samples.shape[1] for p in pieces] == [4000 - N_SETTLE, 7000 - N_SETTLE]


def test_recordings_years_apart_are_pieces_of_their_own(tmp_path, tools):
    tools.write_stream(tmp_path, noise(), start=START)
    tools.write_stream(tmp_path, noise(), start="2009-01-01T00:00:00")
    assert len(list(read_pieces(tmp_path))) == 2


@pytest.mark.parametrize(("components", "channels"), [("Z", 1), ("N", 1), ("321", 3), ("ZXY", 3)])
def test_components_are_those_that_the_service_would_take(tmp_path, tools, components, channels):
    samples = noise(n_components=len(components))
    tools.write_stream(tmp_path, samples, start=START, components=components)
    (piece,) = read_pieces(tmp_path)
    assert piece.samples.any(axis=1).sum() == channels
    assert piece.samples[0].any()
    assert piece.components[0] == components[0]


def test_two_horizontals_alone_are_no_set(tmp_path, tools):
    tools.write_stream(tmp_path, noise(n_components=2), start=START, components="NE")
    assert list(read_pieces(tmp_path)) == []


def test_other_rates_come_at_the_model_s(tmp_path, tools):
    tools.write_stream(tmp_path, noise(n=24_000), start=START, rate_hz=200.0)
    (piece,) = read_pieces(tmp_path)
    assert piece.native_rate_hz == 200.0
    assert 11_500 < piece.samples.shape[1] < 12_000


def test_flat_and_short_recordings_give_no_piece(tmp_path, tools):
    tools.write_stream(tmp_path, np.full((3, 5000), 7), start=START)
    tools.write_stream(tmp_path, noise(n=1500), start="2021-01-01T00:00:00")
    assert list(read_pieces(tmp_path)) == []


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no recordings"):
        list(read_pieces(tmp_path))


def test_spans_are_subtracted_and_intersected():
    assert subtract((0, 100), [(20, 30), (90, 120), (25, 40)]) == [(0, 20), (40, 90)]
    assert subtract((0, 10), [(0, 10)]) == []
    assert common_spans([[(0, 10), (20, 30)], [(5, 25)]]) == [(5, 10), (20, 25)]


def test_no_file_excludes_nothing(tmp_path):
    assert read_excluded(tmp_path / "exclude.csv") == {}
