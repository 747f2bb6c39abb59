import pytest

from quake_stream.detection.told import Told
from quake_stream.source_id import SourceId
from quake_stream.types import Detection, DetectionState, Latency

ID = SourceId.from_nslc("CX.PB01..HHZ").instrument


def detection(state=DetectionState.NEW, *, revision=0, peak_ns=20) -> Detection:
    return Detection(
        id="a",
        instrument_id=ID,
        channels=("HHZ",),
        state=state,
        revision=revision,
        on_ns=10,
        off_ns=None,
        peak_ns=peak_ns,
        onset_ns=5,
        onset_uncertainty_s=0.1,
        class_name="earthquake",
        probabilities=(("noise", 0.1), ("earthquake", 0.9)),
        peak_probability=0.9,
        n_windows=2,
        amplitude_counts=1.0,
        snr_db=None,
        latency=Latency(data_s=0, queue_s=0, inference_s=0),
        reason="",
    )


def test_what_was_told_to_be_on_is_ended_once_after_its_last_message():
    told = Told()
    messages = [detection(), detection(DetectionState.UPDATE, revision=1, peak_ns=30)]
    assert told.note(messages) == messages
    (end,) = told.end(ID, "gap")
    assert (end.id, end.state, end.revision, end.off_ns, end.reason) == ("a", "end", 2, 30, "gap")
    assert told.end(ID, "gap") == []


@pytest.mark.parametrize("state", [DetectionState.END, DetectionState.RETRACT])
def test_what_is_over_is_not_ended_again(state):
    told = Told()
    told.note([detection(), detection(state, revision=1)])
    assert told.end(ID, "gap") == []


def test_nothing_told_is_nothing_to_end():
    assert Told().end(ID, "shutdown") == []
