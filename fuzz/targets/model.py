"""A network's two files: the card (JSON) and the weights (safetensors)."""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from quake_stream.errors import ModelError
from quake_stream.models.card import ModelCard
from quake_stream.models.checkpoint import load_checkpoint, save_checkpoint
from quake_stream.models.network import build_network

_CARD = {
    "name": "tiny",
    "version": "1",
    "sample_rate_hz": 100.0,
    "n_samples": 64,
    "component_sets": ["ZNE"],
    "highpass_hz": 1.0,
    "transform": "zscore-rfft/1",
    "classes": ["noise", "earthquake"],
    "trigger_classes": ["earthquake"],
    "on": 0.9,
    "off": 0.6,
    "min_windows": 2,
    "hop_s": 0.5,
    "network": {"kind": "lstm", "channels": 3, "hidden": 1, "layers": 1, "dropout": 0.0},
    "temperature": 1.0,
    "training": {"data": [], "split": "none", "recipe": {}, "seed": 1},
    "metrics": {},
    "known_failures": [],
    "created": "2026-01-01T00:00:00Z",
}


@cache
def _saved() -> tuple[bytes, bytes]:
    """Card and weights of a network that fit each other."""
    card = ModelCard.model_validate_json(json.dumps(_CARD))
    with TemporaryDirectory() as folder:
        stem = Path(folder) / "net"
        save_checkpoint(stem, build_network(card), card)
        return stem.with_suffix(".json").read_bytes(), stem.with_suffix(".safetensors").read_bytes()


def seeds() -> Iterator[bytes]:
    """Give cards (C), and weights for which `check` makes a card (W)."""
    card, weights = _saved()
    yield b"C" + card
    yield b"C" + json.dumps(_CARD).encode()
    yield b"W" + weights


def check(data: bytes, folder: Path) -> None:
    """Load a network that is the card's, or refuse it in one line that names the file."""
    card, weights = _saved()
    if data[:1] == b"C":
        card = data[1:]
    else:  # whoever tampers with weights can also write their sum on the card
        weights = data[1:]
        digest = hashlib.sha256(weights).hexdigest()
        card = json.dumps(json.loads(card) | {"sha256": digest}).encode()
    stem = folder / "net"
    stem.with_suffix(".json").write_bytes(card)
    stem.with_suffix(".safetensors").write_bytes(weights)
    try:
        loaded = load_checkpoint(stem)
    except ModelError as error:
        assert str(stem) in str(error)  # noqa: PT017  every message names the file
        assert "\n" not in str(error)  # noqa: PT017  and is one line
    else:
        assert all(tensor.isfinite().all() for tensor in loaded.network.state_dict().values())
