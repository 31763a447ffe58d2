"""A run of whole controllers on the simulated YARN, drawn from one number: jobs, accidents, and then rest.

Time is virtual; a controller is killed at any moment of it, and another one takes over with what stands in the journal.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from master.accidents import WAITS, Accidents
from master.controllers import begun, wired
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus

ROUNDS = 40
"""in which all jobs must have ended once all is well, each given its turn"""


@dataclass
class World(Accidents):
    """Whoever leads, from the first job to the last end."""

    # --- a run

    async def plays(self, steps: int) -> None:
        """Jobs, accidents, and then rest: all must come to its end, or have said why not."""
        with wired(self.yarn, looks=True):
            for number in range(self.chance.randint(1, 4)):
                self.put(f"job-{number}")
            self._takes_over()
            try:
                for _ in range(steps):
                    await self._step()
                self._heals()
                await self._all_ends()
                await self._is_silent()
            finally:
                await self.killed()

    def _takes_over(self) -> None:
        self.folder.lease.ours = True
        _, self._leads = begun(self.folder)

    async def killed(self) -> None:
        self._leads.cancel()
        await asyncio.gather(self._leads, return_exceptions=True)

    async def _step(self) -> None:
        self._check()
        name = self.chance.choice(OPERATIONS)
        self.said.append(name)
        if name == "dies":
            await self.killed()
            if self.chance.random() < 0.3:
                await asyncio.sleep(self.chance.choice(WAITS))
            self._takes_over()
        elif name == "waits":
            await asyncio.sleep(self.chance.choice(WAITS))
        else:
            getattr(self, name)()
        await asyncio.sleep(self.chance.random())
        self.nobody_waits_without_a_reason()

    def _check(self) -> None:
        assert not self.broken, self.broken[0]
        assert not self._leads.done(), "the controller has ended"

    def _heals(self) -> None:
        self.said.append("heals")
        self.yarn.away.clear()
        self.folder.journal.down = False
        for fault in (self.yarn.answers.lost, self.yarn.answers.unheard, self.yarn.answers.late):
            fault.clear()
        self.yarn.answers.arrive()
        for nm in self.yarn.nodes:
            nm.launch_fails.clear()
            self.yarn.mend(nm.host)

    async def _all_ends(self) -> None:
        """Each job gets its turn, runs, and ends; those that are suspended hold nothing."""
        for _ in range(ROUNDS):
            await asyncio.sleep(60)
            self._check()
            self.one_process_of_each_identity()
            self.all_are_of_one_generation()
            self.nobody_waits_without_a_reason()
            if self._over():
                return
            for process in self._running():
                self.faults.add(process.of.id)
                self.yarn.exits(process.of.id, 0)
        raise AssertionError(f"not all has ended: {dict(self._left())}")

    def _over(self) -> bool:
        return not list(self._left()) and not self.yarn.running()

    def _left(self) -> Iterator[tuple[str, str]]:
        for uid, declared in self.folder.jobs.items():
            status = self.folder.shown.get(uid)
            if declared.deleted or not (status and (_is(status, C.FINISHED) or _is(status, C.SUSPENDED))):
                yield (
                    uid,
                    str(
                        status
                        and [(c.type, c.reason, c.message) for c in status.conditions if c.status == "True"]
                    ),
                )

    async def _is_silent(self) -> None:
        held = {id_ for known in self.yarn.applications.values() for id_ in known.live}
        assert not held, f"{held} are held after the end"
        assert all(known.state.over for known in self.yarn.applications.values())
        await asyncio.sleep(60)
        writes, calls = self.folder.journal.writes, Counter(self.yarn.calls)
        await asyncio.sleep(300)
        assert self.folder.journal.writes == writes, "something is written though all has ended"
        said = {method for method, times in self.yarn.calls.items() if times != calls[method]}
        assert said <= {"nodes"}, f"{said} though all has ended"


def _is(status: JobStatus, kind: C) -> bool:
    return status.is_true(kind)


OFTEN = ("waits", "waits", "waits", "exits", "dies", "edits", "adds")
NOW_AND_THEN = (
    "preempts",
    "deafens",
    "node_cut",
    "node_back",
    "node_restarts",
    "launch_fails",
    "manager_restarts",
    "loses_answers",
    "application_ends",
)
SELDOM = ("manager_away", "tokens_roll", "store_away")
OPERATIONS = (*OFTEN * 3, *NOW_AND_THEN * 2, *SELDOM)
