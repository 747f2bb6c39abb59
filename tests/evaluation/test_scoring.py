import numpy as np
import pytest
from evaluated import LevelModel, write_set

from quake_stream.errors import SourceError
from quake_stream.evaluation.scoring import score_recordings
from quake_stream.selection import parse_list


def test_windows_come_in_order_with_their_scores(event_set):
    (scored,) = score_recordings([LevelModel()], [event_set / "mseed"], hop_s=0.5)
    (part,) = scored.values()
    assert np.all(np.diff([window.start_index for window in part.windows]) == 50)
    assert part.probabilities.shape == (len(part), 2)
    assert np.all(np.diff(part.end_ns) == 500_000_000)
    assert part.probabilities[:, 1].max() > 0.99


def test_several_models_get_what_each_alone_would(event_set):
    models = [LevelModel(0.5), LevelModel(0.4), LevelModel(0.5, component_sets=("Z",))]
    together = score_recordings(models, [event_set / "mseed"], hop_s=0.5)
    for model, scored in zip(models, together, strict=True):
        (alone,) = score_recordings([model], [event_set / "mseed"], hop_s=0.5)
        assert scored.keys() == alone.keys()
        for instrument_id, part in scored.items():
            assert np.array_equal(part.probabilities, alone[instrument_id].probabilities)
            assert part.windows == alone[instrument_id].windows
    assert next(iter(together[2].values())).windows[0].components == ("Z",)


def test_only_the_streams_asked_for_are_read(event_set):
    write_set(event_set, station="ST2")
    (scored,) = score_recordings(
        [LevelModel()], [event_set / "mseed"], hop_s=0.5, include=parse_list(["XX.ST2"])
    )
    assert {instrument_id.nsl for instrument_id in scored} == {"XX.ST2"}


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(SourceError):
        score_recordings([LevelModel()], [tmp_path], hop_s=0.5)
