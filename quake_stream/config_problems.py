"""Say what is wrong with a configuration, in words that do not mention Python or pydantic.  Pure."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

# What pydantic calls by Python's names, as a TOML file has it.
_MUST_BE = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "path_type": "a path in quotes",
    "string_type": "text in quotes",
    "tuple_type": "a list",
}


def explain(error: ValidationError, section: type[BaseModel]) -> list[str]:
    """
    Give one line for each problem: the key, what is wrong, and what would be allowed.

    ``section`` is the outermost section; positions in lists count from 1.
    """
    return [_explain(found, section) for found in error.errors(include_url=False)]


def _explain(found: Mapping[str, Any], section: type[BaseModel]) -> str:
    loc, kind, given = found["loc"], found["type"], found["input"]
    key = _key(loc)
    if kind == "missing":
        return f"{key}: missing; it is required"
    if kind == "extra_forbidden":
        allowed = _allowed(loc[:-1], section)
        close = difflib.get_close_matches(str(loc[-1]), allowed, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return f"{key}: unknown key{hint} (allowed: {', '.join(allowed)})"
    message = found["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if kind in _MUST_BE:
        message = f"must be {_MUST_BE[kind]}"
        if isinstance(given, Mapping) and loc == ("source",):
            return f"{key}: write [[source]], in double brackets"
    if isinstance(given, Mapping | list | tuple):  # too long to be repeated
        return f"{key}: {message}" if key else message
    return f"{key}: {message}, not {given!r}"


def _key(loc: Sequence[int | str]) -> str:
    text = ""
    for part in loc:
        if part == "[key]":  # pydantic's mark for a problem with the key itself
            continue
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = f'"{part}"' if "." in part else part
            text += f".{name}" if text else name
    return text


def _allowed(loc: Sequence[int | str], section: type[BaseModel]) -> list[str]:
    """Keys of the section at ``loc``."""
    for part in loc:
        field = section.model_fields.get(str(part))
        if field is not None:
            section = _section_type(field.annotation) or section
    return sorted(section.model_fields)


def _section_type(annotation: object) -> type[BaseModel] | None:
    candidates = [annotation, *get_args(annotation)]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
