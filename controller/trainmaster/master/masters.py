"""The masters of one leadership, by uid: one for each job, and never a second. Never here: what a master does, or when."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import TypeVar

from trainmaster.master.desk import Desk
from trainmaster.master.job import JobMaster
from trainmaster.master.looking import run_by
from trainmaster.master.quotas import Job
from trainmaster.master.tasks import cancelled, in_turns
from trainmaster.plan.values import AppState

T = TypeVar("T")
AT_ONCE = 200
"""masters that are put down in one turn of the loop: some milliseconds' work"""
LEAVE = 2.0
"""seconds for writing down what a next leader would have to do without: he waits meanwhile"""


class Masters(Mapping[str, JobMaster]):
    """Two masters of one job would register in turns and write over each other's record: so there is one door, `drive`."""

    def __init__(self) -> None:
        self._masters: dict[str, JobMaster] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __getitem__(self, uid: str) -> JobMaster:
        return self._masters[uid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._masters)

    def __len__(self) -> int:
        return len(self._masters)

    def items(self) -> ItemsView[str, JobMaster]:
        """Those of a dictionary: a Mapping's own look each one up again."""
        return self._masters.items()

    def values(self) -> ValuesView[JobMaster]:
        return self._masters.values()

    def drive(self, uid: str, make: Callable[[], JobMaster]) -> bool:
        """Begin to drive a job; whether it wasn't driven already."""
        if uid in self._masters:
            return False
        master = self._masters[uid] = make()
        self._tasks[uid] = asyncio.get_running_loop().create_task(master.run())
        return True

    def claims(self, desk: Desk) -> Iterator[Job]:
        """All jobs as quotas count them."""
        for master in self._masters.values():
            declared, memory, sight = master.declared, master.memory, master.contact.sight
            yield declared, memory, run_by(desk, declared, memory), sight.state is AppState.OPENING

    async def drop(self, uid: str) -> None:
        """Stop driving this job, so that it can be driven by other knowledge of it."""
        master, task = self._masters.pop(uid, None), self._tasks.pop(uid, None)
        if master and task:
            await cancelled([task])
            await master.close()

    def sweep(self) -> bool:
        """Let go of those that are done: nothing of their jobs is left. Whether there were any."""
        done = [uid for uid, master in self._masters.items() if master.over]
        for uid in done:
            del self._masters[uid], self._tasks[uid]
        return bool(done)

    async def close(self) -> None:
        """Leave every job as it is; a few at a time, since the lease is still to be renewed or given away."""
        await _each(self._tasks.values(), lambda task: cancelled([task]))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE):
                await _each(self._masters.values(), lambda master: master.settle())
        await _each(self._masters.values(), lambda master: master.close())
        self._masters, self._tasks = {}, {}


async def _each(all_: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do it with each, whatever it raises. One that hangs keeps none of the others from its turn."""

    async def whatever_comes(one: T) -> None:
        with contextlib.suppress(Exception):
            await work(one)
        await asyncio.sleep(0)

    await in_turns(whatever_comes, [*all_], AT_ONCE)
