"""
Keep scored windows in files, so that another look costs seconds instead of minutes.

A file is named by the model's digest, the recordings and the hop: whatever changes gets another file, and
old ones may be deleted at any time.  NumPy archives without pickles.
"""

import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from quake_stream.errors import QuakeStreamError
from quake_stream.evaluation.scored import ScoredWindows
from quake_stream.evaluation.scoring import Scored, score_recordings
from quake_stream.mseed.archive import ALL_STREAMS
from quake_stream.protocols import Model
from quake_stream.selection import StreamPattern
from quake_stream.source_id import InstrumentId
from quake_stream.types import Window

_FORMAT: Final = "quake-stream/scored/1"
_FIELDS: Final = tuple(f.name for f in dataclasses.fields(Window) if f.name != "instrument_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """What is scored: the name of a set, where it is, and which streams of it."""

    name: str
    paths: tuple[Path, ...]
    include: tuple[StreamPattern, ...] = ALL_STREAMS


class ScoreCache:
    """
    Score recordings, or read what was scored before.

    ``folder`` None keeps nothing.
    """

    def __init__(self, folder: Path | None, *, hop_s: float) -> None:
        self._folder = folder
        self._hop_s = hop_s

    def score(
        self,
        models: Sequence[Model],
        recordings: Recordings,
        *,
        progress: Callable[[float], None] = lambda _: None,
    ) -> list[Scored]:
        """Score by every model, as `score_recordings`; only those that have no file are run."""
        files = [self._file(model, recordings) for model in models]
        known = [None if file is None else load_scored(file) for file in files]
        missing = [model for model, scored in zip(models, known, strict=True) if scored is None]
        fresh = iter(
            score_recordings(
                missing,
                recordings.paths,
                hop_s=self._hop_s,
                include=recordings.include,
                progress=progress,
            )
            if missing
            else ()
        )
        results = []
        for file, scored in zip(files, known, strict=True):
            if scored is None:
                scored = next(fresh)  # noqa: PLW2901  either way it is the result for this model
                if file is not None:
                    save_scored(file, scored)
            results.append(scored)
        return results

    def _file(self, model: Model, recordings: Recordings) -> Path | None:
        if self._folder is None:
            return None
        what = {
            "format": _FORMAT,
            "window": _FIELDS,
            "model": model.spec.sha256,
            "hop_s": self._hop_s,
            "include": [str(pattern) for pattern in recordings.include],
            "files": [_state(file) for path in recordings.paths for file in _files(path)],
        }
        digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
        return self._folder / f"{recordings.name}-{model.spec.name}-{digest}.npz"


def save_scored(file: Path, scored: Scored) -> None:
    """
    Write scored windows.

    Raises
    ------
    QuakeStreamError
        The file cannot be written.
    """
    arrays: dict[str, Any] = {}
    table = []
    for number, part in enumerate(scored.values()):
        components = sorted({window.components for window in part.windows})
        codes = {names: code for code, names in enumerate(components)}
        for name in _FIELDS:
            values = [getattr(window, name) for window in part.windows]
            arrays[f"{name}{number}"] = np.array(
                [codes[value] for value in values] if name == "components" else values
            )
        arrays[f"probabilities{number}"] = part.probabilities
        table.append({"instrument": dataclasses.asdict(part.instrument_id), "components": components})
    text = json.dumps({"format": _FORMAT, "instruments": table}).encode()
    partial = file.with_name(f"{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            np.savez_compressed(out, table=np.frombuffer(text, dtype=np.uint8), **arrays)
        partial.replace(file)
    except OSError as exc:
        raise QuakeStreamError(f"{file}: cannot be written: {exc.strerror}") from exc


def load_scored(file: Path) -> Scored | None:
    """Read scored windows; None where there is no such file, or a damaged one."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            text = json.loads(archive["table"].tobytes())
            return {
                part.instrument_id: part
                for part in (_part(archive, number, row) for number, row in enumerate(text["instruments"]))
            }
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _part(archive: Any, number: int, row: dict[str, Any]) -> ScoredWindows:
    instrument_id = InstrumentId(**row["instrument"])
    components = [tuple(names) for names in row["components"]]
    columns = {name: archive[f"{name}{number}"] for name in _FIELDS}
    values = [
        [components[code] for code in column.tolist()] if name == "components" else column.tolist()
        for name, column in columns.items()
    ]
    windows = [
        Window(instrument_id=instrument_id, **cast("Any", dict(zip(_FIELDS, one, strict=True))))
        for one in zip(*values, strict=True)
    ]
    return ScoredWindows(
        instrument_id=instrument_id,
        windows=windows,
        end_ns=columns["end_ns"],
        probabilities=archive[f"probabilities{number}"],
    )


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _state(file: Path) -> tuple[str, int, int]:
    try:
        status = file.stat()
    except OSError:
        return file.name, 0, 0  # reading it will say what is wrong
    return file.name, status.st_size, status.st_mtime_ns
