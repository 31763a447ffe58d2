"""A job's memory as the bytes of its journal record, and back. The record holds a secret (the token): never log it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from trainmaster.errors import InvalidError
from trainmaster.plan.memory import Memory
from trainmaster.plan.restart import kept

VERSION = 2
"""the newest that is read. It rises where an older controller would misunderstand a record, not for a field that it may leave
out of account"""
CALM = 1
"""version of a record that any controller understands: only what is being restarted in place is of a newer one"""
_MEMORY = TypeAdapter(Memory)
_VERSION = re.compile(rb'\{"version":\s*(\d{1,9})\s*,')
"""the first field, so that whoever can't read the rest can read this; a record without it is of version 1"""


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What a record says of its job before anything else; empty words where it doesn't."""

    namespace: str = ""
    name: str = ""
    application: str = ""
    user: str = ""
    """as whom the application runs"""
    token: str = field(default="", repr=False)
    """secret: with it a sign of life can be given for the application"""
    version: int = CALM
    """of the record"""


def encode(memory: Memory) -> bytes:
    """One line of JSON; what stands at its default is left out, so that records stay small."""
    return b'{"version":%d,' % _needed(memory) + _MEMORY.dump_json(
        memory, exclude_defaults=True
    ).removeprefix(b"{")


def _needed(memory: Memory) -> int:
    """An older controller would take what waits in a container that is kept for a process of the job."""
    between = kept(memory) or any(r.reinitialising for r in memory.replicas)
    return VERSION if between else CALM


def decode(record: bytes) -> Memory:
    """The memory of a record. Raises InvalidError, without the record's contents, when it can't be read."""
    if (version := version_of(record)) > VERSION:
        raise InvalidError(
            f"a journal record is of version {version}, and this controller reads {VERSION} at most"
        )
    try:
        return _MEMORY.validate_json(record)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, e["loc"])) for e in error.errors(include_input=False))
        raise InvalidError(f"a journal record can't be read: {where}") from None


def version_of(record: bytes) -> int:
    """By which rules it was written."""
    found = _VERSION.match(record)
    return int(found[1]) if found else 1


def nameplate_of(record: bytes) -> Nameplate:
    """Whose a record is that can't be decoded, as far as it tells: it may have been cut off, or be of another version."""
    text = record.decode(errors="replace")
    application = _found(r'"application":\s*\{([^{}]*)', text)
    return Nameplate(
        _found(r'"namespace":\s*"([^"\\]*)"', text),
        _found(r'"name":\s*"([^"\\]*)"', text),
        _found(r'"id":\s*"(application_\d+_\d+)"', application),
        _found(r'"user":\s*"([^"\\]*)"', application),
        _found(r'"token":\s*"([A-Za-z0-9+/=]+)"', application),
        version_of(record),
    )


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""
