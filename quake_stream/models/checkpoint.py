"""
Checkpoints on disk: ``NAME.safetensors`` (weights) and ``NAME.json`` (model card).

The card holds the SHA-256 of the weights file, the weights file the part of the card that decides how it
is served, so neither can change unnoticed.  Nothing here can run code from a file: no pickle.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from quake_stream.errors import ModelError
from quake_stream.models.card import ModelCard
from quake_stream.models.network import build_network, check_tensors, restore_network
from quake_stream.safe_open import create_anew, open_regular
from quake_stream.types import ModelSpec

MAX_CARD_BYTES = 2**20
MAX_WEIGHTS_BYTES = 2**29  # the largest network that a card can name has some 300 MB

_CONTRACT = "contract"  # the one key of the safetensors metadata: with several, their order varies


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedModel:
    """A network in evaluation mode and its card, verified against each other."""

    card: ModelCard
    network: nn.Module

    @property
    def spec(self) -> ModelSpec:
        """What the service needs to know of the model."""
        return self.card.spec


def save_checkpoint(path_stem: Path, module: nn.Module, card: ModelCard) -> ModelCard:
    """
    Write a checkpoint that `load_checkpoint` accepts; the same module and card give the same bytes.

    Parameters
    ----------
    path_stem
        Path without suffix; files that exist are replaced.
    module
        The network, on any device, with the architecture that the card names.
    card
        Its ``sha256`` is ignored.

    Returns
    -------
    The card as written, with the ``sha256`` of the weights file.

    Raises
    ------
    ModelError
        The network is not the card's, or holds values that are not finite.
    """
    weights_path, card_path = _paths(path_stem)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    check_tensors(build_network(card).state_dict(), tensors, weights_path)
    weights = safetensors.torch.save(tensors, {_CONTRACT: card.contract})
    card = card.model_copy(update={"sha256": hashlib.sha256(weights).hexdigest()})
    _replace(weights_path, weights)
    _replace(card_path, (card.model_dump_json(indent=2) + "\n").encode())
    return card


def load_checkpoint(path: Path) -> LoadedModel:
    """
    Read and verify a checkpoint.

    Parameters
    ----------
    path
        Either of the two files, or their path without suffix.

    Raises
    ------
    ModelError
        A file is missing, truncated, changed or of another format, or card and weights do not fit; one
        line, which names the file.
    """
    weights_path, card_path = _paths(path)
    card = _parse_card(card_path, _read(card_path, MAX_CARD_BYTES))
    weights = _read(weights_path, MAX_WEIGHTS_BYTES)
    digest = hashlib.sha256(weights).hexdigest()
    if digest != card.sha256:
        raise ModelError(f"{weights_path}: SHA-256 is {digest}, but {card_path.name} says {card.sha256}")
    tensors, contract = _parse_weights(weights_path, weights)
    if contract != card.contract:
        raise ModelError(f"{card_path}: was changed after the weights were saved: {_changed(contract, card)}")
    return LoadedModel(card=card, network=restore_network(card, tensors, weights_path))


def _paths(path: Path) -> tuple[Path, Path]:
    stem = path.with_suffix("") if path.suffix in {".safetensors", ".json"} else path
    return stem.with_name(stem.name + ".safetensors"), stem.with_name(stem.name + ".json")


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with open_regular(path, may_be_link=True) as file:
            content = file.read(max_bytes + 1)
    except OSError as exc:
        raise ModelError(f"{path}: cannot be read: {exc.strerror}") from exc
    if len(content) > max_bytes:
        raise ModelError(f"{path}: cannot be read: it has more than {max_bytes} bytes")
    return content


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".part")
    with create_anew(draft) as file:
        file.write(content)
    draft.replace(path)


def _parse_card(path: Path, content: bytes) -> ModelCard:
    try:
        return ModelCard.model_validate_json(content, strict=True)
    except ValidationError as exc:
        problems = (
            ": ".join(filter(None, (".".join(map(str, error["loc"])), error["msg"])))
            for error in exc.errors(include_url=False, include_input=False)
        )
        raise ModelError(f"{path}: is no valid model card: {'; '.join(problems)}") from exc


def _parse_weights(path: Path, content: bytes) -> tuple[dict[str, Tensor], str]:
    try:
        tensors = safetensors.torch.load(content)
        header_size = int.from_bytes(content[:8], "little")
        contract = json.loads(content[8 : 8 + header_size])["__metadata__"][_CONTRACT]
    except (SafetensorError, ValueError) as exc:
        reason = str(exc).splitlines()[0]
        raise ModelError(f"{path}: is no valid safetensors file: {reason}") from exc
    except KeyError as exc:
        raise ModelError(f"{path}: was not saved as a quake_stream checkpoint (no contract inside)") from exc
    return tensors, str(contract)


def _changed(contract: str, card: ModelCard) -> str:
    try:
        before = json.loads(contract)
    except (ValueError, RecursionError):
        before = None
    if not isinstance(before, dict):
        return "the weights hold no readable contract"
    now = json.loads(card.contract)
    keys = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    return ", ".join(f"{key} {before.get(key)!r} → {now.get(key)!r}" for key in keys)
