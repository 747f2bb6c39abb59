"""
Read the shared labelled set: HDF5 shards of 60 s traces and one table that describes them.

Leaves out what must not be learned from: quality C, kinds of event that were not asked for, what is held
out, and recordings whose automatic P time cannot be right.  All but the first two are counted.
"""

import csv
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.training.arrivals import is_sound
from quake_stream.training.examples import BLAST, EARTHQUAKE, RATE_HZ, Example, Split
from quake_stream.training.extract import Marks, extract
from quake_stream.training.held_out import day_span, held_out

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
                    if is_sound(example, row["station_key"], counters):
                        yield example


def to_example(row: Row, trace: NDArray[np.float32]) -> Example | None:
    """Keep of a trace [3, n] at 100 Hz what its row declares valid; None where nothing usable is left."""
    label = _label(row)
    marks = Marks(
        p=_mark(row["p_sample"]) if label else -1,
        s=_mark(row["s_sample"]),
        valid=(int(_number(row["valid_start"], 0)), int(_number(row["valid_end"], trace.shape[1]))),
        noise=_noise(row),
    )
    return extract(
        trace,
        marks,
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
