"""Telling processes to go, each once: a second SIGTERM could break off the very checkpoint that the first asked for.

Where an answer got lost, or whoever led before may have told it, nobody but the process knows: its launcher notes in its log
folder that it was told (launch.py), and that is looked for first. Never here: who is to go, and when (plan/gentle.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from trainmaster.errors import DeniedError, NotDoneError, RefusedError, TrainmasterError
from trainmaster.master import clock
from trainmaster.master.desk import Desk
from trainmaster.master.launch import TOLD
from trainmaster.master.points import reach
from trainmaster.master.sight import Sight
from trainmaster.plan.values import Terminate

log = logging.getLogger(__name__)

ASK_PATIENCE = 10.0
"""seconds for which a node is asked whether a process was told, before it is told all the same: better twice than never"""


class Dismissal:
    """Those of one job; of the `unsure` it isn't known whether they were told before."""

    def __init__(
        self,
        desk: Desk,
        sight: Sight,
        unsure: Iterable[str] = (),
        now: Callable[[], float] | None = None,
    ) -> None:
        self._desk, self._sight, self._now = desk, sight, now or clock.monotonic
        self._unsure: dict[str, float | None] = dict.fromkeys(unsure)
        """since when they have been asked about in vain"""

    async def tried(self, action: Terminate) -> bool:
        """One try: whether its process has been told by now."""
        told = await self._noted(action.container) if action.container in self._unsure else False
        if told is None or not (told or await self._told(action)):
            return False
        self._unsure.pop(action.container, None)
        self._sight.mark(action.container, leaving=True)
        return True

    async def _noted(self, id_: str) -> bool | None:
        """Whether it has noted that it was told; None while its node can't be asked, for a while."""
        container = self._sight.containers.get(id_) or self._sight.missing.get(id_)
        logs = self._desk.logs
        if container is None or logs is None:
            return False
        try:
            found = await logs.tail(container.http, id_, TOLD, 0)
        except TrainmasterError as error:
            log.info("it isn't known whether a process was told to go", extra=_about(container.node, error))
            since = self._unsure[id_] = self._unsure[id_] or self._now()
            return None if self._now() - since < ASK_PATIENCE else False
        return found is not None

    async def _told(self, action: Terminate) -> bool:
        token = self._sight.tokens.of(action.container, action.node)
        if not token:
            return False
        try:
            await self._desk.nodes.terminate(action.node, token, action.container)
        except DeniedError:
            self._sight.tokens.refused(action.node, token)
            return False
        except TrainmasterError as error:
            log.info("a container can't be told to go yet", extra=_about(action.node, error))
            if not isinstance(error, NotDoneError | RefusedError):
                self._unsure.setdefault(action.container, None)
            return False
        reach("told-to-go")
        return True


def _about(node: str, error: TrainmasterError) -> dict[str, str]:
    return {"node": node, "error": str(error)}
