import multiprocessing
import os

import numpy as np
import pytest

from quake_stream.training.workers import BatchWorkers


def numbered(number):
    return np.full((1, 1, 3), number, np.float32), np.array([number])


def test_batches_come_in_order_from_any_number_of_processes():
    for n_processes in (0, 1, 3):
        with BatchWorkers(numbered, start=4, stop=15, n_processes=n_processes) as batches:
            assert [int(labels[0]) for _, labels in batches] == list(range(4, 15))


def test_leaving_early_leaves_no_process_behind():
    with BatchWorkers(numbered, start=0, stop=10_000, n_processes=2) as batches:
        next(iter(batches))
        assert len(multiprocessing.active_children()) == 2
    assert multiprocessing.active_children() == []


def test_a_process_that_dies_is_an_error_and_no_endless_wait(monkeypatch):
    monkeypatch.setattr("quake_stream.training.workers._PATIENCE_S", 0.2)

    def die(number):
        os._exit(3)

    with BatchWorkers(die, start=0, stop=5, n_processes=1) as batches, pytest.raises(RuntimeError, match="3"):
        next(iter(batches))
