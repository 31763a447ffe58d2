"""The client's side of SASL GSSAPI (RFC 4752): a ticket for a server that is who it should be, then the protection.

Never here: a socket, or whom we speak for.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainmaster.errors import DeniedError, InvalidError
from trainmaster.hadoop.kerberos import principals, words
from trainmaster.hadoop.kerberos.context import Context
from trainmaster.hadoop.kerberos.library import GssError
from trainmaster.hadoop.protection import SASL_EXCEPTION, Layer, Protection, UnprotectedError, agreed, quoted

_BITS = {Protection.AUTHENTICATION: 1, Protection.INTEGRITY: 2, Protection.PRIVACY: 4}
_LONGEST = b"\xff\xff\xff"
"""the largest message that we take; none where there is no layer"""
SERVER_SETTING = "yarn.resourcemanager.principal"
"""of YARN's servers the only one that takes tickets of ours: the others take tokens"""


@dataclass(frozen=True, slots=True)
class ServerNames:
    """Whom the configuration names as the server: its principal on any of these hosts, or a pattern."""

    configured: str
    hosts: tuple[str, ...] = ()
    pattern: str = ""
    setting: str = SERVER_SETTING

    def check(self, service: str, host: str) -> None:
        """DeniedError unless the server that calls itself so is the one. May look up names."""
        if not self.configured and not self.pattern:
            raise DeniedError(SASL_EXCEPTION, f"{self.setting} isn't set here: it must be the cluster's")
        known = {*self.hosts, *map(socket.getfqdn, self.hosts)}
        if not principals.is_expected(service, host, self.configured, known, self.pattern):
            want = self.pattern or self.configured
            raise DeniedError(
                SASL_EXCEPTION,
                f"the server calls itself {quoted(f'{service}/{host}')}, and {self.setting} is {want}",
            )

    @property
    def realm(self) -> str:
        """That of a pattern, empty for whichever the host is of. DeniedError for a part of a realm's name."""
        try:
            return principals.realm_of(self.pattern)
        except ValueError as error:
            raise DeniedError(SASL_EXCEPTION, f"{self.setting}.pattern: {error}") from None


class Gssapi:
    """One authentication. `open_context` is replaced by tests alone."""

    def __init__(
        self,
        service: str,
        host: str,
        servers: ServerNames,
        protections: Sequence[Protection],
        open_context: Callable[..., Context] = Context,
    ) -> None:
        self._service, self._host, self._servers, self._protections = service, host, servers, protections
        self._open = open_context
        self._context: Context | None = None
        self._agreed: Protection | None = None

    def first(self, challenge: bytes) -> bytes:  # noqa: ARG002 - a server has nothing to say before it is asked
        self._servers.check(self._service, self._host)
        return self._told(lambda: self._begun().step())

    def next(self, challenge: bytes) -> bytes:
        return self._told(lambda: self._answer(challenge))

    def finish(self, proof: bytes) -> Layer | None:
        """The server has proved itself by its part of the context, so `proof` may be empty."""
        if self._context is None or self._agreed is None or proof:
            raise DeniedError(SASL_EXCEPTION, "the server ended the log-in before it had proved itself")
        if self._agreed is Protection.AUTHENTICATION:
            return None
        return GssapiLayer(self._context, sealed=self._agreed is Protection.PRIVACY)

    def _begun(self) -> Context:
        self._context = self._open(self._service, self._host, realm=self._servers.realm)
        return self._context

    def _answer(self, challenge: bytes) -> bytes:
        assert self._context is not None
        if not self._context.done:
            return self._context.step(challenge)
        offer = self._context.unwrap(challenge)
        if len(offer) != 4:
            raise DeniedError(SASL_EXCEPTION, "the server's offer of protection is not understood")
        self._agreed = agreed(self._protections, [each for each, bit in _BITS.items() if offer[0] & bit])
        longest = b"\0\0\0" if self._agreed is Protection.AUTHENTICATION else _LONGEST
        return self._context.wrap(bytes([_BITS[self._agreed]]) + longest, sealed=False)

    def _told(self, work: Callable[[], bytes]) -> bytes:
        try:
            return work()
        except InvalidError as error:  # the machine has no such library
            raise DeniedError(words.KIND, str(error)) from None
        except GssError as error:
            raise words.told(str(error), config=os.environ.get("KRB5_CONFIG", "")) from None


class GssapiLayer:
    """The library's own signing and sealing. Needs no KDC, so the loop may wait for it."""

    def __init__(self, context: Context, *, sealed: bool) -> None:
        self._context, self._sealed = context, sealed

    def wrap(self, data: bytes) -> bytes:
        return self._context.wrap(data, sealed=self._sealed)

    def unwrap(self, data: bytes) -> bytes:
        try:
            return self._context.unwrap(data, sealed=self._sealed)
        except GssError as error:
            raise UnprotectedError(str(error)) from None
