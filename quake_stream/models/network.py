"""Model card + tensors → network that is ready to use; refuses tensors that do not fit the card."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from quake_stream.errors import ModelError
from quake_stream.models.card import ModelCard
from quake_stream.models.lstm import LSTMModel
from quake_stream.models.lstm_mhsa import LSTMAttentionModel


def build_network(card: ModelCard) -> nn.Module:
    """Fresh network with the architecture on the card and random weights, in training mode."""
    net = card.network
    if net.heads is None:
        return LSTMModel(net.channels, len(card.classes), net.hidden, net.layers, net.dropout)
    return LSTMAttentionModel(net.channels, len(card.classes), net.hidden, net.layers, net.heads, net.dropout)


def restore_network(card: ModelCard, tensors: Mapping[str, Tensor], source: Path) -> nn.Module:
    """
    Build the network of a card with the given weights, in evaluation mode.

    Raises
    ------
    ModelError
        A tensor is missing, unknown, of another shape or type, or not finite; names ``source``.
    """
    network = build_network(card)
    check_tensors(network.state_dict(), tensors, source)
    network.load_state_dict(dict(tensors))
    return network.eval()


def check_tensors(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], source: Path) -> None:
    """Raise ModelError unless ``found`` has exactly the ``expected`` names, shapes and types, all finite."""
    if missing := sorted(expected.keys() - found.keys()):
        raise ModelError(f"{source}: tensors are missing: {', '.join(missing)}")
    if unknown := sorted(found.keys() - expected.keys()):
        raise ModelError(f"{source}: unknown tensors: {', '.join(unknown)}")
    for name, tensor in found.items():
        wanted = expected[name]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            raise ModelError(
                f"{source}: {name} is {_describe(tensor)}, but the card's network has {_describe(wanted)}"
            )
        if not tensor.isfinite().all():
            raise ModelError(f"{source}: {name} holds values that are not finite")


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
