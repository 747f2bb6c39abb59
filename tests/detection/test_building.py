from collections.abc import Sequence

import numpy as np
import pytest

from quake_stream.containment import Containment
from quake_stream.counters import Counters, Key
from quake_stream.detection.background import MAX_FRAMES
from quake_stream.detection.batcher import WaitingWindow
from quake_stream.detection.building import BatchBuilder
from quake_stream.detection.roster import Roster
from quake_stream.source_id import SourceId
from quake_stream.types import Window

N_SAMPLES, N_BINS = 512, 257


class Shelf:
    """Holds the samples of the windows of one instrument by their start; what it has not is overwritten."""

    def __init__(self) -> None:
        self.samples: dict[int, np.ndarray] = {}
        self.left_out: list[Window] = []

    def read(self, window: Window) -> np.ndarray | None:
        return self.samples.get(window.start_index)

    def leave_out(self, window: Window) -> None:
        self.left_out.append(window)


class Bench:
    """A builder of one instrument's batches."""

    def __init__(self, spec) -> None:
        self.counters = Counters()
        self.shelf = Shelf()
        self.id = SourceId.from_nslc("CX.PB01..HHZ").instrument
        roster = Roster(lambda _: self.shelf)  # type: ignore[arg-type]  # all that a builder needs of an instrument
        roster.hear(self.id, 0)
        self.builder = BatchBuilder(
            spec=spec, instruments=roster, attempt=Containment(self.counters), counters=self.counters
        )

    def waiting(self, start: int, *, n_bins: int = N_BINS, n_samples: int = N_SAMPLES) -> WaitingWindow:
        rng = np.random.default_rng(start)
        self.shelf.samples[start] = rng.normal(size=(n_samples, 1)).astype(np.float32)
        window = Window(
            instrument_id=self.id,
            start_index=start,
            start_ns=0,
            end_ns=0,
            components=("Z",),
            received_ns=0,
        )
        spectra = tuple(rng.normal(size=(n_bins, 1)).astype(np.float32) for _ in range(MAX_FRAMES))
        return WaitingWindow(window=window, spectra=spectra)

    def build(self, waiting: Sequence[WaitingWindow]):
        batch = self.builder.build(waiting, 7)
        return {} if batch is None else rows(batch)


def rows(batch):
    starts = [window.start_index for window in batch.windows]
    return dict(zip(starts, (row.tobytes() for row in batch.features), strict=True))


@pytest.fixture
def bench(net):
    return Bench(net.spec())


def test_windows_become_rows_in_their_order_and_what_is_overwritten_is_left_away(bench):
    waiting = [bench.waiting(start) for start in (0, 50, 100)]
    del bench.shelf.samples[50]
    batch = bench.builder.build(waiting, 7)
    assert [window.start_index for window in batch.windows] == [0, 100]
    assert batch.features.shape == (2, N_BINS, 3)
    assert batch.created_ns == 7
    assert not batch.features[:, :, 1:].any()
    assert bench.shelf.left_out == []


def test_nothing_to_read_is_no_batch(bench):
    waiting = [bench.waiting(0)]
    bench.shelf.samples.clear()
    assert bench.builder.build(waiting, 0) is None


@pytest.mark.fault(50)
def test_a_window_whose_features_cannot_be_built_is_left_out_and_changes_no_other(bench):
    good = [bench.waiting(start) for start in (0, 50, 150)]
    bad = bench.waiting(100, n_bins=N_BINS + 1)
    found = bench.build([*good[:2], bad, good[2]])
    assert found == bench.build(good)
    assert [window.start_index for window in bench.shelf.left_out] == [100]
    assert bench.counters.snapshot() == {
        Key("batches.split"): 1,
        Key("instruments.failed", "ValueError", "CX.PB01"): 1,
    }


@pytest.mark.fault(50)
def test_a_window_that_cannot_be_read_is_left_out_and_changes_no_other(bench):
    good = [bench.waiting(start) for start in (0, 50)]
    found = bench.build([bench.waiting(100, n_samples=N_SAMPLES - 1), *good])
    assert found == bench.build(good)
    assert [window.start_index for window in bench.shelf.left_out] == [100]


@pytest.mark.fault(50)
def test_a_batch_of_windows_that_all_fail_is_none(bench):
    assert bench.build([bench.waiting(start, n_bins=3) for start in (0, 50)]) == {}
    assert len(bench.shelf.left_out) == 2
