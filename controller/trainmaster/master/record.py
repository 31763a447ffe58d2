"""One job's memory and its durable copy: kept in step, written before anything rests on it."""

from __future__ import annotations

from dataclasses import replace

from trainmaster.master import clock
from trainmaster.master.codec import encode
from trainmaster.master.desk import Desk
from trainmaster.master.points import reach
from trainmaster.plan.memory import Memory

FLUSH = 30.0
"""seconds after which times that were only seen are written, even if nothing else is"""


class Record:
    """`memory` is what counts; the journal has the same, save for times that ride along with the next write."""

    def __init__(self, desk: Desk, memory: Memory, written: bool) -> None:
        self._desk = desk
        self.memory = memory
        self.written = written
        """whether the journal has a record of this job"""
        self.flush_at: float | None = None
        desk.ports.note(memory)

    async def keep(self, memory: Memory) -> None:
        """Take over a decision's memory; durable when this returns, if anything may rest on it."""
        self._desk.ports.note(memory)
        before = self.memory
        started = bool(memory.started_at) and not self.memory.started_at
        if (memory != self.memory and self._worth_a_record(memory)) or self.flush_due():
            await self.write(memory)
        elif self.written and (started or memory.since != self.memory.since):
            self.flush_at = self.flush_at or clock.now() + FLUSH
        self.memory = memory
        self._desk.measures.restarted(before, memory)
        if started:
            self._desk.measures.started(memory.started_at - memory.queued_at)
            reach("running")

    def flush_due(self) -> bool:
        return self.flush_at is not None and clock.now() >= self.flush_at

    def _worth_a_record(self, memory: Memory) -> bool:
        """Before there is an application nothing was done that a crash could lose: the record begins with its id."""
        return self.written or memory.application is not None or memory.verdict is not None

    async def write(self, memory: Memory) -> None:
        """Write it, and only then let it count. Raises UnavailableError or FencedError; then nothing has changed."""
        memory = replace(memory, epoch=self._desk.lease.epoch)
        started = clock.monotonic()
        await self._desk.journal.write(memory.uid, encode(memory))
        self._desk.measures.journal_write(clock.monotonic() - started)
        self.memory, self.written, self.flush_at = memory, True, None
