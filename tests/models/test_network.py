"""A network is built from its card, and tensors that do not fit are refused by name."""

from pathlib import Path

import pytest
import torch

from quake_stream.errors import ModelError
from quake_stream.models.lstm import LSTMModel
from quake_stream.models.lstm_mhsa import LSTMAttentionModel
from quake_stream.models.network import build_network, restore_network

SOURCE = Path("a.safetensors")


@pytest.mark.parametrize(("kind", "network"), [("lstm", LSTMModel), ("lstm-mhsa", LSTMAttentionModel)])
def test_the_card_names_the_architecture(make_card, kind, network):
    built = build_network(make_card(kind, classes=("noise", "earthquake", "blast")))
    assert type(built) is network
    assert built.classifier.weight.shape == (3, 8)
    assert built.training


def test_restored_networks_hold_the_tensors_and_do_not_train(make_card):
    tensors = build_network(make_card()).state_dict()
    network = restore_network(make_card(), tensors, SOURCE)
    assert not network.training
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("classifier.bias", None, "a.safetensors: tensors are missing: classifier.bias"),
        ("extra", torch.zeros(1), "a.safetensors: unknown tensors: extra"),
        ("classifier.bias", torch.zeros(3), r"classifier.bias is float32 \[3\], .* has float32 \[2\]"),
        ("classifier.bias", torch.zeros(2).double(), r"is float64 \[2\], .* has float32 \[2\]"),
        ("classifier.bias", torch.tensor([0.0, float("nan")]), "classifier.bias .* not finite"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(make_card, name, value, message):
    tensors = build_network(make_card()).state_dict()
    tensors.pop(name, None)
    if value is not None:
        tensors[name] = value
    with pytest.raises(ModelError, match=message):
        restore_network(make_card(), tensors, SOURCE)
