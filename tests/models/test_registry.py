"""Models are found by name or path."""

import numpy as np
import pytest

from quake_stream.errors import ModelError
from quake_stream.models import load_model, registry
from quake_stream.models.checkpoint import save_checkpoint
from quake_stream.models.network import build_network
from quake_stream.models.stalta import StaLtaModel


@pytest.fixture
def folder(make_card, tmp_path):
    """Folder with a checkpoint of each network, named as the shipped ones are."""
    for kind in registry.SHIPPED:
        save_checkpoint(tmp_path / kind, build_network(make_card(kind)), make_card(kind, name=kind))
    return tmp_path


@pytest.mark.parametrize("kind", registry.SHIPPED)
def test_a_shipped_network_is_found_by_name(folder, monkeypatch, kind):
    monkeypatch.setattr(registry, "WEIGHTS", folder)
    model = load_model(kind, device="cpu", threads=1, batch_windows=8)
    assert model.spec.name == kind
    assert model.predict(np.zeros((3, 257, 3), dtype=np.float32)).shape == (3, 2)


@pytest.mark.parametrize("suffix", ["", ".json", ".safetensors"])
def test_a_checkpoint_is_found_by_path(folder, suffix):
    assert load_model(str(folder / f"lstm{suffix}")).spec.name == "lstm"


def test_a_checkpoint_in_the_working_directory_is_a_path_too(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert load_model("./lstm").spec.name == "lstm"
    assert load_model("lstm-mhsa.json").spec.name == "lstm-mhsa"


def test_the_baseline_has_a_name():
    assert isinstance(load_model("stalta"), StaLtaModel)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="no model 'lstn': use one of lstm, lstm-mhsa, stalta, or the path"):
        load_model("lstn")


def test_a_path_without_a_checkpoint_is_refused():
    with pytest.raises(ModelError, match=r"nowhere/net.json: cannot be read"):
        load_model("nowhere/net")
