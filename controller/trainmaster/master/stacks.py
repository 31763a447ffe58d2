"""Asking the processes of a job where they stand: each once, and what it answers is read from its log. No decision.

The ResourceManager hands the signal on with a NodeManager's next heartbeat. Who doesn't answer in time has told nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.logs import ContainerLogs
from trainmaster.master import clock
from trainmaster.master.desk import Desk
from trainmaster.master.sight import Sight
from trainmaster.plan.stacks import stood_in
from trainmaster.plan.values import AskStacks, Plan

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""seconds for an answer"""
LOOK, SETTLE = 0.5, 0.3
"""seconds between two looks into a log, and for what is still being written"""
SOON = 0.5
"""seconds within which no NodeManager has handed on the question"""
AT_ONCE = 16
"""containers of one job that are asked at one time"""
FILE = "stderr"


class Stacks:
    """Those of one job."""

    def __init__(self, desk: Desk, sight: Sight, wake: asyncio.Event) -> None:
        self._desk, self._sight, self._wake = desk, sight, wake
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    def follow(self, plan: Plan) -> None:
        """Ask whom the plan wants to be asked; forget it all once the question is settled."""
        application = plan.memory.application
        if plan.memory.hang is None:
            self._forget()
        for action in plan.actions:
            if isinstance(action, AskStacks) and application:
                self._ask_all(action.containers, application.user)

    def _ask_all(self, containers: Iterable[str], user: str) -> None:
        for container in containers:
            if container not in self._tasks:
                task = asyncio.get_running_loop().create_task(self._ask(container, user))
                self._tasks[container] = task

    def _forget(self) -> None:
        if self._tasks:
            for task in self._tasks.values():
                task.cancel()
            self._tasks.clear()
            self._sight.stacks.clear()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, container: str, user: str) -> None:
        told = ""
        try:
            async with self._turns, asyncio.timeout(PATIENCE):
                told = await self._asked(container, user)
        except TimeoutError:
            log.info("a process tells no stacks in time", extra={"container": container})
        except TrainmasterError as error:
            log.info(
                "a process can't be asked for its stacks", extra={"container": container, "error": str(error)}
            )
        self._sight.stacks[container] = told
        self._sight.changed = True
        self._wake.set()

    async def _asked(self, container: str, user: str) -> str:
        seen, logs = self._sight.containers.get(container), self._desk.logs
        if seen is None or logs is None:
            return ""
        asked, length = self._desk.manager(user).dump_threads(container), _length(logs, seen.http, container)
        _, length_before = await asyncio.gather(asked, length)
        while not await _written(logs, seen.http, container, length_before):
            await asyncio.sleep(LOOK)
        await asyncio.sleep(SETTLE)
        return await _written(logs, seen.http, container, length_before)


async def _length(logs: ContainerLogs, http: str, container: str) -> int:
    """Of the log before the answer. Where it is told so late that the answer may be in it, that counts as nothing."""
    since = clock.monotonic()
    tail = await logs.tail(http, container, FILE, 0)
    return tail.length if tail and clock.monotonic() - since < SOON else 0


async def _written(logs: ContainerLogs, http: str, container: str, since: int) -> str:
    tail = await logs.since(http, container, FILE, since)
    return stood_in(tail.content.decode(errors="replace")) if tail else ""
