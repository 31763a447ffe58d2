"""JSON from anybody: other programs' answers, and files that people may write. Never here: what a document means."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any


def loads(text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """What a text says; `pairs` makes the objects. ValueError for whatever isn't JSON, or lies deeper than Python reads:
    `json` itself raises RecursionError for a few thousand brackets, which nobody expects."""
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
