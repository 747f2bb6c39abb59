import numpy as np
import pytest

from quake_stream.training.examples import event_weights, noise_weights


def test_a_station_of_many_earthquakes_weighs_as_the_square_root_of_their_number(make_example):
    many = [make_example(p_index=2000, station="XX.A", group=f"a{i}", dataset=f"d{i}") for i in range(100)]
    one = [make_example(p_index=2000, station="XX.B", group="b", dataset="e")]
    weights = event_weights([*many, *one])
    assert weights[:100].sum() == pytest.approx(10 * weights[100])


def test_an_event_of_many_recordings_does_not_drown_the_others(make_example):
    many = [make_example(p_index=2000, station=f"XX.A{i}", group="a", dataset=f"d{i}") for i in range(25)]
    one = [make_example(p_index=2000, station="XX.B", group="b", dataset="e")]
    weights = event_weights([*many, *one])
    assert weights[:25].sum() == pytest.approx(5 * weights[25])


def test_noise_has_no_weight_as_an_earthquake(make_example):
    weights = event_weights([make_example(), make_example(p_index=2000)])
    assert weights.tolist() == [0.0, 1.0]


def test_only_events_of_the_class_have_weight(make_example):
    blast, quake = make_example(p_index=2000, label="blast"), make_example(p_index=2000)
    assert event_weights([blast, quake]).tolist() == [0.0, 1.0]
    assert event_weights([blast, quake], "blast").tolist() == [1.0, 0.0]


def test_background_weighs_by_seconds_however_it_is_cut(make_example):
    whole = [make_example(station="XX.A", dataset="a", n=40_000)]
    parts = [make_example(station="XX.B", dataset="b", n=10_000) for _ in range(4)]
    weights = noise_weights([*whole, *parts])
    assert weights[0] == pytest.approx(weights[1:].sum())


def test_background_weights_sum_to_one_and_skip_what_is_not_usable(make_example):
    weights = noise_weights([make_example(noise=(0, 0)), make_example(), make_example(station="XX.B")])
    assert weights[0] == 0
    assert np.isclose(weights.sum(), 1)
