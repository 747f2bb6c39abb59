import pytest
from evaluated import write_set

from quake_stream.errors import SourceError
from quake_stream.evaluation.sets import open_sets


def test_a_set_is_used_for_what_it_was_named_for(event_set, noise_set):
    both, noise = open_sets([event_set], [noise_set.parent, event_set])
    assert (both.name, both.measures_recall, both.measures_false_alarms) == ("events", True, True)
    assert (noise.name, noise.measures_recall, noise.measures_false_alarms) == ("site", False, True)
    assert len(both.arrivals) == 1
    assert noise.kind == "site"


def test_sites_of_a_kind_are_known_by_the_name_of_their_set(tmp_path):
    (noise,) = open_sets([], [write_set(tmp_path / "strokkur_geyser")])
    assert noise.kind == "geyser"


def test_a_set_without_events_cannot_measure_recall(noise_set):
    with pytest.raises(SourceError, match=r"events\.csv"):
        open_sets([noise_set], [])


@pytest.mark.parametrize("as_noise", [True, False])
def test_a_folder_without_recordings_is_refused(tmp_path, as_noise):
    with pytest.raises(SourceError, match="mseed"):
        open_sets(*([], [tmp_path]) if as_noise else ([tmp_path], []))


def test_excluded_spans_are_read(noise_set):
    (noise_set / "exclude.csv").write_text(
        "net_sta,start,end,reason\nXX.V1,2020-01-01T00:00:00Z,2020-01-01T00:01:00Z,x\n"
    )
    (noise,) = open_sets([], [noise_set])
    assert [(b - a) / 1e9 for a, b in noise.excluded["XX.V1"]] == [60]
