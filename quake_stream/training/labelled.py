"""
Read the shared labelled set: HDF5 shards of 60 s traces and one table that describes them.

Leaves out what must not be learned from: quality C, unknown kinds of event, and the stations of the demo.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from quake_stream.errors import SourceError
from quake_stream.training.conditioning import N_SETTLE, highpass
from quake_stream.training.examples import RATE_HZ, Example, Split

DEMO_STATIONS: Final = ("BW.UH", "BW.RJOB")  # their recordings ship with the package as the demonstration

# What of an earthquake is kept: enough before P for the background of the earliest window, and the first
# of the S wave.  Later coda looks like noise and is neither class.
BEFORE_P_S: Final = 26.0
AFTER_P_S: Final = 8.0
AFTER_S_S: Final = 2.0
LONGEST_S_P_S: Final = 15.0

Row = Mapping[str, str]


def read_labelled(folder: Path) -> Iterator[Example]:
    """
    Yield the usable examples of a labelled set (``metadata.csv`` and the shards that it names).

    Raises
    ------
    SourceError
        The table or a shard is missing.
    """
    import h5py  # noqa: PLC0415  an optional dependency: only `train` needs it

    table = folder / "metadata.csv"
    if not table.is_file():
        raise SourceError(f"{table}: no table of labelled traces here")
    with table.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if _is_usable(row)]
    for shard in sorted({row["shard"] for row in rows}):
        try:
            waveforms = h5py.File(folder / shard, "r")
        except OSError as exc:
            raise SourceError(f"{folder / shard}: {exc}") from exc
        with waveforms:
            for row in rows:
                if row["shard"] == shard:
                    trace = cast("Any", waveforms["waveforms"])[int(row["row"])]
                    example = to_example(row, trace)
                    if example is not None:
                        yield example


def to_example(row: Row, trace: NDArray[np.float32]) -> Example | None:
    """
    Cut a trace [3, n] to what its row declares valid, high-pass it, and move the marks accordingly.

    None where nothing usable is left.
    """
    p, s = _mark(row["p_sample"]), _mark(row["s_sample"])
    start, stop = int(_number(row["valid_start"], 0)), int(_number(row["valid_end"], trace.shape[1]))
    is_earthquake = row["label"] == "earthquake"
    if is_earthquake:
        start, stop = _around_p(p, s, start, stop)
    noise_start, noise_stop = _noise(row)
    if stop - start < 3 * N_SETTLE:
        return None
    samples = highpass(trace[:, start:stop])
    samples[np.ptp(trace[:, start:stop], axis=1) == 0] = 0.0
    if not samples.any() or not np.isfinite(samples).all():
        return None
    shift = start + N_SETTLE
    n = samples.shape[1]
    return Example(
        samples=samples,
        p_index=p - shift if is_earthquake else -1,
        s_index=s - shift if is_earthquake and s >= 0 else -1,
        noise=(min(max(noise_start - shift, 0), n), min(max(noise_stop - shift, 0), n)),
        dataset=row["shard"].removesuffix(".h5"),
        station=row["station_key"],
        group=row["group"],
        split=cast("Split", row["split"]),
        native_rate_hz=_number(row["native_fs"], RATE_HZ),
        licence=f"{row['dataset']}: {row['licence']}",
    )


def _is_usable(row: Row) -> bool:
    # Bavaria on 2010-05-27 is the demonstration's day, at whatever station.
    is_demo = row["station_key"].startswith(DEMO_STATIONS) or (
        row["network"] == "BW" and row["start_time"].startswith("2010-05-27")
    )
    if is_demo or row["quality"] == "C" or row["split"] not in ("train", "val"):
        return False
    return row["label"] == "noise" or (row["label"] == "earthquake" and bool(row["p_sample"]))


def _around_p(p: int, s: int, start: int, stop: int) -> tuple[int, int]:
    after_p = p + AFTER_P_S * RATE_HZ
    if s >= 0:
        after_p = max(after_p, min(s + AFTER_S_S * RATE_HZ, p + LONGEST_S_P_S * RATE_HZ))
    return max(start, p - round(BEFORE_P_S * RATE_HZ)), min(stop, round(after_p))


def _noise(row: Row) -> tuple[int, int]:
    start, stop = _number(row["noise_start"], math.nan), _number(row["noise_end"], math.nan)
    return (0, 0) if math.isnan(start) or math.isnan(stop) else (math.ceil(start), math.floor(stop))


def _mark(text: str) -> int:
    return round(float(text)) if text else -1


def _number(text: str, default: float) -> float:
    return float(text) if text else default
