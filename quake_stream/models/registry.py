"""Find a model by name or path; torch is imported only when a network is asked for."""

from pathlib import Path
from typing import Final, Literal

from quake_stream.errors import ModelError
from quake_stream.models.stalta import StaLtaModel
from quake_stream.protocols import Model

SHIPPED: Final = ("lstm", "lstm-mhsa")
"""Networks whose weights come with the package."""

WEIGHTS: Final = Path(__file__).parent / "weights"


def load_model(
    name_or_path: str, *, device: Literal["cpu", "cuda"] = "cpu", threads: int = 1, batch_windows: int = 64
) -> Model:
    """
    Load a model and run its first batch.

    Parameters
    ----------
    name_or_path
        ``lstm``, ``lstm-mhsa``, ``stalta``, or the path of a checkpoint, with or without suffix.
    device, threads, batch_windows
        As for `quake_stream.models.inference.TorchModel`.

    Raises
    ------
    ModelError
        There is no such model, or it is damaged; one line.
    """
    if name_or_path == "stalta":
        return StaLtaModel()
    path = WEIGHTS / name_or_path if name_or_path in SHIPPED else Path(name_or_path)
    if name_or_path not in SHIPPED and not _looks_like_path(name_or_path):
        names = ", ".join((*SHIPPED, "stalta"))
        raise ModelError(f"no model {name_or_path!r}: use one of {names}, or the path of a checkpoint")

    from quake_stream.models.checkpoint import load_checkpoint  # noqa: PLC0415  imports torch
    from quake_stream.models.inference import TorchModel  # noqa: PLC0415  imports torch

    model = TorchModel(load_checkpoint(path), device=device, threads=threads, batch_windows=batch_windows)
    model.warm_up()
    return model


def _looks_like_path(text: str) -> bool:
    return "/" in text or text.endswith((".safetensors", ".json"))
