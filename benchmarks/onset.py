# ruff: noqa: INP001  a script, no package
"""
Hold onsets against the P times of analysts: ``python benchmarks/onset.py FOLDER``, the folder of labelled data.

Does what the service does when a detection begins: windows of 5.12 s on a grid of 0.5 s, the first that
triggers ends 0.6 to 3 s after P, the onset is measured half a second later.  Nothing is trained here.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from quake_stream.detection.measure import Measurer
from quake_stream.onset import pick_onset
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S, ModelSpec, Window
from quake_stream.windowing.highpass import HighPass

RATE_HZ = 100
N_SAMPLES = 512
HOP = 50  # samples
DELAY_S = (0.6, 3.0)  # from P to the end of the first window that triggers
N_DRAWS = 3  # of that delay and of the grid, for each trace
HIGHPASS = HighPass(1.0, RATE_HZ)
SPEC = ModelSpec(
    name="onset",
    version="1",
    sha256="0" * 64,
    sample_rate_hz=RATE_HZ,
    n_samples=N_SAMPLES,
    component_sets=("Z",),
    highpass_hz=1.0,
    transform="rfft/1",
    classes=("noise", "earthquake"),
    trigger_classes=("earthquake",),
    on=0.9,
    off=0.8,
    min_windows=2,
    hop_s=HOP / RATE_HZ,
)
INSTRUMENT = InstrumentId(network="XX", station="ONSET", location="", band="H", source="H")

# Found by looking at the largest errors: a smaller earthquake begins up to 0.8 s before the labelled one.
SECOND_ARRIVALS = {
    f"webnet_qopen_{i:05d}" for i in (11, 13, 15, 17, 40, 65, 67, 72, 73, 74, 75, 76, 77, 78, 79, 80)
}
# Found in the same way: all its stations are labelled about 0.1 s before the ground moves.
EARLY_LABELS = "nz_eqcorrscan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """The vertical of one earthquake, high-passed, [n]; ``p`` is the index of the analyst's P time."""

    name: str
    dataset: str
    samples: NDArray[np.float32]
    p: float
    snr_db: float
    distance_km: float | None
    native_rate_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """How late one onset is, and the deviation that it claims."""

    arrival: Arrival
    late_s: float
    uncertainty_s: float


class Reader:
    """Hand a `Measurer` the samples of one arrival, which start at index 0."""

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._samples = samples

    def read(
        self, start_index: int, n: int, components: Sequence[str], /, *, filtered: bool
    ) -> NDArray[np.float32] | None:
        """Return float32 [n, 1]; None where samples are missing."""
        del components, filtered
        if start_index < 0 or start_index + n > len(self._samples):
            return None
        return self._samples[start_index : start_index + n, np.newaxis]


