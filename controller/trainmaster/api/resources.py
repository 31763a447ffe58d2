"""One container's resources, as fields or as the text that Submarine's users know."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, model_validator

from trainmaster.api import messages
from trainmaster.api.base import Model
from trainmaster.api.quantities import Memory, format_memory

_PAIR = re.compile(r"\s*([^=\s]+)\s*=\s*([0-9]{1,18})\s*([A-Za-z]*)\s*")
_NAMES = {
    "memory": "memory",
    "memory-mb": "memory",
    "vcores": "vcores",
    "gpu": "gpus",
    "gpus": "gpus",
    "yarn.io/gpu": "gpus",
}
MAX_TEXT = 256
"""characters of resources as text"""
_MEMORY_UNITS = {"": 1, "m": 1, "mi": 1, "g": 1024, "gi": 1024}
"""MiB; the units that YARN reads, where G is binary"""


class Resources(Model):
    """One container's resources; in a file also as text, `memory=8G,vcores=2,gpu=2`, 8G is 8,192 MiB."""

    memory: Memory = 1024
    """Memory of each replica: a quantity of bytes such as 4G or 512Mi, rounded up to MiB."""
    vcores: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1
    """Virtual cores of each replica."""
    gpus: Annotated[int, Field(strict=True, ge=0, le=1_000)] = 0
    """Whole GPUs of each replica (yarn.io/gpu)."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return parse_resources(value) if isinstance(value, str) else value


def parse_resources(text: str) -> dict[str, int | str]:
    """The fields that a text such as `memory=8G,vcores=2,gpu=2` stands for. Raises ValueError.

    Read as YARN's org.apache.hadoop.yarn.util.resource.ResourceUtils reads it: G is 1,024 MiB, and a bare
    number is MiB.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    fields: dict[str, int | str] = {}
    for pair in text.split(","):
        name, value = _parse_pair(pair)
        if name in fields:
            raise ValueError(f"{name} is given twice in {text[:80]!r}")
        fields[name] = value
    return fields


def _parse_pair(pair: str) -> tuple[str, int | str]:
    match = _PAIR.fullmatch(pair)
    if match is None:
        raise ValueError(messages.NO_PAIR.format(pair=repr(pair.strip()[:40])))
    name, number, unit = _NAMES.get(match[1].lower()), int(match[2]), match[3].lower()
    if name is None:
        raise ValueError(f"unknown resource {match[1][:40]!r}: known are memory, vcores and gpu")
    if name != "memory":
        return name, _without_unit(pair, number, unit)
    if unit not in _MEMORY_UNITS:
        raise ValueError(f"{pair.strip()[:40]!r}: the unit of memory is M, G or none (MiB)")
    return name, format_memory(number * _MEMORY_UNITS[unit])


def _without_unit(pair: str, number: int, unit: str) -> int:
    if unit:
        raise ValueError(f"{pair.strip()[:40]!r}: a count has no unit")
    return number
