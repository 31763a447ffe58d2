"""One job's memory and its durable copy: kept in step, written before anything rests on it.

What nothing rests on (seen times, the run's account) rides along with what else is written, and is written by itself only seldom.
"""

from __future__ import annotations

from math import inf

from trainmaster.master import clock
from trainmaster.master.codec import encode
from trainmaster.master.desk import Desk
from trainmaster.master.points import reach
from trainmaster.plan.memory import Memory, replace

FLUSH = 30.0
"""seconds after which times that were only seen are written, even if nothing else is"""
LATE = 5.0
"""the same, for ends that are heard after the job's own: mostly it is over within this time"""
MEASURED = 600.0
"""the same, where only the use of GPUs is another"""
SAME = 3600.0
"""the same, where not even that is: so much of what was measured may be lost with a leader"""


class Record:
    """`memory` is what counts; the journal has the same, save for times that ride along with the next write."""

    def __init__(self, desk: Desk, memory: Memory, written: bool) -> None:
        self._desk = desk
        self.memory = memory
        self.written = written
        """whether the journal has a record of this job"""
        self.flush_at: float | None = None
        self._held = memory.account.now
        """what the run holds, by the journal"""
        self.life = desk.measures.life(memory)
        desk.ports.note(memory)

    async def keep(self, memory: Memory) -> None:
        """Take over a decision's memory; durable when this returns, if anything may rest on it."""
        self._desk.ports.note(memory)
        before = self.memory
        started = bool(memory.started_at) and not self.memory.started_at
        changed = memory != self.memory and self._worth_a_record(memory)
        late = changed and _only_late_ends(self.memory, memory)
        if (changed and not late) or self.flush_due():
            await self.write(memory)
        elif late:
            self._flush_in(LATE)
        elif self.written and (started or memory.since != self.memory.since):
            self._flush_in(FLUSH)
        self.memory = memory
        self._flush_account()
        self.life.changed(before, memory, clock.now())
        if started:
            reach("running")

    def flush_due(self) -> bool:
        return self.flush_at is not None and clock.now() >= self.flush_at

    async def settle(self) -> None:
        """Write what only rides along with other news, where another is to lead. Raises what `write` does."""
        if self.flush_at is not None and self._desk.lease.held():
            await self.write(self.memory)

    def _flush_account(self) -> None:
        """Without this a next leader would count on by what was held, and wouldn't know what was measured since."""
        held, now = self._held, self.memory.account.now
        if not self.written or not self._desk.limits.history:
            return
        if held.unmeasured != now.unmeasured:
            self._flush_in(FLUSH)
        elif now != held:
            self._flush_in(MEASURED)
        elif now.measured:
            self._flush_in(SAME)

    def _flush_in(self, seconds: float) -> None:
        self.flush_at = min(self.flush_at or inf, clock.now() + seconds)

    def _worth_a_record(self, memory: Memory) -> bool:
        """Before there is an application nothing was done that a crash could lose: the record begins with its id."""
        return self.written or memory.application is not None or memory.verdict is not None

    async def write(self, memory: Memory) -> None:
        """Write it, and only then let it count. Raises UnavailableError or FencedError; then nothing has changed."""
        account = memory.account.until(clock.now())
        memory = replace(memory, epoch=self._desk.lease.epoch, account=account)
        started = clock.monotonic()
        record = await self._desk.beside(len(memory.replicas), encode, memory)
        await self._desk.journal.write(memory.uid, record)
        self._desk.measures.journal_write(clock.monotonic() - started)
        self.memory, self.written, self.flush_at, self._held = memory, True, None, account.now


def _only_late_ends(before: Memory, after: Memory) -> bool:
    """Whether all that is new is how processes ended once the job was to end: that is shown, and nothing rests on it."""
    ending = before.closing_since and not before.suspended
    return bool(ending) and replace(after, replicas=before.replicas, lives=before.lives) == before
