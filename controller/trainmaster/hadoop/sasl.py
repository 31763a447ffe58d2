"""Who we are, told to a Hadoop server: simple user names, tokens by SASL DIGEST-MD5, and tickets by SASL GSSAPI.

A login chooses one of the mechanisms that the server offers; a mechanism turns challenges into responses (digest.py,
kerberos/mechanism.py). Never here: a socket.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from trainmaster.errors import DeniedError
from trainmaster.hadoop import frames
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.digest import Digest
from trainmaster.hadoop.kerberos.login import aside
from trainmaster.hadoop.kerberos.mechanism import Gssapi, ServerNames
from trainmaster.hadoop.messages import token_proto
from trainmaster.hadoop.protection import SASL_EXCEPTION, Layer, Protection, quoted
from trainmaster.hadoop.proto.common_pb2 import (
    IpcConnectionContextProto,
    RpcSaslProto,
    UserInformationProto,
)

Offers = Iterable[RpcSaslProto.SaslAuth]
Chosen = tuple[RpcSaslProto.SaslAuth, "Mechanism"]
_NAMED = 5
"""offers of a server that are named in a sentence"""


class Mechanism(Protocol):
    """One authentication that is going on."""

    def first(self, challenge: bytes) -> bytes:
        """The first response, to the challenge that came with the offer (may be empty)."""

    def next(self, challenge: bytes) -> bytes:
        """The response to a further challenge."""

    def finish(self, proof: bytes) -> Layer | None:
        """The server said that we are in: what goes round all messages from here on. Raises DeniedError if its proof that it
        knows the secret too is wrong."""


class Login(Protocol):
    """How one connection authenticates."""

    @property
    def auth(self) -> int:
        """frames.SIMPLE or frames.SASL, for the preamble."""

    def context(self, protocol: str) -> IpcConnectionContextProto:
        """Whom we speak for, sent once per connection."""

    def choose(self, offers: Offers) -> Chosen:
        """One of the server's offers; DeniedError if none will do."""

    async def step(self, respond: Callable[[bytes], bytes], challenge: bytes) -> bytes:
        """One response of the chosen mechanism; in a thread where it may have to wait for somebody."""


@dataclass(frozen=True, slots=True)
class SimpleLogin:
    """A name that the server takes our word for (hadoop.security.authentication=simple)."""

    user: str
    auth: int = frames.SIMPLE

    def context(self, protocol: str) -> IpcConnectionContextProto:
        return _context(protocol, self.user)

    def choose(self, offers: Offers) -> Chosen:
        raise DeniedError(SASL_EXCEPTION, f"the server wants {_names(offers)}, and we only have a name")

    async def step(self, respond: Callable[[bytes], bytes], challenge: bytes) -> bytes:
        return respond(challenge)


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """A token that the server's own secret manager made; the user is inside it."""

    token: bytes = field(repr=False)
    """serialised hadoop.common.TokenProto"""
    protections: Sequence[Protection] = (Protection.AUTHENTICATION,)
    auth: int = frames.SASL

    def context(self, protocol: str) -> IpcConnectionContextProto:
        return _context(protocol)

    def choose(self, offers: Offers) -> Chosen:
        offers = list(offers)
        for offer in offers:
            if offer.method == "TOKEN" and offer.mechanism == "DIGEST-MD5":
                return offer, self._digest(offer)
        raise DeniedError(SASL_EXCEPTION, f"the server takes no tokens, it wants {_names(offers)}")

    async def step(self, respond: Callable[[bytes], bytes], challenge: bytes) -> bytes:
        return respond(challenge)

    def _digest(self, offer: RpcSaslProto.SaslAuth) -> Digest:
        token = token_proto(self.token)
        user, password = b64encode(token.identifier).decode(), b64encode(token.password).decode()
        # The server names itself in the offer, and that is what its side of the digest is made of.
        uri = f"{offer.protocol}/{offer.serverId}"
        return Digest(user, password, uri, secrets.token_hex(16), self.protections)


@dataclass(frozen=True, slots=True)
class KerberosLogin:
    """The ticket of this process, and the user that it speaks for (hadoop.proxyuser.*); empty for itself."""

    user: str
    servers: ServerNames
    """whom we take for the server"""
    protections: Sequence[Protection] = (Protection.AUTHENTICATION,)
    auth: int = frames.SASL

    def context(self, protocol: str) -> IpcConnectionContextProto:
        return _context(protocol, self.user)

    def choose(self, offers: Offers) -> Chosen:
        offers = list(offers)
        for offer in offers:
            if offer.method == "KERBEROS" and offer.mechanism == "GSSAPI":
                return offer, Gssapi(offer.protocol, offer.serverId, self.servers, self.protections)
        raise DeniedError(SASL_EXCEPTION, f"the server takes no tickets, it wants {_names(offers)}")

    async def step(self, respond: Callable[[bytes], bytes], challenge: bytes) -> bytes:
        return await aside(respond, challenge)


def login(conf: HadoopConf, user: str) -> Login:
    """How the ResourceManager's clients say that they speak for `user`; under Kerberos empty for whoever this process is."""
    if not conf.kerberos:
        return SimpleLogin(user)
    hosts = tuple(address.rpartition(":")[0] for address in conf.clients)
    servers = ServerNames(conf.manager_principal, hosts, conf.manager_pattern)
    return KerberosLogin(user, servers, conf.protections)


def _context(protocol: str, user: str = "") -> IpcConnectionContextProto:
    who = UserInformationProto(effectiveUser=user) if user else None
    return IpcConnectionContextProto(protocol=protocol, userInfo=who)


def _names(offers: Iterable[RpcSaslProto.SaslAuth]) -> str:
    """Cut and escaped: these are words of somebody who hasn't proved yet who he is."""
    some = [f"{quoted(offer.method)} by {quoted(offer.mechanism)}" for offer in islice(offers, _NAMED)]
    return ", ".join(some) or "nothing we know"
