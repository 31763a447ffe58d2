"""Label selectors as Kubernetes writes them: `team=vision,tier in (a, b),!old`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from trainmaster.errors import InvalidError

Selects = Callable[[Mapping[str, str]], bool]

_KEY = r"(?P<key>[A-Za-z0-9./_-]+)"
_SET = re.compile(rf"{_KEY}\s+(?P<word>in|notin)\s*\(\s*(?P<values>[^()]*?)\s*\)")
_EQUAL = re.compile(rf"{_KEY}\s*(?P<word>==|=|!=)\s*(?P<values>[A-Za-z0-9._-]*)")
_THERE = re.compile(rf"(?P<word>!?)\s*{_KEY}")
_COMMA = re.compile(r",(?![^(]*\))")
"""one that isn't inside of brackets"""


def selector(text: str) -> Selects:
    """Whether labels are chosen by it. An empty one chooses all. InvalidError for what is none."""
    parts = [_requirement(part.strip()) for part in _COMMA.split(text)] if text.strip() else []
    return lambda labels: all(part(labels) for part in parts)


def _requirement(text: str) -> Selects:
    for form in (_SET, _EQUAL, _THERE):
        if found := form.fullmatch(text):
            values = found.groupdict().get("values")
            wanted = frozenset(each.strip() for each in (values or "").split(","))
            return _met(found["key"], found["word"], wanted)
    raise InvalidError(f"{text!r} is no label selector: a=b, a!=b, a in (b, c), a notin (b, c), a or !a")


def _met(key: str, word: str, values: frozenset[str]) -> Selects:
    if word == "":
        return lambda labels: key in labels
    if word == "!":
        return lambda labels: key not in labels
    if word in {"=", "==", "in"}:
        return lambda labels: labels.get(key) in values
    return lambda labels: labels.get(key) not in values
