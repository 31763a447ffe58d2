"""Hadoop's tokens as its files and identifiers have them: Credentials (version 0), and the lives of delegation tokens. Pure.

The formats are those of Credentials.writeTokenStorageToStream, Token.write, AbstractDelegationTokenIdentifier.write and
WritableUtils.writeVLong in org.apache.hadoop. Never here: a secret in words of an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainmaster.errors import InvalidError
from trainmaster.hadoop.proto.common_pb2 import TokenProto

_MAGIC = b"HDTS\x00"


@dataclass(frozen=True, slots=True)
class Life:
    """Of a delegation token, in seconds since the epoch."""

    issued: float
    ends: float
    """its maximum: nobody renews it beyond"""

    @property
    def half(self) -> float:
        return (self.issued + self.ends) / 2


def credentials(tokens: Iterable[TokenProto]) -> bytes:
    """A token file of these, each under its service."""
    listed = [vlong_bytes(0)]
    for number, token in enumerate(tokens, start=1):
        listed[0] = vlong_bytes(number)
        service = _text(token.service)
        listed += [service, _blob(token.identifier), _blob(token.password), _text(token.kind), service]
    return _MAGIC + b"".join(listed) + vlong_bytes(0)  # no secret keys


def life(identifier: bytes) -> Life:
    """When a delegation token was issued and ends for good. InvalidError for an identifier of another form."""
    at = 1  # version
    for _ in ("owner", "renewer", "real user"):
        length, at = vlong(identifier, at)
        at += length
    issued, at = vlong(identifier, at)
    ends, _ = vlong(identifier, at)
    return Life(issued / 1000, ends / 1000)


def vlong_bytes(number: int) -> bytes:
    """One byte for small numbers, else a byte that tells sign and length, then the bytes."""
    if -112 <= number <= 127:
        return number.to_bytes(1, "big", signed=True)
    base, magnitude = (-112, number) if number >= 0 else (-120, ~number)
    body = magnitude.to_bytes((magnitude.bit_length() + 7) // 8 or 1, "big")
    return (base - len(body)).to_bytes(1, "big", signed=True) + body


def vlong(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    first = int.from_bytes(_cut(data, at, 1), "big", signed=True)
    if first >= -112:
        return first, at + 1
    length = -112 - first if first >= -120 else -120 - first
    magnitude = int.from_bytes(_cut(data, at + 1, length), "big")
    return (magnitude if first >= -120 else ~magnitude), at + 1 + length


def _blob(data: bytes) -> bytes:
    return vlong_bytes(len(data)) + data


def _text(text: str) -> bytes:
    return _blob(text.encode())


def _cut(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length] if at >= 0 else b""
    if len(part) < length:
        raise InvalidError("the identifier of a token is cut off")
    return part
