"""
What ``quake-stream train`` does: prepare a set, train on it, write weights and card.

ObsPy, h5py and pydantic are imported only by the step that needs them, so that a machine with a GPU and
nothing but torch, NumPy, SciPy and rich can train from a prepared file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from quake_stream.counters import Counters, by_reason
from quake_stream.detection.features import get_transform
from quake_stream.errors import ConfigError, SourceError
from quake_stream.models.lstm import LSTMModel, chrono_init
from quake_stream.models.lstm_mhsa import LSTMAttentionModel
from quake_stream.training.cuts import N_WINDOW
from quake_stream.training.examples import EARTHQUAKE, N_COMPONENTS, Example
from quake_stream.training.identity import digest
from quake_stream.training.prepared import load_prepared, save_prepared
from quake_stream.training.settings import TrainSettings
from quake_stream.training.train import Evaluation, Trained, best_so_far
from quake_stream.training.train import train as train_network

LIMIT: Final = 10_000
"""Traces read of each set in SeisBench's format: about a gigabyte of memory."""


def prepare(
    data: Sequence[Path],
    out: Path,
    *,
    labels: Sequence[str] = (EARTHQUAKE,),
    limit: int = LIMIT,
    seed: int = 0,
    console: Console | None = None,
) -> list[Example]:
    """
    Read sets of recordings and write one compact file to train from anywhere.

    Parameters
    ----------
    data
        Folders, as `quake_stream.training.dataset.gather` takes them.
    out
        The file.
    labels
        Kinds of event that are wanted.
    limit, seed
        How many traces of each set in SeisBench's format to read, and what decides which.
    console
        Where progress goes; stderr by default.

    Raises
    ------
    SourceError
        There is nothing to learn from, or a part cannot be read.
    """
    console = console or Console(stderr=True)
    examples = _gather(data, labels=labels, limit=limit, seed=seed, console=console)
    save_prepared(out, examples)
    console.print(f"{out}: {len(examples)} recordings, {out.stat().st_size / 1e6:.1f} MB")
    return examples


def train(
    settings: TrainSettings,
    out: Path,
    *,
    data: Sequence[Path] = (),
    prepared: Path | None = None,
    limit: int = LIMIT,
    data_sha256: str = "",
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
    Train a network and write ``OUT.safetensors`` with its card, and its learning curve.

    ``OUT.state`` lets a killed run go on.

    Parameters
    ----------
    settings
        What to train, and how.
    out
        Path of the checkpoint without suffix.
    data, prepared
        Where the recordings come from: folders to read, or a file that `prepare` wrote.
    limit
        Traces to read of each set in SeisBench's format.
    data_sha256
        Digest of the set that a run to be repeated had; "" for a new run.
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
    ConfigError
        The device is not there.
    """
    console = console or Console(stderr=True)
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: torch finds no CUDA device on this machine; use cpu")
    if prepared is not None:
        examples = load_prepared(prepared)
    elif data:
        labels = settings.classes[1:]
        examples = _gather(data, labels=labels, limit=limit, seed=settings.seed, console=console)
    else:
        raise SourceError("training needs recordings: a data folder or a prepared file")
    if data_sha256 not in ("", digest(examples)):
        console.print("these are not the recordings of the run to be repeated: its weights will not come out")
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
        from quake_stream.training.curves import write_curves  # noqa: PLC0415  needs matplotlib
        from quake_stream.training.describe import write_checkpoint  # noqa: PLC0415  needs pydantic

        card = write_checkpoint(out, trained, settings, examples, on=on, off=off, min_windows=min_windows)
        write_curves(out, trained.history)
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
    n_classes = len(settings.classes)
    transform = get_transform(settings.transform)
    n_channels = transform.n_channels(N_COMPONENTS)
    if settings.network == "lstm":
        network = LSTMModel(n_channels, n_classes, settings.hidden, settings.layers, settings.dropout)
    elif settings.network == "lstm-mhsa":
        network = LSTMAttentionModel(
            n_channels,
            n_classes,
            settings.hidden,
            settings.layers,
            settings.heads,
            settings.dropout,
            attention_dropout=settings.attention_dropout,
        )
    else:
        raise ValueError(f"unknown network {settings.network!r}: use lstm or lstm-mhsa")
    chrono_init(network.lstm, max_steps=transform.n_steps(N_WINDOW))
    return network


def _gather(
    data: Sequence[Path], *, labels: Sequence[str], limit: int, seed: int, console: Console
) -> list[Example]:
    from quake_stream.training.dataset import gather  # noqa: PLC0415  needs ObsPy and h5py
    from quake_stream.training.seisbench import Choice  # noqa: PLC0415  likewise

    counters = Counters()
    choice = Choice(limit=limit, seed=seed)
    examples = gather(data, labels=labels, choice=choice, counters=counters, report=console.print)
    for reason, n in by_reason(counters.snapshot()).items():
        console.print(f"{reason.removeprefix('examples.')}: {n} recordings")
    return examples


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
