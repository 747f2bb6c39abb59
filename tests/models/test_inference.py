"""Probabilities are those of the network, whatever else is in the batch."""

import numpy as np
import pytest
import torch

from quake_stream.errors import InferenceError
from quake_stream.models.checkpoint import LoadedModel
from quake_stream.models.inference import TorchModel
from quake_stream.models.network import build_network


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(0).normal(size=(96, 257, 3)).astype(np.float32)


@pytest.fixture
def make_model(make_card):
    def make(kind, *, hidden=64, threads=1, batch_windows=32, n_samples=512):
        torch.manual_seed(1)
        # The networks are untrained: a low temperature spreads their scores, so that last bits show.
        card = make_card(kind, hidden=hidden, temperature=0.02, n_samples=n_samples)
        loaded = LoadedModel(card=card, network=build_network(card).eval())
        return TorchModel(loaded, device="cpu", threads=threads, batch_windows=batch_windows)

    return make


KINDS = pytest.mark.parametrize("kind", ["lstm", "lstm-mhsa"])


@KINDS
def test_probabilities_are_the_softmax_of_logits_over_temperature(make_model, make_card, features, kind):
    model = make_model(kind, hidden=8)
    torch.manual_seed(1)
    with torch.no_grad():
        logits = build_network(make_card(kind)).eval()(torch.from_numpy(features)).numpy() / 0.02
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scores = model.predict(features)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)


# Two threads meet 257 times a layer; on a busy machine that takes half a minute, so theirs are short windows.
@pytest.mark.parametrize(("threads", "n_samples"), [(1, 512), (2, 64)])
@pytest.mark.parametrize(("kind", "hidden"), [("lstm", 128), ("lstm-mhsa", 64)])
def test_a_rows_bytes_do_not_depend_on_companions_or_position(
    make_model, features, *, kind, hidden, threads, n_samples
):
    model = make_model(kind, hidden=hidden, threads=threads, n_samples=n_samples)
    rows = features[:, : n_samples // 2 + 1]
    together = model.predict(rows)
    assert len(np.unique(together[:, 1])) > 90  # rows that all score alike would show nothing
    for n in (1, 2, 5, 13):
        for start in (0, 41, 96 - n):
            part = slice(start, start + n)
            assert model.predict(rows[part]).tobytes() == together[part].tobytes(), (n, start)


@KINDS
def test_the_size_of_chunks_does_not_change_a_bit(make_model, features, kind):
    whole = make_model(kind, batch_windows=96).predict(features)
    for batch_windows in (8, 13, 40):
        assert make_model(kind, batch_windows=batch_windows).predict(features).tobytes() == whole.tobytes()


def test_no_more_rows_than_allowed_are_computed_at_once(make_model, features):
    model = make_model("lstm", hidden=8, batch_windows=21)
    sizes = []
    model._network.register_forward_pre_hook(lambda _module, inputs: sizes.append(len(inputs[0])))
    assert len(model.predict(features[:37])) == 37
    assert sizes == [16, 16, 8]


def test_an_empty_batch_gives_no_scores(make_model):
    assert make_model("lstm", hidden=8).predict(np.zeros((0, 257, 3), dtype=np.float32)).shape == (0, 2)


def test_read_only_features_are_accepted_without_a_warning(make_model, features, recwarn):
    frozen = features[:3].copy()
    frozen.flags.writeable = False
    make_model("lstm", hidden=8).predict(frozen)
    assert not recwarn.list


def test_warm_up_runs_the_smallest_and_the_largest_batch(make_model):
    model = make_model("lstm", hidden=8, batch_windows=32)
    sizes = []
    model._network.register_forward_pre_hook(lambda _module, inputs: sizes.append(len(inputs[0])))
    model.warm_up()
    assert sizes == [8, 32]


def test_the_number_of_threads_is_the_callers(make_model):
    make_model("lstm", hidden=8, threads=2)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("shape", [(257, 3), (2, 256, 3), (2, 257, 1)])
def test_features_of_another_shape_are_refused(make_model, shape):
    with pytest.raises(ValueError, match=r"257, 3"):
        make_model("lstm", hidden=8).predict(np.zeros(shape, dtype=np.float32))


def test_a_batch_below_eight_is_refused(make_model):
    with pytest.raises(ValueError, match="at least 8, not 7"):
        make_model("lstm", hidden=8, batch_windows=7)


@pytest.mark.fault(26)
def test_a_gpu_that_is_not_there_may_come_back_so_the_service_is_restarted(make_card, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    loaded = LoadedModel(card=make_card(), network=build_network(make_card()))
    with pytest.raises(InferenceError, match="no usable GPU") as caught:
        TorchModel(loaded, device="cuda", threads=1, batch_windows=64)
    assert caught.value.exit_code == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="NOT RUN: no GPU here")
@KINDS
def test_on_a_gpu_rows_keep_their_bits_and_agree_with_the_cpu(make_card, features, kind):
    torch.manual_seed(1)
    card = make_card(kind, hidden=64)
    network = build_network(card).eval()
    loaded = LoadedModel(card=card, network=network)
    expected = TorchModel(loaded, device="cpu", threads=1, batch_windows=32).predict(features)
    model = TorchModel(loaded, device="cuda", threads=1, batch_windows=32)
    scores = model.predict(features)
    np.testing.assert_allclose(scores, expected, atol=2e-3)  # GPUs may multiply with 10-bit mantissas
    for row in (0, 5, 95):
        assert model.predict(features[row : row + 1])[0].tobytes() == scores[row].tobytes()
