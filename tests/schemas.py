"""The JSON Schema files of the package; messages that pass through the tests are held against them."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jsonschema

SCHEMAS: dict[str, dict[str, Any]] = {
    path.name.removesuffix("-1.json"): json.loads(path.read_text("utf-8"))
    for path in (files("quake_stream.publish") / "schema").iterdir()
    if path.name.endswith("-1.json")
}
_VALIDATORS = {f"quake-stream/{kind}/1": jsonschema.Draft202012Validator(s) for kind, s in SCHEMAS.items()}


def validate(body: Mapping[str, Any]) -> None:
    """Raise unless the body fits the schema that it names; of a schema that we do not have nothing is known."""
    validator = _VALIDATORS.get(body.get("schema", ""))
    if validator is not None:
        validator.validate(dict(body))
