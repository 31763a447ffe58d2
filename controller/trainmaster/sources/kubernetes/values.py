"""Secrets and ConfigMaps that jobs' variables take their values from. Read one by one, by name, when a process starts; nothing of
them is kept or logged here.

Never here: whose process is given what (master/secrets.py).
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping

from trainmaster.errors import DeniedError, InvalidError
from trainmaster.sources.kubernetes.api import CONFIG_MAPS, SECRETS, Api, NotFoundError, Object

KINDS = {"Secret": SECRETS, "ConfigMap": CONFIG_MAPS}


class Values:
    def __init__(self, api: Api, namespaces: Collection[str]) -> None:
        """`namespaces`: those that may be looked into. InvalidError for the controller's own: jobs there could read its
        journal."""
        if api.namespace in namespaces:
            raise InvalidError(
                f"kubernetes.secret_namespaces names {api.namespace}, the controller's own namespace, whose Secrets hold the "
                "journal of all jobs: take it out, and declare jobs elsewhere"
            )
        self._api, self._namespaces = api, frozenset(namespaces)

    async def of(self, namespace: str, kind: str, name: str) -> Mapping[str, bytes]:
        """What one holds, by key. InvalidError when it isn't there or may not be read; UnavailableError: ask again."""
        if namespace not in self._namespaces:
            raise InvalidError(
                f"{kind} {namespace}/{name}: the setting kubernetes.secret_namespaces doesn't name {namespace}, so nothing is "
                "read there"
            )
        try:
            found = await self._api.get(KINDS[kind], namespace, name)
        except NotFoundError:
            raise InvalidError(f"{kind} {namespace}/{name} isn't there") from None
        except DeniedError as error:
            raise InvalidError(f"{kind} {namespace}/{name} may not be read: {error.message}") from None
        return _held(found, kind)


def _held(found: Object, kind: str) -> Mapping[str, bytes]:
    if kind == "ConfigMap":
        text = {key: str(value).encode() for key, value in (found.get("data") or {}).items()}
        return {**text, **_decoded(found.get("binaryData"))}
    return _decoded(found.get("data"))


def _decoded(data: Mapping[str, str] | None) -> dict[str, bytes]:
    try:
        return {key: base64.b64decode(value) for key, value in (data or {}).items()}
    except ValueError:  # whose words could tell of the value
        raise InvalidError("the API server gave something that is no base64") from None
