"""Counters that say that something is wrong, and for how long."""

import pytest

from quake_stream.counters import Counters
from quake_stream.symptoms import SYMPTOMS, Symptoms


class Story:
    """Counters that are looked at again and again."""

    def __init__(self) -> None:
        self.counters = Counters()
        self._symptoms = Symptoms()

    def words(self, now_s: float) -> list[str]:
        return [problem.words for problem in self._symptoms.look(self.counters.snapshot(), now_s)]


@pytest.fixture
def story() -> Story:
    return Story()


def test_normal_life_is_no_problem(story: Story) -> None:
    for name in ("gaps", "connections.lost", "packets.refused", "records.refused", "positions.refused"):
        story.counters.add(name, reason="usual", station="CX.PB01")
    assert story.words(0.0) == []


@pytest.mark.fault(32)
def test_positions_that_cannot_be_saved_are_a_problem_until_they_can(story: Story) -> None:
    story.counters.add("positions.unsaved", reason="ENOSPC")
    assert story.words(0.0) == ["positions cannot be saved (ENOSPC)"]
    assert story.words(1e6) == ["positions cannot be saved (ENOSPC)"]
    story.counters.add("positions.unsaved", reason="ENOSPC")
    story.counters.add("positions.saved")
    assert len(story.words(1e6 + 1)) == 1  # which of the two came last is not known
    story.counters.add("positions.saved")
    assert story.words(1e6 + 2) == []
    assert story.words(1e6 + 3) == []


@pytest.mark.fault(33)
def test_a_file_that_was_set_aside_at_the_start_is_told_for_a_day(story: Story) -> None:
    story.counters.add("positions.refused", reason="corrupt")
    story.counters.add("segments.damaged")
    assert len(story.words(0.0)) == 2
    assert len(story.words(86_000.0)) == 2
    assert story.words(86_500.0) == []


@pytest.mark.fault(37)
def test_a_refused_reload_is_told_until_one_succeeds(story: Story) -> None:
    story.counters.add("reloads.refused")
    assert "the last reload was refused" in story.words(0.0)[0]
    story.counters.add("reloads.refused")
    assert len(story.words(1e6)) == 1
    story.counters.add("reloads.done")
    assert story.words(1e6 + 1) == []


@pytest.mark.fault(7)
def test_stations_that_a_server_refuses_are_named_a_few_of_them(story: Story) -> None:
    story.counters.add("stations.refused", reason="unknown", station="CX.PB02")
    story.counters.add("stations.refused", reason="unknown", station="CX.PB01")
    assert story.words(0.0) == ["refused by their server: CX.PB01, CX.PB02"]
    for n in range(3, 8):
        story.counters.add("stations.refused", reason="unknown", station=f"CX.PB{n:02}")
    assert story.words(3600.0) == ["refused by their server: CX.PB01, CX.PB02, CX.PB03 and 4 more"]
    assert story.words(7300.0) == ["refused by their server: CX.PB03, CX.PB04, CX.PB05 and 2 more"]
    assert story.words(11_000.0) == []


@pytest.mark.fault(22)
def test_a_server_with_too_many_stations_is_named(story: Story) -> None:
    story.counters.add("records.refused", reason="too_many_stations", station="a:18000")
    story.counters.add("records.refused", reason="encoding", station="CX.PB01")
    assert story.words(0.0) == [
        "a:18000 sends more stations than are allowed; what is beyond that is dropped"
    ]


def test_the_kind_of_a_problem_stays_while_its_words_change(story: Story) -> None:
    symptoms = Symptoms()
    story.counters.add("stations.refused", station="CX.PB01")
    (first,) = symptoms.look(story.counters.snapshot(), 0.0)
    story.counters.add("stations.refused", station="CX.PB02")
    (second,) = symptoms.look(story.counters.snapshot(), 1.0)
    assert first.kind == second.kind == "stations.refused"
    assert first.words != second.words


def test_each_symptom_ends_some_day_and_has_a_kind_of_its_own() -> None:
    assert all(symptom.ends_with or symptom.lasts_s <= 86_400 for symptom in SYMPTOMS)
    assert len({(symptom.name, symptom.reason) for symptom in SYMPTOMS}) == len(SYMPTOMS)


def test_a_server_without_connection_is_known_with_the_reason_until_it_is_there_again(story: Story) -> None:
    symptoms = Symptoms()
    for name, reason, lost in (
        ("connections.opened", "", {}),
        ("connections.lost", "eof", {"a:18000": "eof"}),
        ("connections.lost", "refused", {"a:18000": "refused"}),
        ("gaps", "", {"a:18000": "refused"}),
        ("connections.opened", "", {}),
    ):
        story.counters.add(name, reason=reason, station="a:18000")
        symptoms.look(story.counters.snapshot(), 0.0)
        assert symptoms.lost == lost
