"""
One compact file that holds a whole training set, so that it can travel to another machine.

Samples are whole numbers of a step 1/32 of the recording's own quiet level: finer than any network can
use, and small numbers pack well.  A NumPy .npz archive without pickles.
"""

import dataclasses
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from quake_stream.errors import SourceError
from quake_stream.training.conditioning import band_limit
from quake_stream.training.examples import N_COMPONENTS, Example

STEPS_PER_QUIET_LEVEL: Final = 32
_FORMAT: Final = "quake-stream/prepared/2"


def save_prepared(path: Path, examples: Iterable[Example]) -> None:
    """Write examples to one file; what `load_prepared` reads back differs by at most half a step."""
    table: list[dict[str, Any]] = []
    packed: list[NDArray[np.uint32]] = []
    for example in examples:
        present = [c for c in range(N_COMPONENTS) if example.samples[c].any()]
        steps = [_step(example.samples[c]) for c in present]
        fields = {f.name: getattr(example, f.name) for f in dataclasses.fields(Example)}
        del fields["samples"]
        table.append({**fields, "n": example.n_samples, "present": present, "steps": steps})
        packed += [_pack(example.samples[c], step) for c, step in zip(present, steps, strict=True)]
    # One plane a byte: the upper ones are nearly all zero and vanish in compression.
    planes = np.concatenate(packed).view(np.uint8).reshape(-1, 4).T
    text = json.dumps({"format": _FORMAT, "examples": table}).encode()
    arrays = {f"plane{i}": np.ascontiguousarray(plane) for i, plane in enumerate(planes)}
    with path.open("wb") as file:
        np.savez_compressed(file, table=np.frombuffer(text, dtype=np.uint8), **cast("Any", arrays))


def load_prepared(path: Path) -> list[Example]:
    """
    Read examples back; above the band of a slow recording, where only rounding is left, they are silent.

    Raises
    ------
    SourceError
        The file is missing, damaged or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            text = json.loads(archive["table"].tobytes())
            planes = np.stack([archive[f"plane{i}"] for i in range(4)], axis=1)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as exc:
        raise SourceError(f"{path}: no prepared training set: {exc}") from exc
    if text.get("format") != _FORMAT:
        raise SourceError(f"{path}: format {text.get('format')!r} is not {_FORMAT!r}")
    codes = np.ascontiguousarray(planes).view(np.uint32)[:, 0]
    examples = []
    at = 0
    for row in text["examples"]:
        n, present, steps = row.pop("n"), row.pop("present"), row.pop("steps")
        samples = np.zeros((N_COMPONENTS, n), dtype=np.float32)
        for channel, step in zip(present, steps, strict=True):
            samples[channel] = _unpack(codes[at : at + n], step)
            at += n
        samples = band_limit(samples, row["native_rate_hz"])
        samples.flags.writeable = False
        examples.append(Example(samples=samples, **{**row, "noise": tuple(row["noise"])}))
    return examples


def _step(samples: NDArray[np.float32]) -> float:
    """Quantisation step of one component: from the level of its quieter seconds, not of its earthquake."""
    n = len(samples) // 100
    seconds = samples[: n * 100].reshape(n, 100).astype(np.float64).std(axis=1)
    quiet = float(np.quantile(seconds, 0.25))
    largest = float(np.abs(samples).max())
    # Codes must stay far inside 31 bits also where the quiet part is dead silent.
    return max(quiet / STEPS_PER_QUIET_LEVEL, largest / 2**24)


def _pack(samples: NDArray[np.float32], step: float) -> NDArray[np.uint32]:
    """Whole steps with the sign in the lowest bit: 0, -1, 1, -2 … become 0, 1, 2, 3 …."""
    whole = np.round(samples / np.float64(step)).astype(np.int32)
    return ((whole << 1) ^ (whole >> 31)).view(np.uint32)


def _unpack(codes: NDArray[np.uint32], step: float) -> NDArray[np.float32]:
    whole = (codes >> 1).astype(np.int32) ^ -(codes & 1).astype(np.int32)
    return (whole * np.float64(step)).astype(np.float32)
