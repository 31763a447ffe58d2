"""Ending processes of one job at their NodeManagers: told to go, and stopped when their time is over.

Each is repeated until it is heard or the process is over. Never here: who is to go, and when (plan/gentle.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from trainmaster.errors import DeniedError, RefusedError, TrainmasterError
from trainmaster.master import clock
from trainmaster.master.desk import Desk
from trainmaster.master.dismissal import Dismissal
from trainmaster.master.sight import Sight
from trainmaster.plan.values import Terminate

log = logging.getLogger(__name__)

STOP_PATIENCE = 10.0
"""seconds after which a container whose NodeManager doesn't answer is given back at the ResourceManager instead"""
RETRY = 1.0
"""seconds before whoever could not be asked is asked again"""
Waits = Callable[[], Awaitable[None]]


class Stopping:
    """What is under way; `turn` and `leading` are waited for before anybody is told anything."""

    def __init__(
        self,
        desk: Desk,
        sight: Sight,
        turn: Waits,
        leading: Waits,
        give_back: Callable[[Iterable[str]], None],
        dismissal: Dismissal,
    ) -> None:
        self._dismissal = dismissal
        self._desk, self._sight = desk, sight
        self._turn, self._leading, self._give_back = turn, leading, give_back
        self.under_way: set[str] = set()
        """containers that are being stopped"""

    async def terminate(self, action: Terminate) -> None:
        """Until its NodeManager has taken it on, it is over, or its time is, and it is being stopped."""
        await self._turn()
        while self._sight.lives(action.container) and action.container not in self.under_way:
            await self._leading()
            if await self._dismissal.tried(action):
                return
            await asyncio.sleep(RETRY)

    async def stop(self, node: str, ids: list[str]) -> None:
        """Until they are over, or are given back."""
        try:
            await self._turn()
            until = clock.monotonic() + STOP_PATIENCE
            while left := [id_ for id_ in ids if self._sight.lives(id_)]:
                await self._leading()
                if clock.monotonic() > until:
                    self._give_back(left)
                    return
                if token := self._sight.tokens.of(left[0], node):
                    await self._stop_once(node, token, left)
                await asyncio.sleep(RETRY)
        finally:
            self.under_way.difference_update(ids)

    async def _stop_once(self, node: str, token: bytes, ids: list[str]) -> None:
        """Repeated until YARN tells of the ends: a NodeManager that is restarted may forget what it was told."""
        try:
            answer = await self._desk.nodes.stop(node, token, ids)
        except DeniedError:
            self._sight.tokens.refused(node, token)
        except TrainmasterError as error:
            log.info("containers can't be stopped yet", extra={"node": node, "error": str(error)})
        else:
            self._give_back(id_ for id_ in ids if isinstance(answer.get(id_), RefusedError))
