"""Keytabs: whose keys they hold. The library says of one that is missing, foreign or broken only that there is no ticket.

The format is MIT's (version 0x0502): entries with a length before each; a negative length is a hole. Source: "The Kerberos Keytab
Binary File Format" in MIT's documentation. Never here: the making of keys.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from trainmaster.errors import InvalidError

VERSION = b"\x05\x02"
Entries = Mapping[str, tuple[bytes, ...]]
"""the keys of each principal, such as `HTTP/localhost@REALM`, each entry as it stands in the file without its length"""


def read(data: bytes) -> Entries:
    """The entries of a keytab by principal. InvalidError for what is none, or is cut off."""
    if data[:2] != VERSION:
        raise InvalidError("this is no keytab of version 0x0502")
    found: dict[str, tuple[bytes, ...]] = {}
    for entry in _entries(data, len(VERSION)):
        principal = _principal(entry)
        found[principal] = (*found.get(principal, ()), entry)
    return found


def write(entries: Iterable[bytes]) -> bytes:
    """A keytab of these entries."""
    return VERSION + b"".join(struct.pack(">i", len(entry)) + entry for entry in entries)


def of(entries: Entries, principals: Iterable[str]) -> bytes:
    """A keytab of these principals alone. Raises KeyError for one that has no key."""
    return write(entry for principal in principals for entry in entries[principal])


def check(file: Path, principal: str) -> None:
    """InvalidError unless the file is a keytab with a key of this principal; one without a realm is of any."""
    try:
        held = read(file.read_bytes())
    except OSError as error:
        raise InvalidError(f"kerberos.keytab: {file} can't be read: {error.strerror}") from None
    except InvalidError as error:
        raise InvalidError(f"kerberos.keytab: {file}: {error}") from None
    if not any(each in {principal, f"{principal}@{each.rpartition('@')[2]}"} for each in held):
        whose = ", ".join(sorted(held)) or "nobody"
        raise InvalidError(f"kerberos.keytab: {file} holds no key of {principal}, but of {whose}")


def _entries(data: bytes, start: int) -> Iterator[bytes]:
    while start < len(data):
        (length,) = _unpack(">i", data, start)
        start += 4
        if length > 0:
            yield _cut(data, start, length)
        start += abs(length)


def _principal(entry: bytes) -> str:
    """Number of components, realm, then each component, all with their lengths."""
    (count,) = _unpack(">H", entry, 0)
    texts, at = [], 2
    for _ in range(count + 1):
        (length,) = _unpack(">H", entry, at)
        texts.append(_cut(entry, at + 2, length).decode("utf-8", "replace"))
        at += 2 + length
    realm, *components = texts
    return f"{'/'.join(components)}@{realm}"


def _unpack(form: str, data: bytes, at: int) -> tuple[int, ...]:
    return struct.unpack(form, _cut(data, at, struct.calcsize(form)))


def _cut(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length]
    if len(part) < length:
        raise InvalidError("the keytab is cut off")
    return part
