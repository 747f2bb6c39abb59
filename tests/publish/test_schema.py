"""The page of the contract says what the schema files say."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from journals import A
from schemas import SCHEMAS

from quake_stream.publish.requests import End, Request, encode_end, encode_request

PAGE = Path(__file__).parents[2] / "docs" / "wire.md"


def tables() -> Iterator[str]:
    """Write the part of the page that is made from the files: a table of fields for each."""
    for kind, schema in sorted(SCHEMAS.items()):
        yield f"## `quake-stream/{kind}/1`"
        yield schema["description"]
        yield "\n".join(["| field | unit | meaning |", "|---|---|---|", *rows(schema, schema, "")])


def rows(schema: dict[str, Any], whole: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        unit, text = field.get("x-unit", ""), field["description"]
        choices = "; ".join(f"`{value}`" for value in field.get("enum", []))
        meaning = f"{text}. One of {choices}" if choices else text
        yield f"| `{prefix}{name}` | {'' if unit == '1' else unit} | {meaning} |"
        yield from rows(field, whole, f"{prefix}{name}.")
        items = field.get("items", {})
        items = whole["$defs"][items["$ref"].rpartition("/")[2]] if "$ref" in items else items
        yield from rows(items, whole, f"{prefix}{name}[].")


def test_the_page_holds_the_tables_that_the_schemas_make() -> None:
    made = "\n\n".join(tables()) + "\n"
    assert PAGE.read_text(encoding="utf-8").endswith("\n" + made), f"{PAGE} is to end with:\n{made}"


def test_the_requests_on_the_page_fit_their_schema() -> None:
    found = re.findall(r"^\{.*\}$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 3
    for text in found:
        jsonschema.Draft202012Validator(SCHEMAS["request"]).validate(json.loads(text))


@pytest.mark.parametrize(
    "request_",
    [
        Request(since_ns=0),
        Request(session=A),
        Request(session=A, first=2, last=0),
        Request(session=A, since_ns=1),
    ],
)
def test_what_our_own_subscriber_and_journal_say_fits_too(request_: Request) -> None:
    validate = jsonschema.Draft202012Validator(SCHEMAS["request"]).validate
    validate(json.loads(encode_request(request_)[0]))
    end = json.loads(encode_end(End(n_messages=1, is_found=True, more=request_))[1])
    jsonschema.Draft202012Validator(SCHEMAS["end"]).validate(end)
    validate(end["next"])


def test_a_request_must_say_where_to_begin() -> None:
    assert not jsonschema.Draft202012Validator(SCHEMAS["request"]).is_valid({"from": 3})
