"""
What ``quake-stream train`` does: prepare a set, train on it, write weights and card.

ObsPy, h5py and pydantic are imported only by the step that needs them, so that a machine with a GPU and
nothing but torch, NumPy, SciPy and rich can train from a prepared file.
"""

from pathlib import Path
from typing import Self

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from quake_stream.counters import Counters, by_reason
from quake_stream.errors import SourceError
from quake_stream.models.lstm import LSTMModel, chrono_init
from quake_stream.models.lstm_mhsa import LSTMAttentionModel
from quake_stream.training.batches import CLASSES
from quake_stream.training.examples import N_COMPONENTS, Example
from quake_stream.training.prepared import load_prepared, save_prepared
from quake_stream.training.train import Evaluation, Trained, TrainSettings, best_so_far
from quake_stream.training.train import train as train_network


def prepare(data: Path, out: Path, *, console: Console | None = None) -> list[Example]:
    """
    Read ``data`` (``labelled/`` and ``noise/``) and write one compact file to train from anywhere.

    Raises
    ------
    SourceError
        There is nothing to learn from, or a part cannot be read.
    """
    from quake_stream.training.dataset import gather  # noqa: PLC0415  needs ObsPy and h5py

    console = console or Console(stderr=True)
    counters = Counters()
    examples = gather([data], counters=counters, report=console.print)
    for reason, n in by_reason(counters.snapshot()).items():
        console.print(f"{reason.removeprefix('examples.')}: {n} recordings")
    save_prepared(out, examples)
    console.print(f"{out}: {len(examples)} recordings, {out.stat().st_size / 1e6:.1f} MB")
    return examples


def train(
    settings: TrainSettings,
    out: Path,
    *,
    data: Path | None = None,
    prepared: Path | None = None,
    device: str = "cpu",
    processes: int = 1,
    threads: int = 1,
    on: float = 0.9,
    off: float = 0.8,
    min_windows: int = 2,
    checkpoint: bool = True,
    console: Console | None = None,
) -> Trained:
    """
    Train a network and write ``OUT.safetensors`` and ``OUT.json``; ``OUT.state`` lets a killed run go on.

    Parameters
    ----------
    settings
        What to train, and how.
    out
        Path of the checkpoint without suffix.
    data, prepared
        Where the recordings come from: a folder to read, or a file that `prepare` wrote.
    device
        ``cpu`` or ``cuda``.
    processes
        That compute batches beside this one.
    threads
        Of torch in this process.
    on, off, min_windows
        Recommended thresholds, for the card.
    checkpoint
        False leaves only the state file: the same call on another machine finishes it.
    console
        Where progress goes; stderr by default.

    Raises
    ------
    SourceError
        No data, no usable data, or a state file of other settings.
    """
    console = console or Console(stderr=True)
    if prepared is not None:
        examples = load_prepared(prepared)
    elif data is not None:
        from quake_stream.training.dataset import gather  # noqa: PLC0415  needs ObsPy and h5py

        examples = gather([data], report=console.print)
    else:
        raise SourceError("training needs recordings: a data folder or a prepared file")
    torch.set_num_threads(threads)
    out.parent.mkdir(parents=True, exist_ok=True)
    with _Progress(console, settings.steps) as progress:
        trained = train_network(
            examples,
            settings,
            build=build,
            state_file=out.with_name(out.name + ".state"),
            device=device,
            processes=processes,
            report=progress,
        )
    if checkpoint:
        from quake_stream.training.describe import write_checkpoint  # noqa: PLC0415  needs pydantic

        card = write_checkpoint(out, trained, settings, examples, on=on, off=off, min_windows=min_windows)
        console.print({name: round(value, 4) for name, value in card.metrics.items()})
    return trained


def export(out: Path, *, prepared: Path, on: float = 0.9, off: float = 0.8, min_windows: int = 2) -> None:
    """
    Write the checkpoint of a run that was stopped, from the best state in ``OUT.state``.

    ``prepared`` is the file that it was trained from.
    """
    from quake_stream.training.describe import write_checkpoint  # noqa: PLC0415  needs pydantic

    examples = load_prepared(prepared)
    settings, trained = best_so_far(examples, build=build, state_file=out.with_name(out.name + ".state"))
    write_checkpoint(out, trained, settings, examples, on=on, off=off, min_windows=min_windows)


def build(settings: TrainSettings) -> nn.Module:
    """
    Make a fresh network with chrono initialisation.

    Raises
    ------
    ValueError
        The network's name or a size is wrong; the message holds it.
    """
    network: LSTMModel | LSTMAttentionModel
    n_classes = len(CLASSES)
    if settings.network == "lstm":
        network = LSTMModel(N_COMPONENTS, n_classes, settings.hidden, settings.layers, settings.dropout)
    elif settings.network == "lstm-mhsa":
        network = LSTMAttentionModel(
            N_COMPONENTS, n_classes, settings.hidden, settings.layers, settings.heads, settings.dropout
        )
    else:
        raise ValueError(f"unknown network {settings.network!r}: use lstm or lstm-mhsa")
    chrono_init(network.lstm)
    return network


class _Progress:
    """Bar with the current loss, and one line for every evaluation."""

    def __init__(self, console: Console, steps: int) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("training", total=steps)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, step: int, loss: float, evaluation: Evaluation | None) -> None:
        self._bar.update(self._task, completed=step, description=f"loss {loss:.3f}")
        if evaluation is not None:
            self._bar.console.print(
                f"step {evaluation.step}: AUC {evaluation.auc:.4f}, "
                f"recall {evaluation.recall_at_1_percent:.3f} at 1 %, "
                f"{evaluation.recall_at_01_percent:.3f} at 0.1 % false positives, loss {loss:.3f}"
            )
