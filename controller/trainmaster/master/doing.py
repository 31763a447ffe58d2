"""Carrying out a plan's actions on containers: start, stop, and asking NodeManagers how their containers are.

Each runs beside the heartbeat, is left out while it is already on its way, and tells the sight how it ended. Nothing here
decides; a failure becomes something seen. A thousand containers at once must not hold up other jobs: one NodeManager is asked for
all of its containers in one call, one of these works begins per turn of the loop, and a few are under way at once (works.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from trainmaster.api.job import TrainingJob
from trainmaster.errors import (
    DeniedError,
    NoSuchFileError,
    NotDoneError,
    RefusedError,
    TrainmasterError,
    UnavailableError,
)
from trainmaster.frameworks import PEER_SECRET
from trainmaster.hadoop.containers import LaunchContext, LocalResource
from trainmaster.hadoop.refusals import YARN, says_nothing_of_the_job
from trainmaster.master import clock
from trainmaster.master.acls import acls_in
from trainmaster.master.anew import Anew
from trainmaster.master.confirming import Confirming
from trainmaster.master.desk import Desk
from trainmaster.master.dismissal import Dismissal
from trainmaster.master.launch import files_of, launch, order_of, peer_secret, user_of, waiting
from trainmaster.master.launch_gpus import gpu_launch
from trainmaster.master.local_resources import looked_up
from trainmaster.master.points import reach
from trainmaster.master.sight import Sight
from trainmaster.master.stopping import RETRY, Stopping, Target
from trainmaster.master.works import Works
from trainmaster.plan.actions import STARTS
from trainmaster.plan.classify import NO_FILE
from trainmaster.plan.memory import Key, Memory, ReplicaMemory
from trainmaster.plan.values import End, Launch, Park, Reinitialise, Start, Stop, Terminate

log = logging.getLogger(__name__)

START_PATIENCE = 10.0
"""seconds for which a NodeManager is asked whether a start went through whose answer got lost"""
SETTLES = 0.5
"""seconds, at least, for which what only waits has begun before another is to take its place. A NodeManager says that a process
runs when it is about to start it; told before it has, it looks for its pid for 5 s (yarn.nodemanager.process-kill-wait.ms)"""


class NotLetInError(UnavailableError):
    """The node did not take our token: the start was not heard, and is tried again with another one."""


class Doing:
    """The work under way for one job."""

    def __init__(
        self,
        desk: Desk,
        sight: Sight,
        wake: asyncio.Event,
        release: set[str],
        unsure: Iterable[str] = (),
    ) -> None:
        """Of the `unsure` it isn't known whether they were told to go before."""
        self._desk, self._sight, self._wake, self._release = desk, sight, wake, release
        self.works = Works(self._ended)
        self._turns = asyncio.Lock()
        self._stopping = Stopping(
            desk, sight, self._turn, self._until_leading, self._give_back, Dismissal(desk, sight, unsure)
        )
        self._confirming = Confirming(desk, sight, self._turn, self.works)
        self._anew = Anew(desk, sight, self._until_leading)

    def start(self, actions: Sequence[Launch], memory: Memory, job: TrainingJob) -> None:
        """Have these begin. Of more than one decision has at most the next pass has the others."""
        replicas: Mapping[Key, ReplicaMemory] = {}
        begun = 0
        for action in actions:
            if isinstance(action, Park):
                self._start_anew(action, partial(_waiting, order_of(memory, action.process)), SETTLES)
                continue
            replicas = replicas or {replica.key: replica for replica in memory.replicas}
            idle = ("start", action.container) not in self.works
            if isinstance(action, Reinitialise):
                self._reinitialise(action, replicas[action.key], job, memory)
            elif idle and not self._sight.awaits_token(action.container):
                self._sight.starting(action.container)
                work = self._start(action, replicas[action.key], job, memory)
                self.works.begin("start", action.container, work)
                begun += 1
        self._sight.changed |= begun >= STARTS

    def _reinitialise(
        self, action: Reinitialise, replica: ReplicaMemory, job: TrainingJob, memory: Memory
    ) -> None:
        """Its files are there already: told of again they would be localised again, and failing that locks the container."""
        self._start_anew(action, lambda: self._built(action, replica, None, job, memory))

    def _start_anew(
        self, action: Park | Reinitialise, build: Callable[[], Awaitable[LaunchContext]], settles: float = 0.0
    ) -> None:
        self._sight.mark(action.container, told=action.process)
        work = self._anew.start(action.container, action.process, build, settles)
        self.works.begin("anew", f"{action.container} {action.process}", work)

    def stop(self, actions: Iterable[Stop]) -> None:
        by_node: dict[str, list[str]] = {}
        for action in actions:
            if action.container not in self._stopping.under_way:
                by_node.setdefault(action.node, []).append(action.container)
        for node, ids in by_node.items():
            for id_ in ids:
                self._sight.mark(id_, told=0)
            if self.works.line_up("stop", ids[0], partial(self._stopping.stop, Target(node, ids))):
                self._stopping.under_way.update(ids)
            else:
                self._sight.changed = True  # the next pass has it begin

    def terminate(self, actions: Iterable[Terminate]) -> None:
        """Tell processes to go, once each."""
        for action in actions:
            self.works.line_up("terminate", action.container, partial(self._stopping.terminate, action))

    def release(self, container: str) -> None:
        """Give it back with the next heartbeat; from now on nothing starts it, not even a start that is being prepared."""
        if self._sight.given_back(container):
            self._release.add(container)

    def confirm(self, listed: bool = False) -> None:
        """Ask each NodeManager once for all containers of which we don't know yet whether they run; or for the `listed` ones."""
        self._confirming.ask(listed)

    def _ended(self) -> None:
        # A NodeManager that had nothing new to say is asked again with the next heartbeat, not at once; nor is one that was just
        # told to start something, which doesn't run yet.
        if self._sight.changed or self._release:
            self._wake.set()

    async def _turn(self) -> None:
        async with self._turns:
            await asyncio.sleep(0)
            await self._desk.passes.turn()

    async def close(self) -> None:
        await self.works.close()

    def _give_back(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            self.release(id_)
        self._wake.set()

    # --- start

    async def _start(self, action: Start, replica: ReplicaMemory, job: TrainingJob, memory: Memory) -> None:
        try:
            files = await looked_up(self._desk, files_of(job, action.key.role), user_of(memory))
            await self._launch(action.container, await self._built(action, replica, files, job, memory))
        except NotLetInError as error:
            log.info("a NodeManager takes no token of ours", extra={"error": str(error)})
        except RefusedError as error:
            # Of a grant that is no good any more the job is not at fault: it is asked for anew.
            self._failed(action, -1000 if says_nothing_of_the_job(error) else -1, str(error))
        except NoSuchFileError as error:
            self._failed(action, NO_FILE, str(error))
        except NotDoneError as error:
            self._failed(action, -1000, f"it could not be started on {replica.host}: {error}")
        except TrainmasterError as error:
            if not (known := await self._started_all_the_same(action.container)):
                words = f"it could not be started on {replica.host}: {error}"
                self._failed(action, -1000, words, certain=known is False)
        except Exception:  # shown, and judged like a node's failure: it must not be waited for for ever
            log.exception("a start failed in a way nobody foresaw", extra={"container": action.container})
            self._failed(action, -1000, f"it could not be started on {replica.host}", certain=False)

    async def _built(
        self,
        action: Start | Reinitialise,
        replica: ReplicaMemory,
        files: Mapping[str, LocalResource] | None,
        job: TrainingJob,
        memory: Memory,
    ) -> LaunchContext:
        """Without `files` none are brought."""
        who = memory.uid, job, action.key.role, user_of(memory)
        given = await self._desk.secrets.of(*who, lambda: action.container in self._sight.containers)
        await self._turn()
        reports = self._desk.reports.told_to(memory, replica)
        told = {"HADOOP_USER_NAME": user_of(memory), **action.environment, **reports}
        if PEER_SECRET in action.environment:
            told[PEER_SECRET] = peer_secret(memory)
        gpus = gpu_launch(self._desk, told, self._sight.containers.get(action.container))
        order = order_of(memory, replica.process)
        where = (replica.host, replica.ports)
        asked = action.readiness, action.check
        context = launch(told, action.command, *where, files or {}, gpus, order, action.grace, *asked, given)
        brought = context.resources if files is not None else {}
        tokens = await self._desk.delegation.of(memory.application)
        view, modify = acls_in(memory.application, self._desk.viewer)
        return replace(context, resources=brought, tokens=tokens, view_acl=view, modify_acl=modify)

    async def _launch(self, id_: str, context: LaunchContext) -> None:
        """Start it once its node can take it, unless it was given back or taken away meanwhile."""
        until = clock.monotonic() + START_PATIENCE
        while container := self._sight.containers.get(id_):
            try:
                async with self._desk.pace.place(container.node):
                    return await self._launch_now(id_, context)
            except NotDoneError:
                if clock.monotonic() > until or id_ not in self._sight.container_tokens:
                    raise
            await asyncio.sleep(RETRY)
        return None

    async def _launch_now(self, id_: str, context: LaunchContext) -> None:
        await self._until_leading()
        container, token = self._sight.containers.get(id_), self._sight.container_tokens.get(id_)
        if container is None or token is None:
            return
        nm_token = self._sight.tokens.of(id_, container.node)
        if nm_token is None:
            raise NotDoneError("YARN gave no token for its node")
        try:
            await self._desk.nodes.start(container.node, nm_token, token, context)
        except DeniedError as error:
            if says_nothing_of_the_job(error):
                raise
            self._sight.tokens.refused(container.node, nm_token)
            self._sight.not_started(id_)
            raise NotLetInError(str(error)) from error
        except RefusedError as error:
            if error.kind.startswith(YARN):
                raise
            raise UnavailableError(str(error)) from error
        self._sight.container_tokens.pop(id_, None)
        self._sight.tokens.taken(container.node)
        reach("half-started")

    async def _started_all_the_same(self, id_: str) -> bool | None:
        """Whether a start whose answer got lost went through: else the replacement could run beside it.

        None where the NodeManager could not be asked in time: then it may run.
        """
        until = clock.monotonic() + START_PATIENCE
        while (container := self._sight.containers.get(id_)) and clock.monotonic() < until:
            token = self._sight.tokens.of(id_, container.node)
            if token is None:
                return None
            try:
                answer = await self._desk.nodes.statuses(container.node, token, [id_])
            except TrainmasterError:
                await asyncio.sleep(RETRY)
                continue
            if id_ in answer.unknown:
                return False
            self._sight.confirmed(answer, {id_: container.node}, clock.now())
            if id_ in answer.known:
                return True
            await asyncio.sleep(RETRY)
        return True if container is None else None

    async def _until_leading(self) -> None:
        """Nothing is started on a lease that may be another's by now."""
        while not self._desk.lease.held():
            await asyncio.sleep(RETRY)

    def _failed(self, action: Start, code: int, words: str, certain: bool = True) -> None:
        """Not `certain`, it may run all the same (an answer that got lost). It is given back in any case."""
        self.release(action.container)
        self._sight.ended(End(action.container, code, words, clock.now(), certain))


async def _waiting(order: int) -> LaunchContext:
    return waiting(order)
