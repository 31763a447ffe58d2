"""Asking NodeManagers whether containers run: by their RPC where a token of theirs lets us in, else by their web servers.

Never here: whom to ask when (doing.py), and what an answer means (sight.py).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from trainmaster.errors import DeniedError, TrainmasterError
from trainmaster.hadoop.nodeweb import by_web
from trainmaster.master import clock
from trainmaster.master.desk import Desk
from trainmaster.master.sight import Sight
from trainmaster.master.silence import Silence
from trainmaster.plan.values import Container

log = logging.getLogger(__name__)


class Confirming:
    """For one job. What is heard goes into its sight."""

    def __init__(self, desk: Desk, sight: Sight, turn: Callable[[], Awaitable[None]]) -> None:
        """`turn` comes when the job's next piece of work may be done."""
        self._desk, self._sight, self._turn = desk, sight, turn
        self.silence = Silence()

    async def by_rpc(self, node: str, token: bytes, ids: Sequence[str]) -> None:
        await self._turn()
        before = [self._sight.missing.get(id_) for id_ in ids]
        try:
            answer = await self._desk.nodes.statuses(node, token, ids)
        except TrainmasterError as error:
            if isinstance(error, DeniedError):
                self._sight.tokens.refused(node, token)
            self._sight.unheard(ids)
            log.info("a NodeManager can't be asked", extra={"node": node, "error": str(error)})
        else:
            self._sight.tokens.taken(node)
            self._sight.confirmed(answer, dict.fromkeys(ids, node), clock.now())
        self.silence.heard(
            node, clock.monotonic(), news=[self._sight.missing.get(id_) for id_ in ids] != before
        )

    async def by_web(self, container: Container) -> None:
        over = False
        try:
            over = await self._desk.web.over(container.http, container.id)
        except TrainmasterError as error:
            log.debug("a NodeManager's web server can't be asked", extra={"error": str(error)})
            self._sight.unheard((container.id,))
        else:
            self._sight.confirmed(by_web(container.id, over), {container.id: container.node}, clock.now())
        self.silence.heard(container.id, clock.monotonic(), news=over)
