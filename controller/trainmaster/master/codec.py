"""A job's memory as the bytes of its journal record, and back. The record holds a secret (the token): never log it."""

from __future__ import annotations

import json

from pydantic import TypeAdapter, ValidationError

from trainmaster.errors import InvalidError
from trainmaster.plan.memory import Memory

_MEMORY = TypeAdapter(Memory)


def encode(memory: Memory) -> bytes:
    """One line of JSON; what stands at its default is left out, so that records stay small."""
    return _MEMORY.dump_json(memory, exclude_defaults=True)


def decode(record: bytes) -> Memory:
    """The memory of a record. Raises InvalidError, without the record's contents, when it can't be read."""
    try:
        return _MEMORY.validate_json(record)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, e["loc"])) for e in error.errors(include_input=False))
        raise InvalidError(f"a journal record can't be read: {where}") from None


def name_of(record: bytes) -> tuple[str, str]:
    """(namespace, name) of a record that can't be decoded, as far as it tells; empty words where it doesn't."""
    try:
        found = json.loads(record)
        return str(found["namespace"]), str(found["name"])
    except (ValueError, KeyError, TypeError):
        return "", ""
