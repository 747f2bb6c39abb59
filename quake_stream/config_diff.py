"""Name the keys in which two configurations differ."""

from collections.abc import Mapping

from quake_stream.config import Config


def changed_keys(before: Config, after: Config) -> list[str]:
    """Dotted names of the keys whose values differ, sorted: ``["model.name", "trigger.on"]``."""
    old, new = _flat(before.model_dump()), _flat(after.model_dump())
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        flat |= _flat(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return flat
