"""One field as a person looks it up: its type in words, its limits, its default, and what an edit of it does."""

from __future__ import annotations

from dataclasses import dataclass

from trainmaster.api import schema
from trainmaster.api.base import WORDS_KEY
from trainmaster.api.edits import EDIT_KEY, Edit
from trainmaster.api.policies import ALL
from trainmaster.api.quantities import MIB
from trainmaster.api.schema import INT_OR_STRING, Schema

EDIT_WORDS = {
    Edit.LIVE: "taken over live",
    Edit.RESTART: "restarts the job once",
    Edit.IMMUTABLE: "refused",
}


@dataclass(frozen=True, slots=True)
class Field:
    """What is known of one field."""

    path: str
    type: str
    description: str
    words: tuple[tuple[str, str], ...]
    """each word that it may be, with its meaning; empty where it isn't one of a closed list"""
    required: bool
    default: str
    """as it would be written; empty for none"""
    edit: str
    """what an edit does, in words; empty where that is no question"""
    children: tuple[Field, ...]


def describe(path: tuple[str | int, ...]) -> Field | None:
    """The field at a path of wire names, map keys and list indexes; None where there is none."""
    node = schema.at(path)
    if node is None:
        return None
    parent = schema.at(path[:-1]) or {}
    return _field(str(path[-1]) if path else "", node, parent, _edit_above(path))


def _edit_above(path: tuple[str | int, ...]) -> Edit | None:
    """The marker of the nearest field around this one."""
    found = None
    for length in range(1, len(path)):
        found = (schema.at(path[:length]) or {}).get(EDIT_KEY, found)
    return found


def _field(name: str, node: Schema, parent: Schema, above: Edit | None) -> Field:
    edit = node.get(EDIT_KEY, above)
    inner = _inner(node)
    return Field(
        path=name,
        type=type_of(node),
        description=node.get("description", ""),
        words=tuple(node.get(WORDS_KEY, ())),
        required=name in parent.get("required", ()),
        default=_default(node),
        edit=EDIT_WORDS[edit] if edit else "",
        children=tuple(_field(n, child, inner, edit) for n, child in inner.get("properties", {}).items()),
    )


def _inner(node: Schema) -> Schema:
    """The node whose fields a person sees below this one: its own, or those of its entries."""
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            return _inner(node[key])
    return node


def type_of(node: Schema) -> str:
    """The type in words, with its limits."""
    if node.get(INT_OR_STRING):
        return _text_or_number(node)
    if "enum" in node:
        return ", ".join(node["enum"])
    if isinstance(node.get("items"), dict):
        return f"list of {type_of(node['items'])}"
    if isinstance(node.get("additionalProperties"), dict):
        return f"map of {type_of(node['additionalProperties'])}"
    words = {"string": "text", "boolean": "true or false", "integer": "whole number", "object": "fields"}
    return words.get(node["type"], str(node["type"])) + _limits(node)


def _text_or_number(node: Schema) -> str:
    if node.get("pattern") == ALL:
        return "whole number or all"
    return "size" if node["minimum"] >= MIB else "duration"


def _limits(node: Schema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    return "" if low is None or high is None else f", {low} to {high}"


def _default(node: Schema) -> str:
    default = node.get("default")
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None or isinstance(default, dict | list) else str(default)
