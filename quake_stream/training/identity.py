"""Name a training set and the software by short strings, so that a run can be made again and checked."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import torch

import quake_stream
from quake_stream.training.examples import Example

_DESCRIBING = frozenset({"samples", "licence", "citation"})


def digest(examples: Sequence[Example]) -> str:
    """
    SHA-256 of which recordings a set holds, how they are cut, marked and divided; not of their samples.

    So it is the same on every machine, and for a set that was packed into one file and read again.
    """
    total = hashlib.sha256()
    names = [field.name for field in dataclasses.fields(Example) if field.name not in _DESCRIBING]
    for example in examples:
        line = [getattr(example, name) for name in names]
        total.update(json.dumps([*line, example.n_samples]).encode() + b"\n")
    return total.hexdigest()


def versions() -> dict[str, str]:
    """Versions of what computes the weights: another torch may round otherwise."""
    return {"quake_stream": quake_stream.__version__, "torch": str(torch.__version__)}
