"""Windows of one instrument every 0.5 s, scored by a model of three classes."""

import math
from dataclasses import replace

import pytest

from quake_stream.detection.episode import Episode, Score
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, DetectionState, Window


@pytest.fixture
def spec(net):
    return net.spec(classes=("noise", "earthquake", "blast"))


def window(i, level_db=math.nan):
    return Window(
        instrument_id=InstrumentId(network="IU", station="ANMO", location="00", band="B", source="H"),
        start_index=i * 50,
        start_ns=i * NS_PER_S // 2,
        end_ns=i * NS_PER_S // 2 + 5_120_000_000,
        components=("Z",),
        received_ns=0,
        level_db=level_db,
    )


def score(spec, i, earthquake, blast=0.0, level_db=math.nan):
    row = (1 - earthquake - blast, earthquake, blast)
    return Score.of(window(i, level_db), row, spec, ("earthquake", "blast"))


def test_a_score_sums_the_classes_that_trigger_and_is_of_the_likelier_one(spec):
    row = (0.2000001, 0.3, 0.5)
    both = Score.of(window(0), row, spec, ("earthquake", "blast"))
    assert (both.probability, both.class_name) == (0.8, "blast")
    assert both.probabilities == (("noise", 0.2), ("earthquake", 0.3), ("blast", 0.5))
    one = Score.of(window(0), row, spec, ("earthquake",))
    assert (one.probability, one.class_name, one.probabilities) == (0.3, "earthquake", both.probabilities)


def test_it_keeps_its_first_and_last_window_and_the_best_score(spec):
    episode = Episode(score(spec, 1, 0.9), rest_db=0.0)
    episode.add(score(spec, 2, 0.95))
    episode.add(score(spec, 3, 0.6))
    assert (episode.first, episode.last, episode.peak.window) == (window(1), window(3), window(2))
    assert episode.n_windows == 3


def test_it_follows_the_shaking(spec):
    episode = Episode(score(spec, 1, 0.9, level_db=30.0), rest_db=10.0)
    episode.add(score(spec, 2, 0.9, level_db=25.0))
    shaking = episode.shaking
    assert (shaking.rest_db, shaking.highest_db) == (10.0, 30.0)
    episode.add(score(spec, 3, 0.9, level_db=28.0))
    assert (shaking.peak_db, shaking.trough_db) == (30.0, 25.0)


def test_a_higher_peak_or_another_class_is_news(spec):
    episode = Episode(score(spec, 1, 0.5, 0.4), rest_db=0.0)
    assert episode.has_news()
    episode.tell(DetectionState.NEW, key="x", now_ns=7, reason="")
    assert not episode.has_news()
    episode.add(score(spec, 2, 0.51, 0.4))
    assert not episode.has_news()
    episode.add(score(spec, 3, 0.52, 0.4))
    assert episode.has_news()
    episode.tell(DetectionState.UPDATE, key="x", now_ns=8, reason="")
    episode.add(score(spec, 4, 0.45, 0.475))
    assert episode.has_news()


def test_its_messages_are_numbered_and_only_the_last_one_has_an_end(spec):
    episode = Episode(score(spec, 1, 0.9), rest_db=0.0)
    new = episode.tell(DetectionState.NEW, key="x", now_ns=7, reason="")
    assert (new.id, new.revision, new.off_ns, episode.told_ns) == ("x", 0, None, 7)
    episode.add(score(spec, 2, 0.6))
    end = episode.tell(DetectionState.END, key="x", now_ns=9, reason="off")
    assert end == replace(
        new, state=DetectionState.END, revision=1, off_ns=window(2).end_ns, n_windows=2, reason="off"
    )