def read_arrivals(folder: Path) -> Iterator[Arrival]:
    """Yield the earthquakes of quality A whose P an analyst has picked."""
    with (folder / "metadata.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if _is_wanted(row)]
    for row in rows:
        with h5py.File(folder / row["shard"]) as shard:
            trace = shard["waveforms"][int(row["row"]), 0]
        start, stop = int(float(row["valid_start"])), int(float(row["valid_end"]))
        yield Arrival(
            name=row["id"],
            dataset=row["shard"].removesuffix(".h5"),
            samples=HIGHPASS.apply(trace[start:stop]),
            p=float(row["p_sample"]) - start - HIGHPASS.n_taps + 1,
            snr_db=float(row["snr_db"]),
            distance_km=float(row["distance_km"]) if row["distance_km"] else None,
            native_rate_hz=float(row["native_fs"]),
        )


def measure(arrival: Arrival, rng: np.random.Generator) -> Error | None:
    """Measure one onset as the service does; None where the windows do not fit into the trace."""
    delay_s = rng.uniform(*DELAY_S)
    first = round(arrival.p + delay_s * RATE_HZ) + int(rng.integers(HOP)) - N_SAMPLES
    if first < 0 or first + HOP + N_SAMPLES > len(arrival.samples):
        return None
    measurer = Measurer(spec=SPEC, reader=Reader(arrival.samples), pick_onset=pick_onset)
    measured = measurer.begin(_window(first), _window(first + HOP))
    late_s = measured.onset_ns / NS_PER_S - arrival.p / RATE_HZ
    return Error(arrival=arrival, late_s=late_s, uncertainty_s=measured.onset_uncertainty_s)


def table(errors: Sequence[Error]) -> Table:
    """Tabulate shares of onsets by all, set, signal-to-noise ratio, distance and rate."""
    shown = Table(title="shares in %", title_justify="left")
    shown.add_column("onsets", no_wrap=True)
    for heading in ("n", "median", *(f"≤{s} s" for s in (0.05, 0.1, 0.2, 0.5))):
        shown.add_column(heading, justify="right", no_wrap=True)
    for heading in (">0.5 s early", ">0.5 s late", "in 1σ", "in 2σ", "median σ"):
        shown.add_column(heading, justify="right", no_wrap=True)
    groups = defaultdict(list)
    for error in errors:
        for name in ("all", *(by(error.arrival) for by in GROUPINGS)):
            groups[name].append(error)
    for name in sorted(groups):
        shown.add_row(name, *_row(groups[name]))
    return shown


def main() -> None:
    """Print the table with every label, and without those known to be wrong."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python benchmarks/onset.py FOLDER-OF-LABELLED-RECORDINGS")
    folder = Path(sys.argv[1])
    rng = np.random.default_rng(0)
    drawn = (measure(arrival, rng) for arrival in read_arrivals(folder) for _ in range(N_DRAWS))
    errors = [error for error in drawn if error is not None]
    console = Console(width=140)
    console.print("Every label:", table(errors))
    good = [e for e in errors if e.arrival.name not in SECOND_ARRIVALS and e.arrival.dataset != EARLY_LABELS]
    n_second = len({e.arrival.name for e in errors} & SECOND_ARRIVALS)
    console.print(f"Without {n_second} labels on a second arrival, and {EARLY_LABELS}:", table(good))


def _is_wanted(row: dict[str, str]) -> bool:
    is_analyst = "analyst" in row["pick_source"] or row["pick_source"] == "manual"
    return row["label"] == "earthquake" and row["quality"] == "A" and bool(row["p_sample"]) and is_analyst


def _window(start: int) -> Window:
    return Window(
        instrument_id=INSTRUMENT,
        start_index=start,
        start_ns=start * NS_PER_S // RATE_HZ,
        end_ns=(start + N_SAMPLES) * NS_PER_S // RATE_HZ,
        components=("Z",),
        received_ns=0,
    )


def _by_snr(arrival: Arrival) -> str:
    steps = (15, 25, 40)
    return f"snr {('8–15', '15–25', '25–40', '40–')[int(np.searchsorted(steps, arrival.snr_db, 'right'))]} dB"


def _by_distance(arrival: Arrival) -> str:
    if arrival.distance_km is None:
        return "distance unknown"
    steps = (20, 60)
    return (
        f"distance {('0–20', '20–60', '60–')[int(np.searchsorted(steps, arrival.distance_km, 'right'))]} km"
    )


GROUPINGS: tuple[Callable[[Arrival], str], ...] = (
    lambda arrival: f"set {arrival.dataset}",
    _by_snr,
    _by_distance,
    lambda arrival: f"rate {arrival.native_rate_hz:g} Hz",
)


def _row(errors: Sequence[Error]) -> Iterator[str]:
    late = np.array([error.late_s for error in errors])
    sigma = np.array([error.uncertainty_s for error in errors])
    off = np.abs(late)
    yield str(len(off))
    yield f"{np.median(off):.3f}"
    # 1 ms more: P times stand on samples, so that differences hit these bounds exactly.
    shares = [off <= bound + 1e-3 for bound in (0.05, 0.1, 0.2, 0.5)]
    for share in (*shares, late < -0.5, late > 0.5, off <= sigma, off <= 2 * sigma):
        yield f"{100 * np.mean(share):.1f}"
    yield f"{np.median(sigma):.3f}"


if __name__ == "__main__":
    main()
