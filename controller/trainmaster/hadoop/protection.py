"""What SASL does to the messages after a log-in: nothing, a signature, or sealing as well (hadoop.rpc.protection). Pure.

Signing and sealing of DIGEST-MD5 live here (RFC 2831, 2.3 and 2.4); those of Kerberos are the GSSAPI library's.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol

from trainmaster.errors import DeniedError, InvalidError

SETTING = "hadoop.rpc.protection"
SASL_EXCEPTION = "javax.security.sasl.SaslException"
CIPHER = "rc4"
"""the one of DIGEST-MD5's ciphers that Java and we have in common at full strength"""
_MAC, _TAIL = 10, 6
"""bytes of a MAC, and of message type and sequence number after it"""
_TYPE = b"\x00\x01"


class Protection(StrEnum):
    """The quality of protection, as SASL calls it."""

    AUTHENTICATION = "auth"
    INTEGRITY = "auth-int"
    PRIVACY = "auth-conf"


_BY_HADOOP = {each.name.lower(): each for each in Protection}


class UnprotectedError(ValueError):
    """A message isn't the peer's, not the next one, or not protected as was agreed."""


class Layer(Protocol):
    """What goes round the messages of one connection, in order."""

    def wrap(self, data: bytes) -> bytes:
        """What to send for these bytes."""

    def unwrap(self, data: bytes) -> bytes:
        """The bytes that were sent. Raises UnprotectedError."""


def wanted(text: str) -> tuple[Protection, ...]:
    """What hadoop.rpc.protection allows, the best liked first. InvalidError for words that aren't Hadoop's."""
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    if unknown := [name for name in names if name not in _BY_HADOOP]:
        raise InvalidError(f"{SETTING}: {unknown[0]!r} is not one of {', '.join(_BY_HADOOP)}")
    return tuple(dict.fromkeys(_BY_HADOOP[name] for name in names)) or (Protection.AUTHENTICATION,)


def agreed(ours: Sequence[Protection], offered: Iterable[str]) -> Protection:
    """The first of ours that the server has; DeniedError where there is none."""
    theirs = [each for each in Protection if each in set(offered)]
    for each in ours:
        if each in theirs:
            return each
    raise DeniedError(
        SASL_EXCEPTION,
        f"the server wants the protection {_named(theirs)}, and {SETTING} is {_named(ours)} here: it must be the cluster's",
    )


def _named(protections: Iterable[Protection]) -> str:
    return " or ".join(each.name.lower() for each in protections) or "of a kind not known here"


def quoted(words: str) -> str:
    """A server's own word for a sentence of ours: one line of 60 characters at most."""
    return words[:60].encode("unicode_escape").decode()


class DigestLayer:
    """DIGEST-MD5's own: a MAC with a sequence number, and RC4 over both where it is sealed."""

    def __init__(self, secret: bytes, *, sealed: bool) -> None:
        """`secret` is H(A1), the bytes that both sides made of the password."""
        self._signing = _key(secret, "session key to client-to-server signing")
        self._checking = _key(secret, "session key to server-to-client signing")
        self._sent = self._heard = 0
        self._seal = self._open = None
        if sealed:
            from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
            from cryptography.hazmat.primitives.ciphers import Cipher

            self._seal = Cipher(ARC4(_key(secret, "H(A1) to client-to-server sealing")), None).encryptor()
            self._open = Cipher(ARC4(_key(secret, "H(A1) to server-to-client sealing")), None).decryptor()

    def wrap(self, data: bytes) -> bytes:
        number = struct.pack(">I", self._sent)
        self._sent = (self._sent + 1) & 0xFFFFFFFF
        body = data + _mac(self._signing, number, data)
        return (self._seal.update(body) if self._seal else body) + _TYPE + number

    def unwrap(self, data: bytes) -> bytes:
        if len(data) < _MAC + _TAIL:
            raise UnprotectedError("a message is too short for its signature")
        body, tail = data[:-_TAIL], data[-_TAIL:]
        plain = self._open.update(body) if self._open else body
        number = struct.pack(">I", self._heard)
        said, mac = plain[:-_MAC], plain[-_MAC:]
        right = hmac.compare_digest(mac, _mac(self._checking, number, said))
        if not right or tail != _TYPE + number:
            raise UnprotectedError("a message is not signed as it should be")
        self._heard = (self._heard + 1) & 0xFFFFFFFF
        return said


def _key(secret: bytes, purpose: str) -> bytes:
    magic = f"Digest {purpose} key magic constant"
    return hashlib.md5(secret + magic.encode(), usedforsecurity=False).digest()


def _mac(key: bytes, number: bytes, data: bytes) -> bytes:
    return hmac.new(key, number + data, "md5").digest()[:_MAC]
