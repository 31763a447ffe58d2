"""The journal as a new leader finds it: the jobs to take up, and the records that can't be read.

A job whose record can't be read may run on YARN, and nobody can speak for it. So it is never begun anew under its name: its
declaration is refused with a sentence, until somebody restores the record or deletes the job. YARN is given signs of life of it
meanwhile (keeping.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from trainmaster.api.declared import Declared
from trainmaster.api.status import FieldProblem
from trainmaster.errors import InvalidError, TrainmasterError
from trainmaster.master.boundary import Source
from trainmaster.master.codec import VERSION, Nameplate, decode, nameplate_of
from trainmaster.plan.decide import raised
from trainmaster.plan.memory import Memory

log = logging.getLogger(__name__)

UNREADABLE = (
    "its record in the journal can't be read, and it may be running on YARN, where it is kept alive: restore the record, "
    "or delete the job and declare it again"
)


@dataclass(frozen=True, slots=True)
class Journalled:
    """Everything that the journal holds."""

    memories: Mapping[str, Memory]
    """by uid"""
    unreadable: Mapping[str, Nameplate]
    """by uid"""

    @property
    def names(self) -> dict[str, tuple[str, str]]:
        """uid -> (namespace, name) of all of them, as a source adopts them."""
        told = {uid: (plate.namespace, plate.name) for uid, plate in self.unreadable.items()}
        return {uid: (m.namespace, m.name) for uid, m in self.memories.items()} | told

    def without(self, uid: str) -> Journalled:
        """The same, where a record that could be decoded turned out to be of no use."""
        memory = self.memories[uid]
        others = {other: m for other, m in self.memories.items() if other != uid}
        known = memory.application
        told = (known.id, known.user, known.token) if known else ()
        plate = Nameplate(memory.namespace, memory.name, *told)
        return Journalled(others, {**self.unreadable, uid: plate})

    def healed(self, uid: str, memory: Memory | None = None) -> Journalled:
        """The same, once a record that could not be read can be; or, without a memory, isn't there any more."""
        memories = {**self.memories, uid: memory} if memory else self.memories
        return Journalled(memories, {u: plate for u, plate in self.unreadable.items() if u != uid})

    def ends_anew(self, before: Declared, now: Declared) -> bool:
        """Whether a job without a readable record is to be deleted, and what is to be ended of it was not told yet."""
        return now.uid in self.unreadable and now.lost_application != before.lost_application

    def judged(self, declared: Declared) -> Declared:
        """The declaration, refused if its job's record can't be read. Its deletion ends the application that the record names."""
        plate = self.unreadable.get(declared.uid)
        if plate is None:
            return declared
        reason = _newer(plate.version) if plate.version > VERSION else UNREADABLE
        refused = replace(declared, job=None, problems=(FieldProblem(field="", value="", reason=reason),))
        if not declared.deleted:
            return refused
        return replace(
            refused, lost_application=plate.application, recorded=True, owner=plate.user or declared.owner
        )


def _newer(version: int) -> str:
    return (
        f"its record in the journal is of version {version}, which a newer controller wrote (this one reads {VERSION}): what "
        "runs is kept alive until that controller is back; or delete the job and declare it again"
    )


async def load(source: Source) -> Journalled:
    """Read the journal. Raises UnavailableError when that isn't possible now."""
    memories, unreadable = {}, {}
    for uid, record in (await source.journal.load()).items():
        try:
            memories[uid] = raised(decode(record), source.lease.epoch)
        except InvalidError as error:
            log.error("a journal record can't be read", extra={"uid": uid, "error": str(error)})
            unreadable[uid] = nameplate_of(record)
    return Journalled(memories, unreadable)


async def read_again(source: Source, uid: str) -> Memory | None:
    """What a record says that could not be read before; None while it still can't be."""
    try:
        record = await source.journal.read(uid)
        return raised(decode(record), source.lease.epoch) if record else None
    except TrainmasterError:
        return None


def remembered(source: str, memory: Memory) -> Declared:
    """A job of the journal before its declaration was looked at: what runs is taken up by what is remembered of it."""
    # The user it was begun as stands for the owner, so that a take-up isn't mistaken for an edit.
    owner = memory.begun_with.get("spec.user", "")
    return Declared(
        source, memory.namespace, memory.name, memory.uid, "", owner, generation=memory.observed_generation
    )
