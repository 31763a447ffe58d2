"""Having NodeManagers start other processes in their containers, and seeing it through until they have begun.

Each is told once of each process: one that began twice would be another than its peers know. Never here: for how long that is
waited for, and what is done where it can't be (plan/anew.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from trainmaster.errors import DeniedError, NotDoneError, RefusedError, TrainmasterError
from trainmaster.hadoop.containers import LaunchContext, NmState, NmStatus, Reinitialising
from trainmaster.master import clock
from trainmaster.master.desk import Desk
from trainmaster.master.points import reach
from trainmaster.master.promises import Promise
from trainmaster.master.sight import Sight
from trainmaster.plan.values import Container

T = TypeVar("T")
Build = Callable[[], Awaitable[LaunchContext]]
log = logging.getLogger(__name__)

FIRST, SHORTEST, LONGEST = 0.3, 0.15, 1.0
"""seconds until it is asked for the first time whether it has begun, and between two questions"""
EACH = 0.0005
"""seconds between two questions for each container of the job: thousands must not keep the loop busy with them"""


class Anew:
    """The NodeManagers' side of one job's processes that are started anew."""

    def __init__(
        self,
        desk: Desk,
        sight: Sight,
        leading: Callable[[], Awaitable[None]],
        now: Callable[[], float] | None = None,
    ) -> None:
        self._desk, self._sight, self._leading, self._now = desk, sight, leading, now or clock.now

    async def start(self, id_: str, process: int, build: Build, settles: float = 0.0) -> None:
        """Until it has begun, at least `settles` seconds ago, is over, or something else is wanted of its container."""
        pause = FIRST
        then = min(LONGEST, max(SHORTEST, EACH * len(self._sight.containers)))
        while self._tells(id_, process):
            try:
                if await self.advanced(id_, process, build, settles):
                    return
            except TrainmasterError as error:
                log.info("a process can't be started anew yet", extra={"container": id_, "error": str(error)})
            await asyncio.sleep(pause)
            pause = then

    def _tells(self, id_: str, process: int) -> bool:
        """Whether just this is still wanted."""
        container = self._container(id_)
        return container is not None and container.told == process

    def _container(self, id_: str) -> Container | None:
        """Also one that isn't listed at present: its NodeManager can be asked, and told, all the same."""
        return self._sight.containers.get(id_) or self._sight.missing.get(id_)

    async def advanced(self, id_: str, process: int, build: Build, settles: float = 0.0) -> bool:
        """One step; whether there is nothing more to do. What is started is built when it is told: tokens in it grow old."""
        said = await self._status(id_)
        if said is None or not self._tells(id_, process):
            return False
        promise = self._sight.promises.of(id_, process)
        if promise is None or (not promise.sure and said.reinitialised == promise.before):
            made = Promise(process, said.reinitialised, made=self._now())
            launch = await build()
            return self._tells(id_, process) and await self._told(id_, promise, made, launch)
        if said.state is not NmState.RUNNING or said.reinitialised == promise.before:
            return False
        if not promise.begun:
            self._sight.promises.note(id_, promise := replace(promise, begun=self._now()))
        if self._now() < promise.settled(settles):
            return False
        self._sight.mark(id_, process=process)
        return True

    async def _told(self, id_: str, before: Promise | None, promise: Promise, launch: LaunchContext) -> bool:
        """Tell it. Where the answer gets lost, its stamp will say whether it was heard."""
        await self._leading()
        self._sight.promises.note(id_, promise)
        try:
            answer = await self._at_its_node(
                id_, lambda n, token: self._desk.nodes.reinitialise(n, token, id_, launch)
            )
        except (NotDoneError, RefusedError):
            self._sight.promises.note(id_, before)
            raise
        if answer is Reinitialising.ACCEPTED:
            self._sight.promises.note(id_, replace(promise, sure=True))
            reach("half-anew")
        else:
            self._sight.promises.note(id_, before)
        if answer is Reinitialising.OVER:
            self._sight.mark(id_, refuses=True)
        return answer is Reinitialising.OVER

    async def _status(self, id_: str) -> NmStatus | None:
        answer = await self._at_its_node(id_, lambda n, token: self._desk.nodes.statuses(n, token, [id_]))
        if container := self._container(id_):
            self._sight.confirmed(answer, {id_: container.node}, self._now())
        return answer.known.get(id_)

    async def _at_its_node(self, id_: str, call: Callable[[str, bytes], Awaitable[T]]) -> T:
        container = self._container(id_)
        token = self._sight.tokens.of(id_, container.node) if container else None
        if container is None or token is None:
            raise NotDoneError("there is no token for its node")
        try:
            return await call(container.node, token)
        except DeniedError:
            self._sight.tokens.refused(container.node, token)
            raise
