"""LSTMModel against its equations in numpy, and what it refuses."""

import warnings

import numpy as np
import pytest
import torch

from quake_stream.models.lstm import LSTMModel, chrono_init


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_network_computes_its_equations(numpy_lstm, trained, layers):
    torch.manual_seed(layers)
    network = trained(LSTMModel(channels=3, classes=4, hidden=10, layers=layers, dropout=0.4))
    features = torch.randn(5, 23, 3, dtype=torch.float64)
    state = network.state_dict()
    p = {name: tensor.numpy() for name, tensor in state.items()}

    with torch.no_grad():
        logits = network(features).numpy()

    for row, found in zip(features.numpy(), logits, strict=True):
        last = numpy_lstm(state, row)[-1]
        normal = (last - p["batch_norm.running_mean"]) / np.sqrt(p["batch_norm.running_var"] + 1e-5)
        normal = normal * p["batch_norm.weight"] + p["batch_norm.bias"]
        expected = p["classifier.weight"] @ normal + p["classifier.bias"]
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_parameter_names_and_shapes_are_those_of_the_reference_implementation():
    shapes = {name: tuple(t.shape) for name, t in LSTMModel(3, 2, 64, 2, 0.3).state_dict().items()}
    assert shapes == {
        "lstm.weight_ih_l0": (256, 3),
        "lstm.weight_hh_l0": (256, 64),
        "lstm.bias_ih_l0": (256,),
        "lstm.bias_hh_l0": (256,),
        "lstm.weight_ih_l1": (256, 64),
        "lstm.weight_hh_l1": (256, 64),
        "lstm.bias_ih_l1": (256,),
        "lstm.bias_hh_l1": (256,),
        "batch_norm.weight": (64,),
        "batch_norm.bias": (64,),
        "batch_norm.running_mean": (64,),
        "batch_norm.running_var": (64,),
        "batch_norm.num_batches_tracked": (),
        "classifier.weight": (2, 64),
        "classifier.bias": (2,),
    }


def test_dropout_acts_between_layers_while_training_only():
    torch.manual_seed(0)
    network = LSTMModel(hidden=16, dropout=0.5)
    features = torch.randn(4, 257, 3)
    assert not torch.equal(network(features), network(features))
    network.eval()
    assert torch.equal(network(features), network(features))


def test_one_layer_with_dropout_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LSTMModel(layers=1, dropout=0.5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channels": 0}, "channels must be at least 1, not 0"),
        ({"classes": 1}, "classes must be at least 2, not 1"),
        ({"hidden": -4}, "hidden must be at least 1, not -4"),
        ({"layers": 0}, "layers must be at least 1, not 0"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, not 1.0"),
        ({"dropout": -0.1}, "dropout must be from 0 to below 1, not -0.1"),
    ],
)
def test_wrong_values_are_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        LSTMModel(**values)


@pytest.mark.parametrize("shape", [(257, 3), (2, 257, 4), (2, 0, 3), (2, 257, 3, 1)])
def test_wrong_shapes_are_refused_by_value(shape):
    with pytest.raises(ValueError, match=r"must be \[batch, seq_len, 3\], not \[" + str(shape[0])):
        LSTMModel(hidden=4)(torch.zeros(shape))


def test_chrono_init_spreads_memory_over_all_time_scales():
    torch.manual_seed(0)
    network = LSTMModel(hidden=256, layers=2)
    chrono_init(network.lstm, max_steps=256)
    for layer in (0, 1):
        bias = getattr(network.lstm, f"bias_ih_l{layer}") + getattr(network.lstm, f"bias_hh_l{layer}")
        input_gate, forget_gate = bias[:256].detach().numpy(), bias[256:512].detach().numpy()
        np.testing.assert_array_equal(input_gate, -forget_gate)
        time_scales = np.exp(forget_gate)
        assert time_scales.min() >= 0.99
        assert time_scales.max() <= 255.01
        assert abs(time_scales.mean() - 128) < 15  # uniform: standard error 4.6


def test_chrono_init_leaves_other_gates_and_stays_trainable():
    network = LSTMModel(hidden=8)
    before = network.lstm.bias_ih_l0[16:].clone()
    chrono_init(network.lstm)
    assert torch.equal(network.lstm.bias_ih_l0[16:], before)
    network(torch.randn(2, 5, 3)).sum().backward()
    assert network.lstm.bias_ih_l0.grad is not None


def test_chrono_init_for_too_few_steps_is_refused():
    with pytest.raises(ValueError, match="not 2"):
        chrono_init(LSTMModel(hidden=4).lstm, max_steps=2)
