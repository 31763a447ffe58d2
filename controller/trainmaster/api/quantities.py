"""Sizes and times as people write them, and back: Kubernetes quantities of bytes, durations such as 1h30m.

Kubernetes quantities: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from trainmaster.api import messages

MIB = 2**20
MAX_MIB = 2**31 - 1
"""YARN counts memory in MiB, and many of its programs in 32 bits"""
MAX_SECONDS = 10 * 365 * 86400

_THOUSANDS = {s: Fraction(1000) ** n for n, s in enumerate(("", "k", "M", "G", "T", "P", "E"))}
_BINARY = {s: Fraction(1024) ** n for n, s in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)}
_SMALL = {"m": Fraction(1, 10**3), "u": Fraction(1, 10**6), "n": Fraction(1, 10**9)}
SUFFIXES: Mapping[str, Fraction] = MappingProxyType({**_THOUSANDS, **_BINARY, **_SMALL})
"""bytes that one unit of each suffix stands for"""

_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?)([a-zA-Z]*)")
_NUMBER = r"[0-9]*\.?[0-9]+"
_UNITS = {
    "d": Fraction(86400),
    "h": Fraction(3600),
    "m": Fraction(60),
    "s": Fraction(1),
    "ms": Fraction(1, 1000),
}
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>{_NUMBER}){unit})?" for unit in _UNITS))
_LONGEST = 40
"""characters of a number that are looked at: none that means anything is longer"""


def parse_memory(value: object) -> object:
    """MiB from a Kubernetes quantity of bytes (4G, 512Mi, 1.5Gi, 1e9, a plain number of bytes), rounded up.

    Raises ValueError with the sentence for the user; so does anything under 1 MiB, which nobody means.
    """
    amount = _bytes(value)
    if amount < MIB:
        raise ValueError(f"{_shown(value)} is less than 1 MiB: sizes are bytes, or have a unit (512Mi, 4G)")
    mebibytes = math.ceil(amount / MIB)
    if mebibytes > MAX_MIB:
        raise ValueError(f"{_shown(value)} is more than YARN can count ({MAX_MIB} MiB)")
    return mebibytes


def format_memory(mebibytes: int) -> str:
    """The quantity that `parse_memory` reads as this many MiB."""
    return f"{mebibytes}Mi"


def parse_duration(value: object) -> object:
    """Seconds from `30s`, `5m`, `1h30m`, `2d`, `1.5h`, or a plain number of seconds; to the millisecond.

    Raises ValueError with the sentence for the user.
    """
    seconds = _number(value)
    if seconds is None:
        seconds = _sum_of_units(value)
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"{_shown(value)} is out of range: a duration is 0s to {MAX_SECONDS // 86400}d")
    return float(round(seconds, 3))


@lru_cache(1024)  # a job has few of them, and is written with each pass
def format_duration(seconds: float) -> str:
    """The duration that `parse_duration` reads as this many seconds, in the largest units: 1h30m, 1.5s."""
    rest, parts = Fraction(str(seconds)), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        count, rest = divmod(rest, size)
        parts += [f"{count}{unit}"] if count else []
    parts += [f"{_decimal(rest)}s"] if rest or not parts else []
    return "".join(parts)


def _bytes(value: object) -> Fraction:
    plain = _number(value)
    if plain is not None:
        return plain
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) and len(value) <= _LONGEST else None
    if match is None or match[2] not in SUFFIXES:
        raise ValueError(messages.NO_SIZE.format(value=_shown(value)))
    if match[2] and re.search("[eE]", match[1]):
        raise ValueError(f"{_shown(value)} has both an exponent and a unit")
    return Fraction(match[1]) * SUFFIXES[match[2]]


def _number(value: object) -> Fraction | None:
    """The value of a plain number; None for text. Raises ValueError for infinity, which YAML can write."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a number that can be used here")
    return Fraction(value)


def _sum_of_units(value: object) -> Fraction:
    match = _DURATION.fullmatch(value) if isinstance(value, str) and 0 < len(value) <= _LONGEST else None
    if match:
        return sum((Fraction(n) * _UNITS[unit] for unit, n in match.groupdict().items() if n), Fraction(0))
    if isinstance(value, str) and len(value) <= _LONGEST and re.fullmatch(_NUMBER, value):
        return Fraction(value)
    raise ValueError(messages.NO_DURATION.format(value=_shown(value)))


def _decimal(value: Fraction) -> str:
    return f"{float(value):.3f}".rstrip("0").rstrip(".")


def _shown(value: object) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# The form that the API server checks; the parsers above check the amount as well.
SIZE: Final = r"^\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2}|[KMGTPE]i|[kMGTPEmun])?$"
DURATION: Final = rf"^{_NUMBER}$|^{''.join(f'({_NUMBER}{unit})?' for unit in _UNITS)}$"
_MEMORY_SCHEMA = {
    "x-kubernetes-int-or-string": True,
    "minimum": MIB,
    "maximum": MAX_MIB * MIB,
    "maxLength": _LONGEST,
    "pattern": SIZE,
}
_DURATION_SCHEMA = {
    "x-kubernetes-int-or-string": True,
    "minimum": 0,
    "maximum": MAX_SECONDS,
    "minLength": 1,
    "maxLength": _LONGEST,
    "pattern": DURATION,
}

Memory = Annotated[
    int,
    BeforeValidator(parse_memory),
    PlainSerializer(format_memory, return_type=str),
    WithJsonSchema(_MEMORY_SCHEMA),
]
"""MiB in memory; on the wire a quantity of bytes"""
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_DURATION_SCHEMA),
]
"""seconds in memory; on the wire 30s, 5m, 1h30m"""
