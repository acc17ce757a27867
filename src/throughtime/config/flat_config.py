"""A nested configuration by dotted keys, as they are typed on the command line."""

from collections.abc import Mapping
from typing import Any

MISSING = "–"
"""The sign of a value that is absent."""


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The configuration by dotted keys; lists are values."""
    items: dict[str, Any] = {}
    for name, value in config.items():
        items |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return items


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The keys of two flat mappings under which they differ, with the value of each."""
    keys = [*one, *(key for key in other if key not in one)]
    pairs = {key: (one.get(key, MISSING), other.get(key, MISSING)) for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
