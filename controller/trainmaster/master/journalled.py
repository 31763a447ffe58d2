"""The journal as a new leader finds it: the jobs to take up, and the records that can't be read.

A job whose record can't be read may run on YARN, and nobody can speak for it. So it is never begun anew under its name: its
declaration is refused with a sentence, until somebody restores the record or deletes the job.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from trainmaster.api.declared import Declared
from trainmaster.api.status import FieldProblem
from trainmaster.errors import InvalidError
from trainmaster.master.boundary import Source
from trainmaster.master.codec import decode, name_of
from trainmaster.plan.decide import raised
from trainmaster.plan.memory import Memory

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Journalled:
    """Everything that the journal holds."""

    memories: Mapping[str, Memory]
    """by uid"""
    unreadable: Mapping[str, tuple[str, str]]
    """uid -> (namespace, name)"""

    @property
    def names(self) -> dict[str, tuple[str, str]]:
        """uid -> (namespace, name) of all of them, as a source adopts them."""
        return {uid: (m.namespace, m.name) for uid, m in self.memories.items()} | dict(self.unreadable)

    def without(self, uid: str) -> Journalled:
        """The same, where a record that could be decoded turned out to be of no use."""
        memory = self.memories[uid]
        others = {other: m for other, m in self.memories.items() if other != uid}
        return Journalled(others, {**self.unreadable, uid: (memory.namespace, memory.name)})

    def judged(self, declared: Declared) -> Declared:
        """The declaration, refused if its job's record can't be read."""
        if declared.uid not in self.unreadable:
            return declared
        reason = (
            "its record in the journal can't be read, and it may be running on YARN: restore the record, "
            "or delete the job and declare it again"
        )
        return replace(declared, job=None, problems=(FieldProblem(field="", value="", reason=reason),))


async def load(source: Source) -> Journalled:
    """Read the journal. Raises UnavailableError when that isn't possible now."""
    memories, unreadable = {}, {}
    for uid, record in (await source.journal.load()).items():
        try:
            memories[uid] = raised(decode(record), source.lease.epoch)
        except InvalidError as error:
            log.error("a journal record can't be read", extra={"uid": uid, "error": str(error)})
            unreadable[uid] = name_of(record)
    return Journalled(memories, unreadable)


def remembered(source: str, memory: Memory) -> Declared:
    """A job of the journal before its declaration was looked at: what runs is taken up by what is remembered of it."""
    # The user it was begun as stands for the owner, so that a take-up isn't mistaken for an edit.
    owner = memory.begun_with.get("spec.user", "")
    return Declared(
        source, memory.namespace, memory.name, memory.uid, "", owner, generation=memory.observed_generation
    )
