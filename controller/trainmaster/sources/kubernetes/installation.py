"""Which installation a controller belongs to: an identity made once, and kept where its journal is.

A name wouldn't do: a release may be renamed, and two may have the same in different namespaces. Each object says by this
identity who drives it (claims.py), and each application at YARN by a tag. The epochs of its leaders are given out here as
well, since a Lease may be deleted, and a leader may have had nothing to record. Never here: what follows from that.
"""

from __future__ import annotations

import base64
import logging
import uuid

from trainmaster.api.job import GROUP
from trainmaster.errors import UnavailableError
from trainmaster.sources.kubernetes.api import SECRETS, Api, ConflictError, NotFoundError, Object
from trainmaster.sources.kubernetes.records import EPOCH, INSTALLATION, epoch_of, labels_of, selector

log = logging.getLogger(__name__)

TYPE = f"{GROUP}/installation"
_PAGE = 100


class Installation:
    """All replicas of one installation find the same identity, whichever comes first."""

    def __init__(self, api: Api, name: str) -> None:
        """`name` is settings.kubernetes.name, and the lane `api` that of the controller's own namespace."""
        self._api, self._name = api, name
        self.id = ""
        """empty until it was found"""

    async def find(self) -> str:
        """The identity, made at the first call of all. Raises UnavailableError while the API server can't be asked."""
        self.id = self.id or await self._kept() or await self._made()
        return self.id

    async def next_epoch(self, above: int) -> int:
        """An epoch above that one and all that were given out, which nobody else gets. Raises ConflictError where somebody else
        was given one in the same moment."""
        identity = await self.find()
        found = await self._secret() or await self._create(identity)
        epoch = max(above, epoch_of(found)) + 1
        annotations = {**(found["metadata"].get("annotations") or {}), EPOCH: str(epoch)}
        body = found | {"metadata": found["metadata"] | {"annotations": annotations}}
        await self._api.replace(SECRETS, self._api.namespace, secret_name(self._name), body)
        return epoch

    async def _secret(self) -> Object | None:
        try:
            return await self._api.get(SECRETS, self._api.namespace, secret_name(self._name))
        except NotFoundError:
            return None

    async def _create(self, identity: str) -> Object:
        return await self._api.create(SECRETS, self._api.namespace, secret(self._name, identity))

    async def _kept(self) -> str:
        found = await self._secret()
        return identity_of(found) if found else ""

    async def _made(self) -> str:
        """Where somebody deleted it, the records still say which it was: another would leave their jobs to nobody."""
        known = await self._of_records()
        if len(known) > 1:
            words = f"the Secret {secret_name(self._name)} is gone, and the journal's records name several installations"
            raise UnavailableError(f"{words}: {', '.join(sorted(known))}; write back the right one")
        made = next(iter(known), "") or str(uuid.uuid4())
        try:
            await self._create(made)
        except ConflictError:
            return await self._kept()  # another replica was first
        log.info("this installation has an identity now", extra={"installation": made})
        return made

    async def _of_records(self) -> set[str]:
        found, _ = await self._api.list(
            SECRETS, self._api.namespace, selector(self._name), page=_PAGE, metadata_only=True
        )
        named = ((each["metadata"].get("annotations") or {}).get(INSTALLATION, "") for each in found)
        return {each for each in named if each}


def secret_name(name: str) -> str:
    return f"{name}-installation"


def secret(name: str, identity: str) -> Object:
    """No secret at all, but a kind of object that the controller has the right to keep."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": {"name": secret_name(name), "labels": labels_of(name)},
        "data": {"id": base64.b64encode(identity.encode()).decode()},
    }


def identity_of(found: Object) -> str:
    """Raises UnavailableError where somebody broke it: nobody may be driven under a guess."""
    try:
        return str(uuid.UUID(base64.b64decode(found["data"]["id"]).decode()))
    except (KeyError, TypeError, ValueError) as error:
        name = found["metadata"]["name"]
        raise UnavailableError(f"the Secret {name} doesn't hold the identity of an installation") from error
