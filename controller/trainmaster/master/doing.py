"""Carrying out a plan's actions on containers: start, stop, and asking NodeManagers how their containers are.

Each runs beside the heartbeat, is left out while it is already on its way, and tells the sight how it ended. Nothing here
decides; a failure becomes something seen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any

from trainmaster.api.job import TrainingJob
from trainmaster.errors import RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.containers import LocalResource
from trainmaster.master import clock
from trainmaster.master.desk import Desk
from trainmaster.master.launch import files_of, launch
from trainmaster.master.points import reach
from trainmaster.master.sight import Sight
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import End, Start, Stop

log = logging.getLogger(__name__)

STOP_PATIENCE = 10.0
"""seconds after which a container whose NodeManager doesn't answer is given back at the ResourceManager instead"""
RETRY = 1.0
"""seconds before whoever could not be asked is asked again"""


class Doing:
    """The work under way for one job."""

    def __init__(self, desk: Desk, sight: Sight, wake: asyncio.Event, release: set[str]) -> None:
        self._desk, self._sight, self._wake, self._release = desk, sight, wake, release
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def start(self, action: Start, memory: Memory, job: TrainingJob) -> None:
        if ("start", action.container) not in self._tasks:
            self._sight.starting(action.container)
            self._run("start", action.container, self._start(action, memory, job))

    def stop(self, action: Stop) -> None:
        self._run("stop", action.container, self._stop(action))

    def confirm(self) -> None:
        """Ask each NodeManager once for all containers of which we don't know yet whether they run."""
        by_node: dict[str, list[str]] = {}
        for id_, node in self._sight.unconfirmed().items():
            if ("start", id_) not in self._tasks:
                by_node.setdefault(node, []).append(id_)
        for node, ids in by_node.items():
            self._run("confirm", node, self._confirm(node, ids))

    def _run(self, kind: str, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Keep the task until it ends: a task that nobody holds may vanish in mid-flight."""
        if (kind, what) in self._tasks:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[kind, what] = task
        task.add_done_callback(lambda done: self._done(kind, what, done))

    def _done(self, kind: str, what: str, task: asyncio.Task[None]) -> None:
        self._tasks.pop((kind, what), None)
        if not task.cancelled() and (error := task.exception()):
            log.error(
                "an action failed in a way nobody foresaw", exc_info=error, extra={"action": kind, "of": what}
            )
        # A NodeManager that had nothing new to say is asked again with the next heartbeat, not at once.
        if kind != "confirm" or self._sight.changed:
            self._wake.set()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- start

    async def _start(self, action: Start, memory: Memory, job: TrainingJob) -> None:
        container = self._sight.containers.get(action.container)
        replica = memory.replica(action.key)
        token = self._sight.container_tokens.get(action.container)
        if container is None or replica is None or token is None:
            return
        try:
            files = await self._files(job, action, memory)
            await self._until_leading()
            if action.container not in self._sight.containers:
                return  # given back or expired while we waited
            environment = {"HADOOP_USER_NAME": _user(memory), **action.environment}
            context = launch(environment, action.command, replica.host, replica.ports, files)
            await self._desk.nodes.start(
                container.node, self._sight.nm_tokens[container.node], token, context
            )
        except RefusedError as error:
            self._failed(action, -1, str(error))
        except (TrainmasterError, KeyError) as error:
            self._failed(action, -1000, f"it could not be started on {container.host}: {error}")
        else:
            self._sight.container_tokens.pop(action.container, None)
            reach("half-started")

    async def _until_leading(self) -> None:
        """Nothing is started on a lease that may be another's by now."""
        while not self._desk.lease.held():
            await asyncio.sleep(RETRY)

    def _failed(self, action: Start, code: int, words: str) -> None:
        """It may run all the same (an answer that got lost), so it is given back besides."""
        self._release.add(action.container)
        self._sight.ended(End(action.container, code, words, clock.now()))

    async def _files(self, job: TrainingJob, action: Start, memory: Memory) -> dict[str, LocalResource]:
        """What YARN must be told of the files. A store that is away is no fault of the node: it is asked again."""
        wanted = files_of(job, action.key.role)
        while True:
            try:
                found = await asyncio.gather(*(self._desk.files(r, _user(memory)) for r in wanted.values()))
            except UnavailableError as error:
                log.info("files can't be looked up yet", extra={"error": str(error)})
                await asyncio.sleep(RETRY)
            else:
                return dict(zip(wanted, found, strict=True))

    # --- stop

    async def _stop(self, action: Stop) -> None:
        until = clock.monotonic() + STOP_PATIENCE
        while action.container in self._sight.containers:
            token = self._sight.nm_tokens.get(action.node)
            if token is None or clock.monotonic() > until:
                self._release.add(action.container)
                return
            try:
                answer = await self._desk.nodes.stop(action.node, token, [action.container])
            except TrainmasterError as error:
                log.info(
                    "a container can't be stopped yet",
                    extra={"container": action.container, "error": str(error)},
                )
                await asyncio.sleep(RETRY)
                continue
            if isinstance(answer.get(action.container), RefusedError):
                self._release.add(action.container)
                return
            await asyncio.sleep(RETRY)

    # --- confirm

    async def _confirm(self, node: str, ids: Iterable[str]) -> None:
        token = self._sight.nm_tokens.get(node)
        if token is None:
            return
        asked = dict.fromkeys(ids, node)
        try:
            answer = await self._desk.nodes.statuses(node, token, list(asked))
        except TrainmasterError as error:
            log.info("a NodeManager can't be asked", extra={"node": node, "error": str(error)})
            return
        self._sight.confirmed(answer, asked, clock.now())


def _user(memory: Memory) -> str:
    """Whom the job's processes are to be towards HDFS: without Kerberos YARN runs all of them as the NodeManager's user."""
    return memory.application.user if memory.application else ""
