import numpy as np
from evaluated import SPEC, scored_windows
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.detection.trigger import Trigger, TriggerSettings
from quake_stream.evaluation.matching import Found
from quake_stream.evaluation.triggering import run_trigger
from quake_stream.types import DetectionState


def on_every_window(part, spec, settings):
    trigger = Trigger(instrument_id=part.instrument_id, spec=spec, hop_samples=50, settings=settings)
    found = []
    for window, row in zip(part.windows, part.probabilities.tolist(), strict=True):
        for change in trigger.receive(window, row):
            if change.state is DetectionState.NEW:
                middle_ns = (change.first.start_ns + change.first.end_ns) // 2
                found.append(Found(station="XX.ST1", onset_ns=middle_ns, announced_ns=window.end_ns))
    return found


@st.composite
def recordings(draw):
    """Stretches of one probability and one level of ground motion each, with gaps."""
    stretches = draw(
        st.lists(
            st.tuples(st.integers(1, 40), st.sampled_from([0.05, 0.5, 0.85, 0.9, 0.97]), st.integers(0, 60)),
            min_size=1,
            max_size=12,
        )
    )
    p = [value for n, value, _ in stretches for _ in range(n)]
    levels = [float(level) for n, _, level in stretches for _ in range(n)]
    missing = draw(st.sets(st.integers(0, len(p) - 1), max_size=8))
    return p, levels, missing


@given(recording=recordings(), on=st.sampled_from([0.5, 0.9, 0.95]), min_windows=st.integers(1, 3))
def test_passing_over_quiet_stretches_changes_nothing(recording, on, min_windows):
    p, levels, missing = recording
    part = scored_windows(p, levels=levels, missing=missing)
    settings = TriggerSettings(on=on, off=0.8 * on, min_windows=min_windows)
    found = run_trigger({part.instrument_id: part}, SPEC, settings, 0.5)
    assert found == on_every_window(part, SPEC, settings)


def test_long_quiet_is_passed_over_and_the_onset_is_the_middle_of_the_first_window():
    p = np.full(5000, 0.01)
    p[3000:3010] = 0.99
    part = scored_windows(p)
    (found,) = run_trigger(
        {part.instrument_id: part}, SPEC, TriggerSettings(on=0.9, off=0.8, min_windows=2), 0.5
    )
    assert found.onset_ns == part.windows[3000].start_ns + 2_560_000_000
    assert found.announced_ns == part.windows[3001].end_ns
