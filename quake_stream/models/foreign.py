"""
Take over weights that another program trained, from PyTorch state dictionaries.

Only ever on request; the service itself loads checkpoints alone.  ``torch.load`` runs with
``weights_only``, which refuses everything but tensors and plain containers.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from quake_stream.errors import ModelError
from quake_stream.models.card import ModelCard
from quake_stream.models.network import restore_network

_WRAPPERS = ("state_dict", "model_state_dict")  # keys under which trainers keep it beside their own state
_PREFIX = "module."  # left by nn.DataParallel


def import_state_dict(path: Path) -> dict[str, Tensor]:
    """
    Read the tensors of a state dictionary, floating ones as float32.

    Raises
    ------
    ModelError
        The file cannot be read without running code from it, or holds no state dictionary; one line.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as exc:
        raise ModelError(f"{path}: cannot be read: {exc.strerror}") from exc
    except Exception as exc:  # a damaged archive can fail anywhere inside the unpickler
        reason = (str(exc) or type(exc).__name__).splitlines()[0]
        raise ModelError(f"{path}: is no state dictionary that is safe to load: {reason}") from exc
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not content:
        raise ModelError(f"{path}: holds no state dictionary")
    if not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()):
        raise ModelError(f"{path}: holds more than named tensors; save the network's state_dict() alone")
    if all(key.startswith(_PREFIX) for key in content):
        content = {key.removeprefix(_PREFIX): value for key, value in content.items()}
    return {key: value.float() if value.is_floating_point() else value for key, value in content.items()}


def import_network(path: Path, card: ModelCard) -> nn.Module:
    """
    Build the network of a card with weights from a state dictionary, ready for `save_checkpoint`.

    ModelError as from `import_state_dict`, or where the tensors do not fit the card.
    """
    return restore_network(card, import_state_dict(path), path)
