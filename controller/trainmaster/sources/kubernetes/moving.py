"""Handing jobs of one installation over to another, or a whole installation to another name, while neither leads.

Each step can be made again after a crash at any point: a record is first marked as handed over, so that its old installation
never takes it up again; then it is written in its new place, the object gets the new name, and the old record goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from trainmaster.errors import FencedError, InvalidError, NoSuchJobError, RefusedError
from trainmaster.sources.kubernetes import installation
from trainmaster.sources.kubernetes.api import (
    SECRETS,
    TRAININGJOBS,
    Api,
    ConflictError,
    NotFoundError,
    Object,
)
from trainmaster.sources.kubernetes.journal import KubernetesJournal
from trainmaster.sources.kubernetes.lease import KubernetesLease
from trainmaster.sources.kubernetes.records import (
    INSTALLATION,
    MOVED,
    copied,
    is_moved,
    selector,
    uid_of,
    whose,
)

log = logging.getLogger(__name__)

_PATIENCE = 2.5
"""times the lease's duration (of both sides the longer one) after which somebody who keeps it counts as leading; one that
stands still is had after one"""
_TRIES = 20
"""looks at a lease in our own duration"""
_ATTEMPTS = 5
"""times that an object is read again which somebody changes meanwhile"""
Say = Callable[[str], None]


class Side:
    """One installation: its namespace and its settings.kubernetes.name."""

    def __init__(self, api: Api, name: str, duration: float) -> None:
        """`api` is for the namespace of its controllers; `duration` is settings.lease_duration."""
        self.api, self.name, self._duration = api, name, duration
        self.lease = KubernetesLease(api, name, duration, self._next_epoch)
        self._journal = KubernetesJournal(api, name, self.lease)

    async def _next_epoch(self, above: int) -> int:
        """One that isn't an installation yet has no controllers that could be given the same."""
        above = max(above, await self._journal.newest_epoch())
        if not await self.identity():
            return above + 1
        return await installation.Installation(self.api, self.name).next_epoch(above)

    def __str__(self) -> str:
        return f"{self.api.namespace}/{self.name}"

    async def lead(self, by_force: bool = False) -> None:
        """Take its lease, so that no controller of it acts meanwhile. RefusedError where one leads, unless `by_force`: it
        then stops to lead, and may lead again after `leave`."""
        tries = 0
        while tries < _PATIENCE * _TRIES * self.lease.patience / self._duration:
            if await (self.lease.wrest() if by_force else self.lease.acquire()):
                return
            await asyncio.sleep(self._duration / _TRIES)
            tries += 1
        words = f"a controller of {self} leads ({self.lease.holder}): stop its controllers first, jobs go on meanwhile"
        raise RefusedError("Leading", words)

    async def leave(self) -> None:
        """Let a controller lead at once."""
        await self.lease.release()
        await self.api.close()

    async def still(self) -> None:
        if not await self.lease.acquire():
            raise FencedError(f"the lease of {self} is somebody else's now: begin anew")

    async def identity(self) -> str:
        """Empty where it has none."""
        try:
            return installation.identity_of(
                await self.api.get(SECRETS, self.api.namespace, installation.secret_name(self.name))
            )
        except NotFoundError:
            return ""

    async def be(self, identity: str) -> None:
        await self.api.create(SECRETS, self.api.namespace, installation.secret(self.name, identity))

    async def records(self) -> list[Object]:
        found, _ = await self.api.list(SECRETS, self.api.namespace, selector(self.name))
        return found


async def adopt(
    old: Side, new: Side, jobs: Collection[tuple[str, str]], say: Say, by_force: bool = False
) -> None:
    """Hand over these jobs, by namespace and name; without any, all of them and, where the new side has none, the identity.

    Raises RefusedError while a controller of either leads, unless `by_force`; NoSuchJobError for jobs that the old one
    doesn't have.
    """
    try:
        await _lead((old, new), by_force)
        await _Handing(old, new, frozenset(jobs), say).run()
    finally:
        for side in (old, new):
            await side.leave()


async def _lead(sides: Sequence[Side], by_force: bool) -> None:
    """All at one time: a lease that is had mustn't grow old while another one is waited for."""
    for found in await asyncio.gather(*(side.lead(by_force) for side in sides), return_exceptions=True):
        if found is not None:
            raise found


