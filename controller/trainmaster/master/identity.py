"""Which replica a container was asked for, written into YARN's allocation request id: 8 bits role, 24 index, 31 run."""

from __future__ import annotations

from collections.abc import Mapping

from trainmaster.plan.memory import Key

INDEX_BITS, RUN_BITS = 24, 31


def request_id(role_number: int, index: int, run: int) -> int:
    """A positive 63-bit number (Java's long); the run in the low bits."""
    return (role_number << (INDEX_BITS + RUN_BITS)) | (index << RUN_BITS) | run


def read_request_id(number: int, role_numbers: Mapping[str, int]) -> tuple[Key | None, int]:
    """(place, run) of an allocation request id; no place when the role number was never given."""
    run = number & ((1 << RUN_BITS) - 1)
    index = (number >> RUN_BITS) & ((1 << INDEX_BITS) - 1)
    role = number >> (INDEX_BITS + RUN_BITS)
    name = next((n for n, given in role_numbers.items() if given == role), None)
    return (Key(name, index) if name is not None else None), run


def priority(role_number: int) -> int:
    """One scheduler key per role; the first role declared is served first."""
    return role_number + 1
