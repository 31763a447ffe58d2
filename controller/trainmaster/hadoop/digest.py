"""The client's side of SASL DIGEST-MD5 (RFC 2831), by which a token's password is proved without being told.

Never here: a socket, or what a token is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from trainmaster.errors import DeniedError
from trainmaster.hadoop.protection import (
    CIPHER,
    SASL_EXCEPTION,
    DigestLayer,
    Layer,
    Protection,
    agreed,
)

LONGEST_CHALLENGE = 1 << 16
"""bytes: who hasn't proved anything yet must not have us read for long"""
_PAIR = re.compile(r'(?<![\w-])([\w-]{1,64})=(?:"((?:[^"\\]|\\.)*)"|([^,\s]*))')
_INTEGRITY_SUFFIX = ":" + "0" * 32
"""of A2 where messages are protected: the hash of an empty body"""


class Digest:
    """One authentication, and the protection that is agreed on in it."""

    def __init__(
        self,
        user: str,
        password: str,
        uri: str,
        cnonce: str,
        protections: Sequence[Protection] = (Protection.AUTHENTICATION,),
    ) -> None:
        """`protections` are those that will do, the best liked first."""
        self._user, self._password, self._uri, self._cnonce = user, password, uri, cnonce
        self._protections = protections
        self._proof = b""
        self._proven = False
        self._secret = b""
        self._agreed = Protection.AUTHENTICATION

    def first(self, challenge: bytes) -> bytes:
        if len(challenge) > LONGEST_CHALLENGE:
            raise DeniedError(SASL_EXCEPTION, f"the server's challenge has {len(challenge)} bytes")
        said = pairs(challenge.decode("utf-8", "replace"))
        self._agreed = agreed(self._protections, _listed(said.get("qop", "auth")))
        sealed = self._agreed is Protection.PRIVACY
        if sealed and CIPHER not in _listed(said.get("cipher", "")):
            raise DeniedError(
                SASL_EXCEPTION,
                f"the server seals by {said.get('cipher', '')[:60]!r}, and we only by {CIPHER}",
            )
        realm, nonce = said.get("realm", ""), said.get("nonce", "")
        self._secret = self._hash_of_a1(realm, nonce)
        suffix = "" if self._agreed is Protection.AUTHENTICATION else _INTEGRITY_SUFFIX
        self._proof = self._response(nonce, f":{self._uri}{suffix}").encode()
        return (
            f'charset=utf-8,username="{self._user}",realm="{realm}",nonce="{nonce}",nc=00000001,'
            f'cnonce="{self._cnonce}",digest-uri="{self._uri}",maxbuf=65536,'
            f"response={self._response(nonce, f'AUTHENTICATE:{self._uri}{suffix}')},qop={self._agreed}"
            f"{f',cipher={CIPHER}' if sealed else ''}"
        ).encode()

    def next(self, challenge: bytes) -> bytes:
        """Some servers send their proof as one more challenge, to be answered with nothing."""
        self.finish(challenge)
        return b""

    def finish(self, proof: bytes) -> Layer | None:
        self._proven = self._proven or hmac.compare_digest(proof, b"rspauth=" + self._proof)
        if not self._proven:
            raise DeniedError(SASL_EXCEPTION, "the server could not prove that it knows the token's secret")
        if self._agreed is Protection.AUTHENTICATION:
            return None
        return DigestLayer(self._secret, sealed=self._agreed is Protection.PRIVACY)

    def _hash_of_a1(self, realm: str, nonce: str) -> bytes:
        """H(A1) of RFC 2831, 2.1.2.1."""
        secret = _digest(f"{self._user}:{realm}:{self._password}".encode())
        return _digest(secret + f":{nonce}:{self._cnonce}".encode())

    def _response(self, nonce: str, a2: str) -> str:
        """response-value, likewise."""
        middle = f"{nonce}:00000001:{self._cnonce}:{self._agreed}"
        return _digest(f"{self._secret.hex()}:{middle}:{_digest(a2.encode()).hex()}".encode()).hex()


def pairs(text: str) -> dict[str, str]:
    """The directives of a challenge, by name."""
    return {name: quoted or plain for name, quoted, plain in _PAIR.findall(text)}


def _listed(text: str) -> list[str]:
    return re.split(r"\s*,\s*", text.strip())


def _digest(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
