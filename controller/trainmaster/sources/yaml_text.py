"""A plain document as YAML in block style, read by every YAML reader as what it was.

PyYAML's emitter builds a tree of nodes in Python: a status of 5,000 replicas takes it seconds, in which no other thread works.
Lives here: dictionaries with short keys, lists, strings, finite numbers, booleans and None, as JSON has them. Never here: tags,
anchors, comments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

Plain = Mapping[str, "Plain"] | Sequence["Plain"] | str | int | float | bool | None

_FIRST = re.compile(r"[A-Za-z_/]")
_SPECIAL = re.compile(r"[^\w ./,()'+=@%:-]|:(?=\s|$)|\s$", re.ASCII)
"""strings that begin with a letter and hold none of these mean themselves without quotes, but for the words below"""
_IN_FLOW = re.compile(r"[\w./@%=+-]+|[a-z]+://[\w./@%=+:-]*\w", re.ASCII)
"""what needs no quotes between braces either"""
_OTHERS = {None: "null", True: "true", False: "false"}
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def to_text(document: Mapping[str, Plain]) -> str:
    lines: list[str] = []
    _mapping(lines, document, "", "")
    return "\n".join((*lines, ""))


def as_word(value: Plain, style: str = "", flow: bool = False) -> str:
    """The value in one line; text in quotes of the style that it had, where they can hold it."""
    if not isinstance(value, str):
        return _as_json(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    plain = not style and (_IN_FLOW.fullmatch(value) if flow else value)
    return _string(value) if plain else _quoted(value)


def in_flow(value: Plain) -> str:
    """The value in one line, as it may stand between braces."""
    if isinstance(value, list):
        return f"[{', '.join(map(in_flow, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{in_flow(key)}: {in_flow(item)}" for key, item in value.items()) + "}"
    return as_word(value, flow=True)


def _mapping(lines: list[str], value: Mapping[str, Plain], indent: str, start: str) -> None:
    """`start` stands before the first line instead of the indent."""
    for key, item in value.items():
        name = f"{start}{_string(key)}:"
        if item and isinstance(item, dict):
            lines.append(name)
            _mapping(lines, item, f"{indent}  ", f"{indent}  ")
        elif item and isinstance(item, list):
            lines.append(name)
            _items(lines, item, indent)
        else:
            lines.append(f"{name} {_scalar(item)}")
        start = indent


def _items(lines: list[str], items: list[Plain], indent: str) -> None:
    for item in items:
        if item and isinstance(item, dict):
            _mapping(lines, item, f"{indent}  ", f"{indent}- ")
        else:
            lines.append(f"{indent}- {_scalar(item)}")


def _scalar(value: Plain) -> str:
    """One word; what is empty, and a list in a list, stands as in JSON."""
    return _string(value) if isinstance(value, str) else _as_json(value)


def _as_json(value: Plain) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_as_json, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {_as_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float):
        return _number(value)
    return _OTHERS[value] if value is None or isinstance(value, bool) else str(value)


def _number(value: float) -> str:
    """With a point also before an exponent, or YAML 1.1 takes it for a string."""
    text = json.dumps(value, allow_nan=False)
    return text if "." in text else text.replace("e", ".0e")


@lru_cache(maxsize=4096)
def _string(value: str) -> str:
    plain = _FIRST.match(value) and not _SPECIAL.search(value) and value.lower() not in _WORDS
    return value if plain else _quoted(value)


def _quoted(value: str) -> str:
    """As in JSON, which YAML reads; but what it calls not printable is escaped."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
