"""Keytabs and identifiers of tokens for tests, with keys that open nothing."""

from __future__ import annotations

import struct

from trainmaster.hadoop.kerberos import keytabs
from trainmaster.hadoop.writable import vlong_bytes


def entry(principal: str, key: bytes = b"k" * 32) -> bytes:
    """As MIT's documentation has it: components, realm first, name type, time, version, kind of key, key."""
    name, _, realm = principal.partition("@")
    parts = name.split("/")
    texts = b"".join(struct.pack(">H", len(text.encode())) + text.encode() for text in (realm, *parts))
    return struct.pack(">H", len(parts)) + texts + struct.pack(">IIBHH", 1, 0, 1, 18, len(key)) + key


def keytab(*principals: str) -> bytes:
    return keytabs.write(map(entry, principals))


def identifier(issued: int, ends: int) -> bytes:
    """Of a delegation token, its times in milliseconds (AbstractDelegationTokenIdentifier.write)."""
    who = b"".join(vlong_bytes(len(name)) + name for name in (b"alice", b"yarn", b"trainmaster"))
    return b"\0" + who + vlong_bytes(issued) + vlong_bytes(ends) + vlong_bytes(7) + vlong_bytes(2)
