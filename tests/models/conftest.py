"""A small model card, and an LSTM written out in numpy, for the tests of the networks."""

import numpy as np
import pytest
import torch

from quake_stream.models.card import ModelCard


@pytest.fixture(autouse=True)
def torch_as_found():
    """Run torch in one thread, since tests run side by side, and undo what a test sets for the process."""
    threads, fastpath = torch.get_num_threads(), torch.backends.mha.get_fastpath_enabled()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.backends.mha.set_fastpath_enabled(fastpath)


@pytest.fixture
def card_values():
    """Contents of a valid card, as JSON would hold them."""
    return {
        "name": "tiny",
        "version": "1",
        "sample_rate_hz": 100.0,
        "n_samples": 512,
        "component_sets": ("ZNE", "Z"),
        "highpass_hz": 1.0,
        "transform": "zscore-rfft/1",
        "classes": ("noise", "earthquake"),
        "trigger_classes": ("earthquake",),
        "on": 0.9,
        "off": 0.6,
        "min_windows": 2,
        "hop_s": 0.5,
        "network": {"kind": "lstm", "channels": 3, "hidden": 8, "layers": 2, "dropout": 0.3},
        "temperature": 1.5,
        "training": {
            "data": ({"name": "made up", "licence": "CC0-1.0", "n_windows": 7},),
            "split": "by event",
            "recipe": {"steps": 10, "optimiser": "AdamW"},
            "seed": 1,
        },
        "metrics": {"roc_auc": 0.5},
        "known_failures": ("everything",),
        "created": "2026-01-01T00:00:00Z",
    }


@pytest.fixture
def make_card(card_values):
    """Card of a small network of either kind, with any field replaced."""

    def make(kind="lstm", *, hidden=8, **changes):
        network = card_values["network"] | {"kind": kind, "hidden": hidden}
        if kind == "lstm-mhsa":
            network["heads"] = 2
        return ModelCard.model_validate(card_values | {"network": network} | changes)

    return make


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_steps(state_dict, features):
    """
    Hidden states [seq_len, hidden] of the last layer for one row [seq_len, channels], gate by gate.

    torch stacks the weights of the gates i, f, c̃, o and adds two biases.
    """
    steps = features
    n_layers = sum(name.startswith("lstm.weight_ih") for name in state_dict)
    for layer in range(n_layers):
        w, u, b_w, b_u = (
            state_dict[f"lstm.{name}_l{layer}"].numpy()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        n_hidden = u.shape[1]
        w_i, w_f, w_c, w_o = w.reshape(4, n_hidden, -1)
        u_i, u_f, u_c, u_o = u.reshape(4, n_hidden, n_hidden)
        b_i, b_f, b_c, b_o = (b_w + b_u).reshape(4, n_hidden)
        h = c = np.zeros(n_hidden)
        outputs = []
        for x in steps:
            f = sigmoid(w_f @ x + u_f @ h + b_f)
            i = sigmoid(w_i @ x + u_i @ h + b_i)
            candidate = np.tanh(w_c @ x + u_c @ h + b_c)
            o = sigmoid(w_o @ x + u_o @ h + b_o)
            c = f * c + i * candidate
            h = o * np.tanh(c)
            outputs.append(h)
        steps = np.array(outputs)
    return steps


@pytest.fixture
def numpy_lstm():
    return lstm_steps


@pytest.fixture
def trained():
    """Turn a fresh network into one whose normalisations do something, in float64 and evaluation mode."""

    def trained(network):
        generator = torch.Generator().manual_seed(7)
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point() and ("norm" in name):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        return network.double().eval()

    return trained
