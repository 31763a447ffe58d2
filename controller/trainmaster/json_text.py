"""JSON from anybody: other programs' answers, and files that people may write. Never here: what a document means."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

_ESCAPED = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""a backslash that stands for itself, both halves of a character, or one half alone"""


def loads(text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """What a text says; `pairs` makes the objects. ValueError for whatever isn't JSON, or lies deeper than Python reads:
    `json` itself raises RecursionError for a few thousand brackets, which nobody expects. Half characters (surrogates),
    which nobody could write on, become U+FFFD, as other readers have it."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    if "\\ud" in text or "\\uD" in text:
        text = _ESCAPED.sub(lambda found: "\\ufffd" if found[1] else found[0], text)
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except RecursionError:
        raise ValueError("the JSON is nested too deep to be read") from None


def number_within(value: object, least: float, most: float) -> float | None:
    """A number within its bounds, else None; NaN and infinity, which JSON's readers let through, are in no bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and least <= number <= most else None
