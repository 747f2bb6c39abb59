"""A checkpoint comes back as it was saved, or is refused in one line that names the file."""

import hashlib
import json
import os
import pickle
import struct

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quake_stream.errors import ModelError
from quake_stream.models import checkpoint
from quake_stream.models.checkpoint import load_checkpoint, save_checkpoint
from quake_stream.models.network import build_network


@pytest.fixture(params=["lstm", "lstm-mhsa"])
def saved(request, make_card, tmp_path):
    """Stem of a checkpoint of either network."""
    torch.manual_seed(0)
    card = make_card(request.param)
    save_checkpoint(tmp_path / "net-1.0", build_network(card), card)
    return tmp_path / "net-1.0"


def weights_of(stem):
    return stem.with_name(stem.name + ".safetensors")


def card_of(stem):
    return stem.with_name(stem.name + ".json")


def edit_card(stem, **changes):
    card_of(stem).write_text(json.dumps(json.loads(card_of(stem).read_text()) | changes))


def refuse(stem, message):
    with pytest.raises(ModelError, match=message) as caught:
        load_checkpoint(stem)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["lstm", "lstm-mhsa"])
def test_what_was_saved_is_loaded(make_card, tmp_path, kind):
    network = build_network(make_card(kind)).eval()
    card = save_checkpoint(tmp_path / "net", network, make_card(kind))
    features = torch.randn(2, 257, 3)
    for path in (tmp_path / "net", tmp_path / "net.json", tmp_path / "net.safetensors"):
        loaded = load_checkpoint(path)
        assert loaded.card == card
        assert loaded.spec.sha256 == hashlib.sha256((tmp_path / "net.safetensors").read_bytes()).hexdigest()
        assert torch.equal(loaded.network(features), network(features))


def test_saving_twice_gives_the_same_bytes_and_leaves_no_draft(make_card, tmp_path):
    network = build_network(make_card())
    save_checkpoint(tmp_path / "a", network, make_card())
    save_checkpoint(tmp_path / "b", network, make_card())
    save_checkpoint(tmp_path / "b", network, make_card())
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.json",
        "a.safetensors",
        "b.json",
        "b.safetensors",
    ]


def test_a_name_with_a_dot_keeps_it(saved):
    assert load_checkpoint(saved).card.name == "tiny"


def test_saving_a_network_that_is_not_the_cards_is_refused(make_card, tmp_path):
    with pytest.raises(ModelError, match="the card's network has"):
        save_checkpoint(tmp_path / "net", build_network(make_card(hidden=16)), make_card())
    assert not list(tmp_path.iterdir())


def test_metrics_may_be_added_later(saved):
    edit_card(saved, metrics={"roc_auc": 0.99}, known_failures=["quarry blasts"])
    assert load_checkpoint(saved).card.metrics == {"roc_auc": 0.99}


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_missing_file_is_refused(saved, suffix):
    saved.with_name(saved.name + suffix).unlink()
    refuse(saved, rf"net-1\.0\{suffix}: cannot be read: No such file")


@pytest.mark.fault(29)
def test_tampered_weights_are_refused(saved):
    content = bytearray(weights_of(saved).read_bytes())
    content[-1] ^= 1
    weights_of(saved).write_bytes(content)
    refuse(saved, r"net-1.0.safetensors: SHA-256 is .{64}, but net-1.0.json says")


def test_a_card_without_hash_is_refused(saved):
    edit_card(saved, sha256="")
    refuse(saved, "SHA-256")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"on": 0.95}, "net-1.0.json: was changed after the weights were saved: on 0.9 → 0.95"),
        ({"transform": "zscore-rfft-log/1"}, "transform 'zscore-rfft/1' → 'zscore-rfft-log/1'"),
        ({"classes": ["earthquake", "noise"]}, "classes"),
        ({"n_samples": 500}, "n_samples 512 → 500"),
        ({"temperature": 9.0}, "temperature"),
    ],
)
def test_a_tampered_card_is_refused(saved, changes, message):
    edit_card(saved, **changes)
    refuse(saved, message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "blue"}, "net-1.0.json: is no valid model card: colour: Extra inputs"),
        ({"hop_s": "0.5"}, "hop_s: Input should be a valid number"),
        ({"transform": "zscore/9", "hop_s": -1}, "hop_s"),
        ({"transform": "zscore/9"}, "unknown feature transform 'zscore/9'"),
        ({"network": {}}, "network.kind: Field required; "),
    ],
)
def test_an_invalid_card_is_refused_with_every_problem(saved, changes, message):
    edit_card(saved, **changes)
    refuse(saved, message)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"name": "x"'])
def test_a_card_that_is_no_json_object_is_refused(saved, content):
    card_of(saved).write_bytes(content)
    refuse(saved, "net-1.0.json: is no valid model card")


