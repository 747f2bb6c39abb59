"""State dictionaries of other programs are taken over, without running code from them."""

import os
import pickle

import pytest
import torch

from quake_stream.errors import ModelError
from quake_stream.models.foreign import import_network, import_state_dict
from quake_stream.models.network import build_network


@pytest.fixture
def tensors(make_card):
    torch.manual_seed(3)
    return build_network(make_card()).state_dict()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model_state_dict": state, "loss": 0.1},
        lambda state: {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
        lambda state: {name: t.double() if t.is_floating_point() else t for name, t in state.items()},
    ],
    ids=["plain", "state_dict", "model_state_dict", "module prefix", "float64"],
)
def test_a_state_dictionary_is_found_inside_its_wrapping(make_card, tensors, tmp_path, wrap):
    torch.save(wrap(tensors), tmp_path / "net.pt")
    network = import_network(tmp_path / "net.pt", make_card())
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in network.state_dict().items())


@pytest.mark.fault(30)
def test_code_in_a_pickle_does_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    for save in (torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))):
        save({"lstm": Trap()}, tmp_path / "net.pt")
        with pytest.raises(
            ModelError, match=r"net.pt: is no state dictionary that is safe to load"
        ) as caught:
            import_state_dict(tmp_path / "net.pt")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "holds no state dictionary"),
        ([1, 2], "holds no state dictionary"),
        ({"epoch": 3}, "holds more than named tensors"),
        (torch.zeros(3), "holds no state dictionary"),
    ],
)
def test_other_contents_are_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=message):
        import_state_dict(tmp_path / "net.pt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no pickle at all", b"\x80\x02."])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(ModelError, match=r"net.pt: is no state dictionary"):
        import_state_dict(tmp_path / "net.pt")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"net.pt: cannot be read: No such file"):
        import_state_dict(tmp_path / "net.pt")


@pytest.mark.fault(31)
def test_tensors_of_another_network_are_refused(make_card, tensors, tmp_path):
    torch.save(tensors, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"net.pt: tensors are missing: norm.bias"):
        import_network(tmp_path / "net.pt", make_card("lstm-mhsa"))
