"""Asking the processes of a job where they stand: each once, and what it answers is read from its log. No decision.

Their NodeManagers send the signal. Who doesn't answer in time has told nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.logs import ContainerLogs
from trainmaster.master.desk import Desk
from trainmaster.master.sight import Sight
from trainmaster.master.tasks import cancelled
from trainmaster.plan.stacks import stood_in
from trainmaster.plan.values import AskStacks, Plan

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""seconds for an answer"""
LOOK, SETTLE = 0.5, 0.3
"""seconds between two looks into a log, and for what is still being written"""
SOON = 1.0
"""seconds for which the question waits for the length of the log"""
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
        if plan.memory.hang is None:
            self._forget()
        for action in plan.actions:
            if isinstance(action, AskStacks):
                self._ask_all(action.containers)

    def _ask_all(self, containers: Iterable[str]) -> None:
        for container in containers:
            if container not in self._tasks:
                task = asyncio.get_running_loop().create_task(self._ask(container))
                self._tasks[container] = task

    def _forget(self) -> None:
        if self._tasks:
            for task in self._tasks.values():
                task.cancel()
            self._tasks.clear()
            self._sight.stacks.clear()

    async def close(self) -> None:
        await cancelled(self._tasks.values())

    async def _ask(self, container: str) -> None:
        told = ""
        try:
            async with self._turns, asyncio.timeout(PATIENCE):
                told = await self._asked(container)
        except TimeoutError:
            log.info("a process tells no stacks in time", extra={"container": container})
        except TrainmasterError as error:
            log.info(
                "a process can't be asked for its stacks", extra={"container": container, "error": str(error)}
            )
        self._sight.stacks[container] = told
        self._sight.changed = True
        self._wake.set()

    async def _asked(self, container: str) -> str:
        seen, logs = self._sight.containers.get(container), self._desk.logs
        token = self._sight.tokens.of(container, seen.node) if seen else None
        if seen is None or token is None or logs is None:
            return ""
        length = await _length(logs, seen.http, container)
        await self._desk.nodes.dump_threads(seen.node, token, container)
        while not await _written(logs, seen.http, container, length):
            await asyncio.sleep(LOOK)
        await asyncio.sleep(SETTLE)
        return await _written(logs, seen.http, container, length)


async def _length(logs: ContainerLogs, http: str, container: str) -> int:
    """Of the log so far. The question isn't held up for it for long: where it isn't told, all of the log may hold the answer."""
    try:
        async with asyncio.timeout(SOON):
            tail = await logs.tail(http, container, FILE, 0)
    except (TrainmasterError, TimeoutError):
        return 0
    return tail.length if tail else 0


async def _written(logs: ContainerLogs, http: str, container: str, since: int) -> str:
    tail = await logs.since(http, container, FILE, since)
    return stood_in(tail.content.decode(errors="replace")) if tail else ""