def test_weights_of_another_format_are_refused(saved):
    torch.save({"lstm": torch.zeros(3)}, weights_of(saved))
    edit_card(saved, sha256=hashlib.sha256(weights_of(saved).read_bytes()).hexdigest())
    refuse(saved, "net-1.0.safetensors: is no valid safetensors file")


def test_weights_that_another_program_saved_are_refused(saved):
    content = safetensors.torch.save({"classifier.bias": torch.zeros(2)})
    weights_of(saved).write_bytes(content)
    edit_card(saved, sha256=hashlib.sha256(content).hexdigest())
    refuse(saved, "net-1.0.safetensors: was not saved as a quake_stream checkpoint")


@pytest.mark.fault(31)
def test_tensors_that_do_not_fit_the_card_are_refused(saved):
    contract = load_checkpoint(saved).card.contract
    tensors = load_checkpoint(saved).network.state_dict()
    tensors["classifier.bias"] = torch.zeros(5)
    content = safetensors.torch.save(tensors, {"contract": contract})
    weights_of(saved).write_bytes(content)
    edit_card(saved, sha256=hashlib.sha256(content).hexdigest())
    refuse(saved, r"net-1.0.safetensors: classifier.bias is float32 \[5\]")


@pytest.mark.parametrize("contract", ["?", "[1]", "7", "null", '"text"', "[" * 100_000])
def test_a_contract_that_is_no_json_object_is_refused(saved, contract):
    content = safetensors.torch.save(load_checkpoint(saved).network.state_dict(), {"contract": contract})
    weights_of(saved).write_bytes(content)
    edit_card(saved, sha256=hashlib.sha256(content).hexdigest())
    refuse(saved, "no readable contract")


@pytest.mark.fault(28)
@pytest.mark.parametrize("path_of", [weights_of, card_of])
def test_an_empty_file_is_refused(saved, path_of):
    path_of(saved).write_bytes(b"")
    refuse(saved, path_of(saved).name)


@pytest.mark.parametrize(
    "header",
    [
        struct.pack("<Q", 2**63),
        struct.pack("<Q", 2**32) + b"{",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 200_000) + b'{"a":' * 40_000,
    ],
    ids=["beyond all memory", "4 GiB", "nested lists", "nested objects"],
)
def test_a_header_that_promises_too_much_is_refused(saved, header):
    weights_of(saved).write_bytes(header)
    edit_card(saved, sha256=hashlib.sha256(header).hexdigest())
    refuse(saved, "net-1.0.safetensors: is no valid safetensors file")


@pytest.mark.parametrize("path_of", [weights_of, card_of])
def test_a_file_without_end_is_refused_and_a_pipe_is_not_waited_for(saved, path_of, monkeypatch):
    monkeypatch.setattr(checkpoint, "MAX_CARD_BYTES", 100)
    monkeypatch.setattr(checkpoint, "MAX_WEIGHTS_BYTES", 100)
    refuse(saved, "net-1.0.json: cannot be read: it has more than 100 bytes")
    path_of(saved).unlink()
    os.mkfifo(path_of(saved))
    monkeypatch.undo()
    refuse(saved, f"{path_of(saved).name}: cannot be read: it is no plain file")


def test_a_checkpoint_may_be_a_link_to_the_present_version(saved):
    for suffix in (".json", ".safetensors"):
        saved.with_name(f"present{suffix}").symlink_to(saved.with_name(saved.name + suffix))
    assert load_checkpoint(saved.with_name("present")).card == load_checkpoint(saved).card


@pytest.mark.fault(30)
@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_code_in_a_pickle_that_passes_for_weights_does_not_run(saved, save, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    save({"lstm": Trap()}, weights_of(saved))
    edit_card(saved, sha256=hashlib.sha256(weights_of(saved).read_bytes()).hexdigest())
    refuse(saved, "net-1.0.safetensors: is no valid safetensors file")
    assert not (tmp_path / "trapped").exists()


@pytest.mark.fault(28)
@pytest.mark.fault(29)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_either_file_goes_unnoticed(saved, data):
    path = data.draw(st.sampled_from([weights_of(saved), card_of(saved)]))
    whole = path.read_bytes()
    before = load_checkpoint(saved).card
    if data.draw(st.booleans()):
        damaged = whole[: data.draw(st.integers(0, len(whole) - 2))]
    else:
        where = data.draw(st.integers(0, len(whole) - 1))
        damaged = whole[:where] + bytes([whole[where] ^ data.draw(st.integers(1, 255))]) + whole[where + 1 :]
    path.write_bytes(damaged)
    try:
        after, message = load_checkpoint(saved).card, ""
    except ModelError as error:
        after, message = None, str(error)
    path.write_bytes(whole)
    if after is None:
        assert message
        assert "\n" not in message
    else:
        # Text that only describes may change, and white space between keys.
        assert path == card_of(saved)
        assert after.spec == before.spec
        assert after.contract == before.contract
