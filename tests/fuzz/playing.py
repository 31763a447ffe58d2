"""What targets share: recorded answers, a loop, and whether what comes of an answer is of the types that its class says."""

from __future__ import annotations

import asyncio
import atexit
import base64
import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from fuzz.mutations import Draws

RECORDED: Mapping[str, Any] = json.loads((Path(__file__).parent / "recorded" / "hadoop.json").read_text())
LOOP = asyncio.new_event_loop()
atexit.register(LOOP.close)


def recorded(kind: str) -> list[bytes]:
    """Real messages of one kind."""
    return [base64.b64decode(each) for each in RECORDED["rpc"].get(kind, ())]


def asyncly(run: Callable[[Draws], Any]) -> Callable[[Draws], object]:
    """The same, on a loop that all cases share."""
    return lambda draws: LOOP.run_until_complete(run(draws))


# --- what comes of answers must be of the types that its class says: a word that is bytes breaks whoever joins it


def well_typed(value: Any) -> None:
    """Of a frozen value and all that it holds."""
    if dataclasses.is_dataclass(value):
        hints = _hints(type(value))
        for each in dataclasses.fields(value):
            inner = getattr(value, each.name)
            assert _is(inner, hints[each.name]), f"{type(value).__name__}.{each.name} is {inner!r:.80}"
            well_typed(inner)
    elif isinstance(value, tuple | frozenset):
        for inner in value:
            well_typed(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            well_typed(inner)
    elif isinstance(value, int) and not isinstance(value, Enum):
        assert abs(value) < 2**64, "a number that no machine has"
    elif isinstance(value, float):
        assert isfinite(value), "a number that isn't finite"


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _is(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_is(value, each) for each in typing.get_args(hint))
    return isinstance(value, origin or hint) or (hint is float and isinstance(value, int))
