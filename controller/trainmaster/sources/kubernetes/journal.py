"""The controller's private memory in Secrets of its own namespace: one per uid, replaced whole.

Fencing, beside the lease: a change names the resourceVersion that this process knows, so a change that was under way for long
can't undo a later one. When the API server says that it has changed, it is read again. A record of a newer epoch fences us; any
other write, by an old leader or by ourselves with a lost answer, was never acted on (`write` returns only while the lease is
held), and is replaced.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from trainmaster.errors import FencedError, InvalidError, UnavailableError
from trainmaster.master.boundary import Lease
from trainmaster.sources.kubernetes.api import SECRETS, Api, ConflictError, NotFoundError, Object
from trainmaster.sources.kubernetes.records import (
    epoch_of,
    is_moved,
    nameplate,
    packed,
    secret_name,
    selector,
    uid_of,
    unpacked,
    whose,
)
from trainmaster.sources.threads import Threads

log = logging.getLogger(__name__)

_ATTEMPTS = 4
"""times that a record is read again in one write: somebody who keeps changing it is no reason to go on for ever"""
_PAGE = 100
"""records listed at a time: the largest are some hundred kilobytes"""
_PACKERS = 2
"""records packed at a time, in threads of the journal's own: nothing else may make a write wait"""


class KubernetesJournal:
    def __init__(self, api: Api, installation: str, lease: Lease) -> None:
        """`installation` is settings.kubernetes.name. The lane `api` should be the journal's own."""
        self._api = api
        self._installation = installation
        self._lease = lease
        self.identity = ""
        """of the installation, told before anything is written"""
        self._threads = Threads(_PACKERS)
        self._versions: dict[str, str] = {}
        """uid -> resourceVersion last known"""
        self._under_way: set[str] = set()

    async def load(self) -> Mapping[str, bytes]:
        """All records, by uid. Of a broken one only whose it is: it stays as it is, and its job is not begun anew."""
        found = {uid_of(secret): secret for secret in await self._list() if self._is_record(secret)}
        self._versions = {uid: secret["metadata"]["resourceVersion"] for uid, secret in found.items()}
        return await self._threads.call(lambda: {uid: _read(secret) for uid, secret in found.items()})

    async def read(self, uid: str) -> bytes | None:
        """One record; None when there is none."""
        name = secret_name(self._installation, uid)
        try:
            secret = await self._api.get(SECRETS, self._api.namespace, name)
        except NotFoundError:
            return None
        self._note(uid, secret)
        return await self._threads.call(_read, secret)

    async def names(self) -> Mapping[str, tuple[str, str]]:
        """uid -> (namespace, name) of the job of each record, without reading the records: for a sweep."""
        found = await self._list(metadata_only=True)
        return {uid_of(secret): whose(secret) for secret in found if self._is_record(secret)}

    async def newest_epoch(self) -> int:
        """The highest epoch that any record was written in; 0 when there is none."""
        return max(map(epoch_of, await self._list(metadata_only=True)), default=0)

    async def write(self, uid: str, record: bytes) -> None:
        """Returns when the record is durable and we still lead; else it counts as not written, and a later write mends it.

        InvalidError when a Secret can't hold it.
        """
        epoch = self._lease.epoch
        self._still(epoch)
        with self._alone(uid):
            secret = await self._threads.call(packed, self._installation, uid, epoch, record, self.identity)
            await self._put(uid, secret, epoch)
        self._still(epoch)

    async def remove(self, uid: str) -> None:
        epoch = self._lease.epoch
        self._still(epoch)
        with self._alone(uid):
            await self._delete(uid, epoch)
        self._still(epoch)

    async def _put(self, uid: str, secret: Object, epoch: int) -> None:
        for _ in range(_ATTEMPTS):
            self._still(epoch)
            try:
                if uid in self._versions:
                    await self._replace(uid, secret)
                else:
                    await self._create(uid, secret)
            except ConflictError:
                await self._look_again(uid)
            except NotFoundError:
                if self._versions.pop(uid, None) is None:
                    raise  # the namespace isn't there
                log.warning("the journal record of %s was deleted by somebody: written anew", uid)
            else:
                return
        raise UnavailableError(f"the journal record of {uid} is being changed by somebody all the time")

    async def _create(self, uid: str, secret: Object) -> None:
        self._note(uid, await self._api.create(SECRETS, self._api.namespace, secret))

    async def _replace(self, uid: str, secret: Object) -> None:
        known = secret["metadata"] | {"resourceVersion": self._versions[uid]}
        body = secret | {"metadata": known}
        name = secret_name(self._installation, uid)
        self._note(uid, await self._api.replace(SECRETS, self._api.namespace, name, body))

    async def _delete(self, uid: str, epoch: int) -> None:
        name = secret_name(self._installation, uid)
        for _ in range(_ATTEMPTS):
            if uid not in self._versions and not await self._look_again(uid):
                return
            self._still(epoch)
            try:
                await self._api.delete(SECRETS, self._api.namespace, name, version=self._versions[uid])
            except ConflictError:
                del self._versions[uid]
            else:
                del self._versions[uid]
                return
        raise UnavailableError(f"the journal record of {uid} is being changed by somebody all the time")

    async def _look_again(self, uid: str) -> bool:
        """Read which version there is now; whether there is one. FencedError when a later leader wrote it."""
        try:
            found = await self._api.get(SECRETS, self._api.namespace, secret_name(self._installation, uid))
        except NotFoundError:
            self._versions.pop(uid, None)
            return False
        if epoch_of(found) > self._lease.epoch:
            raise FencedError(
                f"the journal record of {uid} was written by a later leader: nothing was changed"
            )
        self._note(uid, found)
        return True

    def _note(self, uid: str, secret: Object) -> None:
        self._versions[uid] = secret["metadata"]["resourceVersion"]

    async def _list(self, metadata_only: bool = False) -> list[Object]:
        found, _ = await self._api.list(
            SECRETS,
            self._api.namespace,
            selector(self._installation),
            page=_PAGE,
            metadata_only=metadata_only,
        )
        return found

    def _is_record(self, secret: Object) -> bool:
        """A copy under another name, such as a person's backup, is none, nor one that was handed over."""
        try:
            return not is_moved(secret) and bool(
                secret["metadata"]["name"] == secret_name(self._installation, uid_of(secret))
            )
        except InvalidError:
            return False

    @contextmanager
    def _alone(self, uid: str) -> Iterator[None]:
        if uid in self._under_way:
            raise UnavailableError(f"the journal record of {uid}: an earlier write has not ended yet")
        self._under_way.add(uid)
        try:
            yield
        finally:
            self._under_way.discard(uid)

    def _still(self, epoch: int) -> None:
        """Whether we lead, and did all the while: in between, another might have read the journal."""
        if not self._lease.held() or self._lease.epoch != epoch:
            raise FencedError(
                "the lease is not ours (any more): what was written to the journal doesn't count"
            )


def _read(secret: Object) -> bytes:
    try:
        return unpacked(secret)
    except InvalidError as error:
        log.error("journal record %s is broken: %s", secret["metadata"]["name"], error)
        return nameplate(secret)
