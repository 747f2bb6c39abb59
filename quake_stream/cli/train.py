"""``quake-stream train``: make weights."""

import enum
import sys
from pathlib import Path
from typing import Annotated

import typer

from quake_stream.memory import keep_freed_memory


class Network(enum.StrEnum):
    """Networks that can be trained."""

    LSTM = "lstm"
    LSTM_MHSA = "lstm-mhsa"


class Device(enum.StrEnum):
    """Where torch computes."""

    CPU = "cpu"
    CUDA = "cuda"


def train(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="Checkpoint to write, without suffix; with --prepare the set to write."
        ),
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Set in SeisBench's format, or set of background (mseed/), or folder with labelled/ and "
            "noise/.  May be given several times.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", help="Traces read of each set in SeisBench's format.", min=1)
    ] = 10_000,
    prepared: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Set written before by --prepare, instead of --data.")
    ] = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Only gather the recordings into one file.")
    ] = False,
    recipe: Annotated[
        Path | None,
        typer.Option(
            metavar="CHECKPOINT",
            help="Repeat the run that made a checkpoint: the recipe in its card replaces the options.",
        ),
    ] = None,
    classes: Annotated[
        str, typer.Option(metavar="LIST", help="Background, then classes of events, with commas.")
    ] = "noise,earthquake",
    trigger_class: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS", help="Class that makes a detection; may be given several times."),
    ] = None,
    transform: Annotated[
        str, typer.Option(metavar="NAME", help="Feature transform.")
    ] = "rfft-bands-over-background/1",
    network: Annotated[Network, typer.Option(help="Kind of network.")] = Network.LSTM,
    hidden: Annotated[int, typer.Option(metavar="N", help="Size of the hidden state; 64-256.", min=1)] = 64,
    layers: Annotated[int, typer.Option(metavar="N", help="Layers of the LSTM; 2-3.", min=1)] = 2,
    heads: Annotated[int, typer.Option(metavar="N", help="Heads of the self-attention; 2-8.", min=1)] = 4,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of training.", min=1)] = 1000,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Windows per step.", min=2)] = 256,
    learning_rate: Annotated[
        float, typer.Option(metavar="RATE", help="Highest learning rate.", min=1e-6)
    ] = 3e-3,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed: the same gives the same weights on a CPU.")
    ] = 0,
    evaluate_every: Annotated[int, typer.Option(metavar="N", help="Steps between evaluations.", min=1)] = 100,
    mine_every: Annotated[
        int, typer.Option(metavar="N", help="Steps between searches for hard noise; 0: never.", min=0)
    ] = 250,
    stretched: Annotated[
        float, typer.Option(metavar="SHARE", help="Of the recordings played at 0.8 to 1.5 times the speed.")
    ] = 0.4,
    coda: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Of the earthquakes that begin in the coda of another one, as aftershocks do.",
        ),
    ] = 0.35,
    average: Annotated[
        float,
        typer.Option(metavar="DECAY", help="Of the running average of the weights; 0: no average."),
    ] = 0.98,
    attn_dropout: Annotated[
        float,
        typer.Option(metavar="P", help="Of the attention weights; at 0 lstm-mhsa trains twice as fast."),
    ] = 0.0,
    keep_best: Annotated[
        bool,
        typer.Option(
            "--keep-best", help="Stop early and keep the weights best on validation, not those at the end."
        ),
    ] = False,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.CPU,
    processes: Annotated[int, typer.Option(metavar="N", help="Processes that prepare batches.", min=0)] = 1,
    threads: Annotated[int, typer.Option(metavar="N", help="Threads of torch.", min=1)] = 1,
    on: Annotated[
        float, typer.Option(metavar="P", help="Threshold to begin a detection, for the card.")
    ] = 0.9,
    off: Annotated[float, typer.Option(metavar="P", help="Threshold to end it, for the card.")] = 0.8,
    min_windows: Annotated[int, typer.Option(metavar="N", help="Windows in a row, for the card.", min=1)] = 2,
) -> None:
    """
    Train a network on labelled earthquakes and continuous noise, and write weights with their card.

    Needs the extra "train" (pip install 'quake-stream[train]').  A run that was interrupted goes on where
    it was when it is started again.  Beside the weights stand the card, OUT.history.json and
    OUT.curves.png.

    Example: `quake-stream train my-lstm --data datasets/stead --limit 20000`
    """
    keep_freed_memory()  # before anything large is loaded
    from quake_stream.errors import ConfigError  # noqa: PLC0415  keep --help fast
    from quake_stream.models.checkpoint import load_checkpoint  # noqa: PLC0415  likewise
    from quake_stream.training import command, describe  # noqa: PLC0415  likewise
    from quake_stream.training.settings import TrainSettings  # noqa: PLC0415  likewise

    names = tuple(name.strip() for name in classes.split(","))
    if prepare:
        if not data:
            raise typer.BadParameter("--prepare needs --data", param_hint="--data")
        command.prepare(data, out, labels=names[1:], limit=limit, seed=seed)
        return
    state_file = out.with_name(f"{out.name}.state")
    if state_file.exists():
        print(f"{state_file}: the run that it belongs to goes on", file=sys.stderr)
    try:
        data_sha256 = ""
        if recipe is not None:
            settings, data_sha256 = describe.recipe_of(load_checkpoint(recipe).card)
        else:
            settings = TrainSettings(
                network=network.value,
                hidden=hidden,
                layers=layers,
                heads=heads,
                transform=transform,
                steps=steps,
                batch_size=batch_size,
                learning_rate=learning_rate,
                evaluate_every=evaluate_every,
                mine_every=mine_every,
                stretched_share=stretched,
                coda_share=coda,
                average_decay=average,
                attention_dropout=attn_dropout,
                choose_best=keep_best,
                seed=seed,
                classes=names,
                trigger_classes=tuple(trigger_class or ("earthquake",)),
            )
        command.train(
            settings,
            out,
            data=data or (),
            prepared=prepared,
            limit=limit,
            data_sha256=data_sha256,
            device=device.value,
            processes=processes,
            threads=threads,
            on=on,
            off=off,
            min_windows=min_windows,
        )
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc
