"""Ending processes of one job at their NodeManagers: told to go, and stopped when their time is over.

Each is tried again until it is heard or the process is over; between two tries others have their turns (works.py).
Never here: who is to go, and when (plan/gentle.py).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(slots=True)
class Target:
    """Containers of one node that are to be stopped."""

    node: str
    ids: Sequence[str]
    until: float = 0.0
    """monotonic time at which they are given back instead, once it was tried"""


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

    async def terminate(self, action: Terminate) -> float | None:
        """One try, until its NodeManager has taken it on, it is over, or its time is, and it is being stopped."""
        await self._turn()
        if not self._sight.lives(action.container) or action.container in self.under_way:
            return None
        await self._leading()
        return None if await self._dismissal.tried(action) else RETRY

    async def stop(self, target: Target) -> float | None:
        """One try, until all are over, or are given back."""
        again = None
        try:
            again = await self._tried(target)
        finally:
            if again is None:
                self.under_way.difference_update(target.ids)
        return again

    async def _tried(self, target: Target) -> float | None:
        await self._turn()
        left = [id_ for id_ in target.ids if self._sight.lives(id_)]
        if not left:
            return None
        target.until = target.until or clock.monotonic() + STOP_PATIENCE
        await self._leading()
        if clock.monotonic() > target.until:
            self._give_back(left)
            return None
        for token, ids in self._by_token(target.node, left).items():
            await self._stop_once(target.node, token, ids)
        return RETRY

    def _by_token(self, node: str, ids: Iterable[str]) -> Mapping[bytes, Sequence[str]]:
        """Those that can be spoken of there: what is left of an earlier application has a token of its own, or none."""
        found: dict[bytes, list[str]] = {}
        for id_ in ids:
            if token := self._sight.tokens.of(id_, node):
                found.setdefault(token, []).append(id_)
        return found

    async def _stop_once(self, node: str, token: bytes, ids: Sequence[str]) -> None:
        """Repeated until YARN tells of the ends: a NodeManager that is restarted may forget what it was told."""
        try:
            answer = await self._desk.nodes.stop(node, token, ids)
        except DeniedError:
            self._sight.tokens.refused(node, token)
        except TrainmasterError as error:
            log.info("containers can't be stopped yet", extra={"node": node, "error": str(error)})
        else:
            self._give_back(id_ for id_ in ids if isinstance(answer.get(id_), RefusedError))
