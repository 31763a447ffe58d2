"""Who we are, told to a Hadoop server: simple user names, and tokens by SASL DIGEST-MD5 (RFC 2831).

A login chooses one of the mechanisms that the server offers; a mechanism turns challenges into responses.
Kerberos (GSSAPI) and protected connections (qop auth-int, auth-conf) will be further logins and mechanisms.
Never here: a socket.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from trainmaster.errors import DeniedError
from trainmaster.hadoop import frames
from trainmaster.hadoop.messages import token_proto
from trainmaster.hadoop.proto.common_pb2 import (
    IpcConnectionContextProto,
    RpcSaslProto,
    UserInformationProto,
)

_SASL_EXCEPTION = "javax.security.sasl.SaslException"
_PAIR = re.compile(r'([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]*))')


class Mechanism(Protocol):
    """One authentication that is going on."""

    def first(self, challenge: bytes) -> bytes:
        """The first response, to the challenge that came with the offer (may be empty)."""

    def next(self, challenge: bytes) -> bytes:
        """The response to a further challenge."""

    def finish(self, proof: bytes) -> None:
        """The server said that we are in; raises DeniedError if its proof that it knows the secret too is
        wrong."""


class Login(Protocol):
    """How one connection authenticates."""

    @property
    def auth(self) -> int:
        """frames.SIMPLE or frames.SASL, for the preamble."""

    def context(self, protocol: str) -> IpcConnectionContextProto:
        """Whom we speak for, sent once per connection."""

    def choose(self, offers: Iterable[RpcSaslProto.SaslAuth]) -> tuple[RpcSaslProto.SaslAuth, Mechanism]:
        """One of the server's offers; DeniedError if none will do."""


@dataclass(frozen=True, slots=True)
class SimpleLogin:
    """A name that the server takes our word for (hadoop.security.authentication=simple)."""

    user: str
    auth: int = frames.SIMPLE

    def context(self, protocol: str) -> IpcConnectionContextProto:
        return IpcConnectionContextProto(
            protocol=protocol, userInfo=UserInformationProto(effectiveUser=self.user)
        )

    def choose(self, offers: Iterable[RpcSaslProto.SaslAuth]) -> tuple[RpcSaslProto.SaslAuth, Mechanism]:
        raise DeniedError(_SASL_EXCEPTION, f"the server wants {_names(offers)}, and we only have a name")


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """A token that the server's own secret manager made; the user is inside it."""

    token: bytes = field(repr=False)
    """serialised hadoop.common.TokenProto"""
    auth: int = frames.SASL

    def context(self, protocol: str) -> IpcConnectionContextProto:
        return IpcConnectionContextProto(protocol=protocol)

    def choose(self, offers: Iterable[RpcSaslProto.SaslAuth]) -> tuple[RpcSaslProto.SaslAuth, Mechanism]:
        offers = list(offers)
        for offer in offers:
            if offer.method == "TOKEN" and offer.mechanism == "DIGEST-MD5":
                return offer, self._digest(offer)
        raise DeniedError(_SASL_EXCEPTION, f"the server takes no tokens, it wants {_names(offers)}")

    def _digest(self, offer: RpcSaslProto.SaslAuth) -> Digest:
        token = token_proto(self.token)
        user, password = b64encode(token.identifier).decode(), b64encode(token.password).decode()
        # The server names itself in the offer, and that is what its side of the digest is made of.
        return Digest(user, password, f"{offer.protocol}/{offer.serverId}", secrets.token_hex(16))


class Digest:
    """The client's side of DIGEST-MD5, quality of protection `auth` (authentication only)."""

    def __init__(self, user: str, password: str, uri: str, cnonce: str) -> None:
        self._user, self._password, self._uri, self._cnonce = user, password, uri, cnonce
        self._proof = b""
        self._proven = False

    def first(self, challenge: bytes) -> bytes:
        said = pairs(challenge.decode("utf-8", "replace"))
        if "auth" not in re.split(r"\s*,\s*", said.get("qop", "auth")):
            raise DeniedError(
                _SASL_EXCEPTION, f"the server wants the protection {said['qop']!r}, not spoken here"
            )
        realm, nonce = said.get("realm", ""), said.get("nonce", "")
        self._proof = self._hash(realm, nonce, f":{self._uri}").encode()
        return (
            f'charset=utf-8,username="{self._user}",realm="{realm}",nonce="{nonce}",nc=00000001,'
            f'cnonce="{self._cnonce}",digest-uri="{self._uri}",maxbuf=65536,'
            f"response={self._hash(realm, nonce, f'AUTHENTICATE:{self._uri}')},qop=auth"
        ).encode()

    def next(self, challenge: bytes) -> bytes:
        """Some servers send their proof as one more challenge, to be answered with nothing."""
        self.finish(challenge)
        return b""

    def finish(self, proof: bytes) -> None:
        self._proven = self._proven or hmac.compare_digest(proof, b"rspauth=" + self._proof)
        if not self._proven:
            raise DeniedError(_SASL_EXCEPTION, "the server could not prove that it knows the token's secret")

    def _hash(self, realm: str, nonce: str, a2: str) -> str:
        """response-value of RFC 2831, 2.1.2.1."""
        secret = hashlib.md5(
            f"{self._user}:{realm}:{self._password}".encode(), usedforsecurity=False
        ).digest()
        a1 = secret + f":{nonce}:{self._cnonce}".encode()
        return _md5(f"{_md5(a1)}:{nonce}:00000001:{self._cnonce}:auth:{_md5(a2.encode())}".encode())


def pairs(text: str) -> dict[str, str]:
    """The directives of a challenge, by name."""
    return {name: quoted or plain for name, quoted, plain in _PAIR.findall(text)}


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _names(offers: Iterable[RpcSaslProto.SaslAuth]) -> str:
    return ", ".join(f"{offer.method} by {offer.mechanism}" for offer in offers) or "nothing we know"
