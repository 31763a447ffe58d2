"""Where the webhooks' certificate is kept: in a Secret of the controller's own, which all its replicas share, or in a folder
that somebody else fills.

Each look does at most one step of what certificates.py says. Never here: when a step is due.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.settings import Kubernetes, Webhook
from trainmaster.sources.kubernetes.admission.certificates import Certificates, renewed
from trainmaster.sources.kubernetes.admission.issuing import Pair
from trainmaster.sources.kubernetes.api import (
    MUTATING_WEBHOOKS,
    SECRETS,
    VALIDATING_WEBHOOKS,
    Api,
    ConflictError,
    NotFoundError,
    Object,
    Resource,
)
from trainmaster.sources.kubernetes.records import labels_of

_STRATEGIC = "application/strategic-merge-patch+json"
"""a patch that finds the entries of a list by their key, here each webhook by its name"""
_CERTIFICATE, _KEY, _AUTHORITIES = "tls.crt", "tls.key", "ca.crt"
"""as in every Secret of type kubernetes.io/tls, and in a folder made of one"""
_NEXT_CERTIFICATE, _NEXT_KEY = "next.crt", "next.key"


class Keeper(Protocol):
    """Who has the certificate that is to be served."""

    trouble: str
    """what a person should mend though there is a certificate; empty when well"""

    async def look(self) -> Pair:
        """What to serve now."""


class FolderKeeper:
    """A certificate that somebody else makes, renews and vouches for, such as cert-manager in a mounted Secret."""

    trouble = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def look(self) -> Pair:
        """UnavailableError when it can't be read."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> Pair:
        try:
            return Pair((self._folder / _CERTIFICATE).read_bytes(), (self._folder / _KEY).read_bytes())
        except OSError as error:
            raise UnavailableError(f"the webhooks' certificate can't be read: {error}") from error


class SecretKeeper:
    """A certificate that the controller makes by itself, and that it vouches for in its webhook configurations."""

    def __init__(self, settings: Kubernetes, api: Api, now: Callable[[], float]) -> None:
        """`now` tells the seconds since the epoch."""
        self._api, self._now = api, now
        self._namespace = api.namespace
        self._secret, self._instance = secret_name(settings), settings.name
        self._names = names(settings.webhook, api.namespace)
        self._configuration = settings.webhook.configuration
        self.trouble = ""

    async def look(self) -> Pair:
        """Raises what a call to the API server raises for the Secret; for the configurations it is `trouble`."""
        secret = await self._read()
        held = held_in(secret.get("data") or {}) if secret else None
        announced = await self._announced(held) if held else False
        wanted = renewed(held, self._names, self._now(), announced=announced)
        if wanted == held:
            return wanted.served
        kept = await self._keep(wanted, secret)
        await self._announced(kept)
        return kept.served

    async def _read(self) -> Object | None:
        try:
            return await self._api.get(SECRETS, self._namespace, self._secret)
        except NotFoundError:
            return None

    async def _keep(self, wanted: Certificates, before: Object | None) -> Certificates:
        """Write it down, or take what another replica wrote at the same time: one is as good as the other."""
        body = {**(before or self._new()), "data": data_of(wanted)}
        try:
            if before:
                await self._api.replace(SECRETS, self._namespace, self._secret, body)
            else:
                await self._api.create(SECRETS, self._namespace, body)
            return wanted
        except ConflictError:
            theirs = await self._read()
            if found := held_in((theirs or {}).get("data") or {}):
                return found
            raise

    def _new(self) -> Object:
        labels = labels_of(self._instance)
        metadata = {"name": self._secret, "namespace": self._namespace, "labels": labels}
        return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata}

    async def _announced(self, held: Certificates) -> bool:
        """See to it that both configurations trust all of it. True when they were found so, before anything was written."""
        try:
            found = [await self._trusts(kind, held) for kind in (VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS)]
        except RefusedError as error:  # a missing right or configuration: who is served may still be asked
            self.trouble = f"the API server can't be told whom to trust: {error}"
            return False
        self.trouble = ""
        return all(found)

    async def _trusts(self, kind: Resource, held: Certificates) -> bool:
        bundle = _encoded(held.trusted)
        found = await self._api.get(kind, "", self._configuration)
        others = [
            webhook["name"]
            for webhook in found.get("webhooks") or ()
            if webhook["clientConfig"].get("caBundle") != bundle
        ]
        if not others:
            return True
        patch = {"webhooks": [{"name": name, "clientConfig": {"caBundle": bundle}} for name in others]}
        await self._api.patch(kind, "", self._configuration, patch, kind=_STRATEGIC)
        return False


def secret_name(settings: Kubernetes) -> str:
    """The one Secret in which certificate and key are kept."""
    return f"{settings.name}-webhook"


def names(webhook: Webhook, namespace: str) -> tuple[str, ...]:
    """By which names the API server may call: the Service's, and this machine's own if nobody else can be meant.

    Another address that is listened on may be one replica's alone, and the certificate is for all of them.
    """
    service = f"{webhook.service}.{namespace}.svc"
    return (service, f"{service}.cluster.local", *((webhook.listen,) if _is_loopback(webhook.listen) else ()))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def held_in(data: Mapping[str, Any]) -> Certificates | None:
    """What a Secret holds; None when it isn't all there, or not ours."""
    try:
        parts = {key: base64.b64decode(value, validate=True) for key, value in data.items()}
        following = _NEXT_CERTIFICATE in parts
        return Certificates(
            served=Pair(parts[_CERTIFICATE], parts[_KEY]),
            trusted=parts[_AUTHORITIES],
            successor=Pair(parts[_NEXT_CERTIFICATE], parts[_NEXT_KEY]) if following else None,
        )
    except (KeyError, binascii.Error, TypeError, ValueError):
        return None


def data_of(held: Certificates) -> dict[str, str]:
    """The same as the data of a Secret."""
    parts = {_CERTIFICATE: held.served.certificate, _KEY: held.served.key, _AUTHORITIES: held.trusted}
    if held.successor:
        parts |= {_NEXT_CERTIFICATE: held.successor.certificate, _NEXT_KEY: held.successor.key}
    return {key: _encoded(value) for key, value in parts.items()}


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()
