"""Whether a JSON schema takes a value: as much of draft 7 as the chart's schema of values uses, for tests without Helm."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "enum": lambda value, words: value in words,
    "minimum": lambda value, low: value >= low,
    "maximum": lambda value, high: value <= high,
    "exclusiveMinimum": lambda value, low: value > low,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
    "minLength": lambda value, least: len(value) >= least,
    "maxLength": lambda value, most: len(value) <= most,
    "maxItems": lambda value, most: len(value) <= most,
    "required": lambda value, names: set(names) <= value.keys(),
    "items": lambda value, below: all(takes(below, each) for each in value),
    "properties": lambda value, below: all(
        takes(below[name], value[name]) for name in value.keys() & below.keys()
    ),
}


def takes(schema: Schema, value: Any) -> bool:
    """AssertionError for a keyword that isn't known here."""
    assert schema.keys() <= {"type", "additionalProperties", *_LIMITS}
    if "type" in schema and not _TYPES[schema["type"]](value):
        return False
    if schema.get("additionalProperties") is False and value.keys() - schema["properties"].keys():
        return False
    return all(holds(value, schema[key]) for key, holds in _LIMITS.items() if key in schema)
