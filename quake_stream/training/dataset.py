"""
Gather a training set: labelled recordings and continuous background, from any number of folders.

The continuous recordings that hold earthquakes (``continuous/``) are kept for evaluation: never read here.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.training.examples import EARTHQUAKE, RATE_HZ, Example
from quake_stream.training.labelled import read_labelled
from quake_stream.training.noise_sets import read_noise
from quake_stream.training.seisbench import Choice, is_seisbench, read_seisbench

_USUAL: Final = Choice()


def gather(
    folders: Sequence[Path],
    *,
    labels: Collection[str] = (EARTHQUAKE,),
    choice: Choice = _USUAL,
    counters: Counters | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[Example]:
    """
    Read all sets of some folders.

    Parameters
    ----------
    folders
        Each a set in SeisBench's format, a folder with ``labelled/`` and sets under ``noise/``, or one set
        of background with ``mseed/``.
    labels
        Kinds of event that are wanted; background always is.
    choice
        Traces to read of each set in SeisBench's format.
    counters
        Count what is left out as ``examples.refused``, by reason and station.
    report
        Told what each set held.

    Raises
    ------
    SourceError
        There is nothing to learn from, or a part cannot be read.
    """
    counters = Counters() if counters is None else counters
    examples: list[Example] = []
    for folder in folders:
        for name, found in _sets(folder, labels=labels, choice=choice, counters=counters):
            before = len(examples)
            examples += found
            report(_summary(name, examples[before:]))
    if not any(e.is_event for e in examples) or not any(e.n_noise for e in examples):
        names = ", ".join(map(str, folders))
        raise SourceError(f"{names}: needs events with a P time and background, found not both")
    return examples


def _sets(
    folder: Path, *, labels: Collection[str], choice: Choice, counters: Counters
) -> Iterator[tuple[str, Iterator[Example]]]:
    """Name and examples of each set of a folder."""
    if is_seisbench(folder):
        yield folder.name, read_seisbench(folder, counters=counters, choice=choice, labels=labels)
    elif (folder / "mseed").is_dir():
        yield folder.name, read_noise(folder, counters=counters)
    elif (folder / "labelled").is_dir() or (folder / "noise").is_dir():
        if (folder / "labelled").is_dir():
            yield "labelled", read_labelled(folder / "labelled", counters=counters, labels=labels)
        for noise_set in sorted(path for path in (folder / "noise").glob("*") if path.is_dir()):
            yield noise_set.name, read_noise(noise_set, counters=counters)
    else:
        raise SourceError(
            f"{folder}: no training data: neither metadata.csv with waveforms.hdf5, nor labelled/ or noise/, "
            "nor mseed/"
        )


def _summary(name: str, examples: Sequence[Example]) -> str:
    minutes = sum(e.n_noise for e in examples) / RATE_HZ / 60
    return f"{name}: {sum(e.is_event for e in examples)} events, {minutes:.0f} minutes of background"