async def adopt_abandoned(
    identity: str, new: Side, jobs: Collection[tuple[str, str]], say: Say, by_force: bool = False
) -> None:
    """Put the name of the new installation on objects of one that is gone for good, with its records.

    What ran is ended by YARN itself once nobody spoke for it; the jobs then say that their records were lost.
    """
    try:
        await new.lead(by_force)
        ours = await installation.Installation(new.api, new.name).find()
        await _rename_objects(new, identity, ours, frozenset(jobs), say)
    finally:
        await new.leave()


class _Handing:
    def __init__(self, old: Side, new: Side, jobs: frozenset[tuple[str, str]], say: Say) -> None:
        self._old, self._new, self._jobs, self._say = old, new, jobs, say

    async def run(self) -> None:
        before = await self._old.identity()
        if not before:
            raise NoSuchJobError(f"there is no installation {self._old}: nothing was handed over")
        after = await self._identity_after(before)
        records = [each for each in await self._old.records() if self._is_chosen(whose(each))]
        for record in records:
            await self._hand_over(record, before, after)
        named = await _rename_objects(self._new, before, after, self._jobs, self._say)
        if missing := self._jobs - named - {whose(record) for record in records}:
            raise NoSuchJobError(
                f"{self._old} doesn't drive {', '.join('/'.join(job) for job in sorted(missing))}"
            )
        if after == before:
            gone = installation.secret_name(self._old.name)
            await self._old.api.delete(SECRETS, self._old.api.namespace, gone)
            self._say(f"{self._new} is installation {after} now")

    async def _identity_after(self, before: str) -> str:
        """A whole installation that gets another name keeps its identity, so nothing need be written on its objects."""
        there = await self._new.identity()
        if not there and not self._jobs:
            await self._new.be(before)
            return before
        return there or await installation.Installation(self._new.api, self._new.name).find()

    def _is_chosen(self, job: tuple[str, str]) -> bool:
        return not self._jobs or job in self._jobs

    async def _still(self) -> None:
        for side in (self._old, self._new):
            await side.still()

    async def _hand_over(self, record: Object, before: str, after: str) -> None:
        await self._still()
        api, name = self._old.api, record["metadata"]["name"]
        mark = {"metadata": {"annotations": {MOVED: after}}}
        await api.patch(SECRETS, api.namespace, name, mark)
        await self._put(copied(record, self._new.name, after))
        if after != before:
            await _rename(self._new.api, whose(record), uid_of(record), before, after)
        await api.delete(SECRETS, api.namespace, name)
        self._say(f"{'/'.join(whose(record))} handed over with its record")

    async def _put(self, secret: Object) -> None:
        """One that is there already is of an earlier try, unless it was handed over from there once."""
        api, name = self._new.api, secret["metadata"]["name"]
        try:
            await api.create(SECRETS, api.namespace, secret)
        except ConflictError:
            if is_moved(await api.get(SECRETS, api.namespace, name)):
                await api.delete(SECRETS, api.namespace, name)
                await api.create(SECRETS, api.namespace, secret)


async def _rename_objects(
    new: Side,
    before: str,
    after: str,
    jobs: frozenset[tuple[str, str]],
    say: Say,
) -> set[tuple[str, str]]:
    """Objects that have no record: new ones, and those that ended. Which of the chosen ones are the new installation's now."""
    found, _ = await new.api.list(TRAININGJOBS, metadata_only=True)
    theirs: set[tuple[str, str]] = set()
    for each in found:
        metadata = each["metadata"]
        job = metadata["namespace"], metadata["name"]
        controller = (metadata.get("annotations") or {}).get(INSTALLATION)
        if (jobs and job not in jobs) or controller not in (before, after):
            continue
        theirs.add(job)
        if controller != after:
            await new.still()
            await _rename(new.api, job, metadata["uid"], before, after)
            say(f"{'/'.join(job)} handed over")
    return theirs


async def _rename(api: Api, job: tuple[str, str], uid: str, before: str, after: str) -> None:
    """Write the new name on one object, if it is still that of the old installation, or of nobody."""
    for _ in range(_ATTEMPTS):
        try:
            metadata = (await api.get(TRAININGJOBS, *job))["metadata"]
            controller = (metadata.get("annotations") or {}).get(INSTALLATION, "")
            if metadata["uid"] != uid or controller not in ("", before):
                return
            version = {"resourceVersion": metadata["resourceVersion"], "annotations": {INSTALLATION: after}}
            await api.patch(TRAININGJOBS, *job, {"metadata": version})
        except NotFoundError:
            return  # its deletion is heard by whoever has the record
        except ConflictError:
            continue
        return
    raise InvalidError(f"{'/'.join(job)} keeps changing: try again")
