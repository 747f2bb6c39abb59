import pytest
import torch
from torch import nn

from quake_stream.training.average import running_average


def test_a_decay_of_zero_is_no_average():
    assert running_average(nn.Linear(1, 1), 0.0) is None


def test_the_average_begins_with_the_first_weights_and_follows_slowly():
    network = nn.Linear(1, 1, bias=False)
    average = running_average(network, 0.9)
    for value in (1.0, 2.0):
        with torch.no_grad():
            network.weight.fill_(value)
        average.update_parameters(network)
    assert average.module.weight.item() == pytest.approx(0.9 * 1.0 + 0.1 * 2.0)
