"""Small sets of recordings."""

import pytest
from evaluated import write_set


@pytest.fixture
def event_set(tmp_path):
    """Three minutes with an earthquake at 60 s and another burst at 120 s that no list knows."""
    folder = write_set(tmp_path / "events")
    (folder / "events.csv").write_text(
        "event_id,station,p_time,s_time,quality,snr_p\n"
        "e1,XX.ST1,2020-01-01T00:01:00Z,2020-01-01T00:01:03Z,A,20\n"
    )
    return folder


@pytest.fixture
def noise_set(tmp_path):
    """Three minutes of a station held out, with one burst."""
    return write_set(tmp_path / "noise" / "site", bursts_s=(90,), station="V1", seed=1)
