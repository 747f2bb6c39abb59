"""
Read the shared labelled set: HDF5 shards of 60 s traces and one table that describes them.

Leaves out what must not be learned from: quality C, kinds of event that were not asked for, what is held
out, and recordings whose automatic P time cannot be right.  All but the first two are counted.
"""

import csv
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.training.arrivals import is_p_misplaced
from quake_stream.training.conditioning import N_SETTLE, highpass
from quake_stream.training.examples import BLAST, EARTHQUAKE, RATE_HZ, Example, Split
from quake_stream.training.held_out import day_span, held_out

ANALYST: Final = ("analyst", "manual")
"""Values of ``pick_source`` whose P times are taken as they are."""

# What of an earthquake is kept: enough before P for the background of the earliest window, and the first
# of the S wave.  Later coda looks like noise and is neither class.
BEFORE_P_S: Final = 26.0
AFTER_P_S: Final = 8.0
AFTER_S_S: Final = 2.0
LONGEST_S_P_S: Final = 15.0

Row = Mapping[str, str]


def read_labelled(
    folder: Path, *, counters: Counters, labels: Collection[str] = (EARTHQUAKE,)
) -> Iterator[Example]:
    """
    Yield the usable examples of a labelled set (``metadata.csv`` and the shards that it names).

    Parameters
    ----------
    folder
        Where the table is.
    counters
        Count what is left out as ``examples.refused``, by reason and station.
    labels
        Kinds of event that are wanted; background always is.

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
        rows = [row for row in csv.DictReader(file) if _is_usable(row, labels, counters)]
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
                    if _is_sound(example, row, counters):
                        yield example


def to_example(row: Row, trace: NDArray[np.float32]) -> Example | None:
    """
    Cut a trace [3, n] to what its row declares valid, high-pass it, and move the marks accordingly.

    None where nothing usable is left.
    """
    p, s = _mark(row["p_sample"]), _mark(row["s_sample"])
    start, stop = int(_number(row["valid_start"], 0)), int(_number(row["valid_end"], trace.shape[1]))
    label = _label(row)
    if label:
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
        p_index=p - shift if label else -1,
        s_index=s - shift if label and s >= 0 else -1,
        noise=(min(max(noise_start - shift, 0), n), min(max(noise_stop - shift, 0), n)),
        dataset=row["shard"].removesuffix(".h5"),
        station=row["station_key"],
        group=row["group"],
        split=cast("Split", row["split"]),
        native_rate_hz=_number(row["native_fs"], RATE_HZ),
        label=label,
        **_description(row),
    )


def _label(row: Row) -> str:
    """Class of the event, "" where there is none; "other" also holds events that may be either."""
    if row["label"] == "other" and row["label_detail"].startswith("explosion"):
        return BLAST
    return "" if row["label"] == "noise" else row["label"]


def _description(row: Row) -> dict[str, Any]:
    return {
        "p_source": row["pick_source"],
        "snr_db": _known(row["snr_db"]),
        "magnitude": _known(row["magnitude"]),
        "distance_km": _known(row["distance_km"]),
        "instrument": row["instrument"],
        "quality": row["quality"],
        "event": row["event_id"],
        "trace": row["id"],
        "licence": f"{row['dataset']}: {row['licence']}",
        "citation": f"{row['dataset']}: https://github.com/{row['source_repo']}",
    }


def _is_usable(row: Row, labels: Collection[str], counters: Counters) -> bool:
    if row["quality"] == "C" or row["split"] not in ("train", "val"):
        return False
    label = _label(row)
    if label and (label not in labels or not row["p_sample"]):
        return False
    station = row["station_key"]
    if forbidden := held_out(station, *day_span(row["start_time"])):
        counters.add("examples.refused", reason=f"held out ({forbidden.reason})", station=station)
        return False
    return True


def _is_sound(example: Example | None, row: Row, counters: Counters) -> TypeGuard[Example]:
    if example is None:
        counters.add("examples.refused", reason="nothing usable left", station=row["station_key"])
        return False
    if example.p_source not in ANALYST and is_p_misplaced(example):
        counters.add("examples.refused", reason="energy rises over 1 s from P", station=example.station)
        return False
    return True


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


def _known(text: str) -> float | None:
    value = _number(text, math.nan)
    return value if math.isfinite(value) else None
