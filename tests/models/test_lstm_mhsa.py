"""LSTMAttentionModel against its equations in numpy, and what it refuses."""

import numpy as np
import pytest
import torch

from quake_stream.models.lstm_mhsa import LSTMAttentionModel


def attention(p, steps, heads):
    """Scaled dot-product attention, head by head: [seq_len, hidden] → the same shape."""
    hidden = steps.shape[1]
    size = hidden // heads
    query, key, value = (
        steps @ w.T + b
        for w, b in zip(
            p["self_attn.in_proj_weight"].reshape(3, hidden, hidden),
            p["self_attn.in_proj_bias"].reshape(3, hidden),
            strict=True,
        )
    )
    outputs = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = query[:, part] @ key[:, part].T / np.sqrt(size)
        weights = np.exp(scores)
        weights /= weights.sum(axis=1, keepdims=True)
        outputs.append(weights @ value[:, part])
    return np.concatenate(outputs, axis=1) @ p["self_attn.out_proj.weight"].T + p["self_attn.out_proj.bias"]


def layer_norm(p, steps):
    centred = steps - steps.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    return scaled * p["norm.weight"] + p["norm.bias"]


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("fastpath", [True, False])
def test_the_network_computes_its_equations(numpy_lstm, trained, heads, fastpath):
    torch.backends.mha.set_fastpath_enabled(fastpath)
    torch.manual_seed(heads)
    network = trained(LSTMAttentionModel(channels=3, classes=4, hidden=12, layers=2, heads=heads))
    features = torch.randn(5, 23, 3, dtype=torch.float64)
    state = network.state_dict()
    p = {name: tensor.numpy() for name, tensor in state.items()}

    with torch.no_grad():
        logits = network(features).numpy()

    for row, found in zip(features.numpy(), logits, strict=True):
        steps = numpy_lstm(state, row)
        steps = (steps - p["batch_norm.running_mean"]) / np.sqrt(p["batch_norm.running_var"] + 1e-5)
        steps = steps * p["batch_norm.weight"] + p["batch_norm.bias"]
        context = layer_norm(p, steps + attention(p, steps, heads)).mean(axis=0)
        expected = p["classifier.weight"] @ context + p["classifier.bias"]
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_parameter_names_and_shapes_are_those_of_the_reference_implementation():
    network = LSTMAttentionModel(channels=3, classes=2, hidden=64, layers=2, heads=2, dropout=0.3)
    shapes = {
        name: tuple(t.shape) for name, t in network.state_dict().items() if not name.startswith("lstm.")
    }
    assert shapes == {
        "batch_norm.weight": (64,),
        "batch_norm.bias": (64,),
        "batch_norm.running_mean": (64,),
        "batch_norm.running_var": (64,),
        "batch_norm.num_batches_tracked": (),
        "self_attn.in_proj_weight": (192, 64),
        "self_attn.in_proj_bias": (192,),
        "self_attn.out_proj.weight": (64, 64),
        "self_attn.out_proj.bias": (64,),
        "norm.weight": (64,),
        "norm.bias": (64,),
        "classifier.weight": (2, 64),
        "classifier.bias": (2,),
    }
    assert sum(name.startswith("lstm.") for name in network.state_dict()) == 8


def test_dropout_acts_on_the_attention_while_training():
    torch.manual_seed(0)
    network = LSTMAttentionModel(hidden=16, layers=1, heads=2, dropout=0.5)
    features = torch.randn(4, 257, 3)
    assert not torch.equal(network(features), network(features))
    network.eval()
    assert torch.equal(network(features), network(features))


def test_dropout_of_the_attention_can_be_left_out():
    network = LSTMAttentionModel(hidden=16, layers=1, heads=2, dropout=0.5, attention_dropout=0.0)
    features = torch.randn(4, 257, 3)
    assert torch.equal(network(features), network(features))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden": 64, "heads": 6}, r"heads \(6\) must divide hidden \(64\)"),
        ({"heads": 0}, r"heads \(0\) must divide hidden \(64\)"),
        ({"classes": 1}, "classes must be at least 2, not 1"),
        ({"dropout": 1.5}, "not 1.5"),
    ],
)
def test_wrong_values_are_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        LSTMAttentionModel(**values)


def test_wrong_shapes_are_refused_by_value():
    with pytest.raises(ValueError, match=r"must be \[batch, seq_len, 3\], not \[2, 257, 1\]"):
        LSTMAttentionModel(hidden=4, heads=2)(torch.zeros(2, 257, 1))
