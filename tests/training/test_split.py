from quake_stream.training.split import VAL_STATIONS, split_of


def test_a_name_is_always_on_the_same_side():
    splits = [split_of(f"XX.S{i}") for i in range(600)]
    assert splits == [split_of(f"XX.S{i}") for i in range(600)]
    assert 60 < splits.count("val") < 140
    assert {split_of(station) for station in VAL_STATIONS} == {"val"}
