"""What a model card must hold, and what it refuses."""

import json
from typing import get_args

import pytest
from pydantic import ValidationError

from quake_stream.models.card import ComponentSet, ModelCard
from quake_stream.types import ModelSpec


def test_a_card_survives_json(make_card):
    card = make_card("lstm-mhsa")
    assert ModelCard.model_validate_json(card.model_dump_json(), strict=True) == card


def test_the_spec_is_what_the_service_needs(make_card):
    spec = make_card(sha256="0" * 64).spec
    assert isinstance(spec, ModelSpec)
    assert (spec.name, spec.sha256, spec.component_sets) == ("tiny", "0" * 64, ("ZNE", "Z"))
    assert (spec.on, spec.off, spec.transform) == (0.9, 0.6, "zscore-rfft/1")


def test_the_contract_holds_what_decides_and_not_what_describes(make_card):
    card = make_card()
    assert card.contract == make_card(metrics={"roc_auc": 0.9}, known_failures=(), sha256="1" * 64).contract
    for change in ({"on": 0.91}, {"temperature": 2.0}, {"transform": "zscore-rfft-log/1"}, {"hop_s": 1.0}):
        assert card.contract != make_card(**change).contract
    assert card.contract != make_card(hidden=16).contract
    assert "\n" not in card.contract
    assert json.loads(card.contract)["network"]["hidden"] == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "blue"}, "colour"),
        ({"transform": "zscore/9"}, "unknown feature transform 'zscore/9'"),
        ({"n_samples": 511}, "not 511"),
        ({"classes": ("noise",)}, "classes"),
        ({"classes": ("noise", "noise")}, "not distinct"),
        ({"trigger_classes": ()}, "trigger_classes"),
        ({"trigger_classes": ("blast",)}, "blast"),
        ({"trigger_classes": ("noise", "earthquake")}, "not all"),
        ({"component_sets": ("ZEN",)}, "'ZNE'"),
        ({"on": 0.5}, r"off \(0.6\) must not be above on \(0.5\)"),
        ({"on": 1.5}, "less than or equal to 1"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"highpass_hz": 50.0}, r"highpass_hz \(50.0\)"),
        ({"sha256": "abc"}, "sha256"),
        ({"created": "2026-01-01T00:00:00"}, "created"),
        ({"network": {"kind": "gru", "channels": 3, "hidden": 8, "layers": 2, "dropout": 0.3}}, "kind"),
        (
            {"network": {"kind": "lstm", "channels": 4, "hidden": 8, "layers": 2, "dropout": 0.3}},
            "channels must be 3 for zscore-rfft/1, not 4",
        ),
        (
            {
                "network": {
                    "kind": "lstm",
                    "channels": 3,
                    "hidden": 8,
                    "layers": 2,
                    "heads": 2,
                    "dropout": 0.3,
                }
            },
            "heads is 2, but the network is lstm",
        ),
        (
            {"network": {"kind": "lstm-mhsa", "channels": 3, "hidden": 8, "layers": 2, "dropout": 0.3}},
            "heads is None",
        ),
        (
            {
                "network": {
                    "kind": "lstm-mhsa",
                    "channels": 3,
                    "hidden": 8,
                    "layers": 2,
                    "heads": 3,
                    "dropout": 0,
                }
            },
            r"heads \(3\) must divide hidden \(8\)",
        ),
    ],
)
def test_a_card_that_fits_no_model_is_refused(card_values, changes, message):
    with pytest.raises(ValidationError, match=message):
        ModelCard.model_validate(card_values | changes)


def test_component_sets_are_those_of_windowing():
    components = pytest.importorskip("quake_stream.windowing.components")
    assert set(get_args(ComponentSet)) == set(components.COMPONENT_SETS)
