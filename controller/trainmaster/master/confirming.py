"""Asking NodeManagers whether containers run: by their RPC where a token of theirs lets us in, else by their web servers.

Thousands are asked in rounds: nobody for the second time before all have had their turn. Never here: what an answer means
(sight.py).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from trainmaster.errors import DeniedError, TrainmasterError
from trainmaster.hadoop.nodeweb import by_web
from trainmaster.master import clock
from trainmaster.master.desk import Desk
from trainmaster.master.sight import Sight
from trainmaster.master.silence import Silence
from trainmaster.master.works import Try, Works
from trainmaster.plan.values import Container

log = logging.getLogger(__name__)

RPC, WEB = "confirm", "web"
"""the kinds of works"""


class Confirming:
    """For one job. What is heard goes into its sight."""

    def __init__(self, desk: Desk, sight: Sight, turn: Callable[[], Awaitable[None]], works: Works) -> None:
        """`turn` comes when the job's next piece of work may be done."""
        self._desk, self._sight, self._turn, self._works = desk, sight, turn, works
        self._silence = Silence()

    def ask(self, listed: bool = False) -> None:
        """Begin a round, unless one is under way: each NodeManager is asked once for all containers of which we don't know yet
        whether they run; or for the `listed` ones."""
        now = clock.monotonic()
        if not self._works.waits(RPC):
            for node, ids in self._by_node(listed, now).items():
                self._works.line_up(RPC, node, partial(self._questions, node, ids))
        for container in self._sight.unreached():
            if self._silence.over(container.id, now):
                self._works.line_up(WEB, container.id, partial(self._by_web, container))

    def _by_node(self, listed: bool, now: float) -> dict[str, list[str]]:
        """Of those that aren't listed only where their node isn't left in peace at present, unless it is asked anyway."""
        found: dict[str, list[str]] = {}
        others: dict[str, list[str]] = {}
        for id_, node in self._sight.unconfirmed().items():
            among = found if id_ in self._sight.containers else others
            among.setdefault(node, []).append(id_)
        for node, ids in () if listed else others.items():
            if node in found or self._silence.over(node, now):
                found.setdefault(node, []).extend(ids)
        return found

    def _questions(self, node: str, ids: Sequence[str]) -> Try | None:
        """Those that its turn has come for: of containers that live, and aren't being started."""
        asked: dict[bytes, list[str]] = {}
        for id_ in ids:
            token = self._sight.tokens.of(id_, node)
            if token is not None and self._sight.lives(id_) and ("start", id_) not in self._works:
                asked.setdefault(token, []).append(id_)
        return self._ask(node, asked) if asked else None

    async def _ask(self, node: str, asked: Mapping[bytes, Sequence[str]]) -> None:
        for token, ids in asked.items():
            await self._turn()
            await self._by_rpc(node, token, ids)

    async def _by_rpc(self, node: str, token: bytes, ids: Sequence[str]) -> None:
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
        self._silence.heard(
            node, clock.monotonic(), news=[self._sight.missing.get(id_) for id_ in ids] != before
        )

    async def _by_web(self, container: Container) -> None:
        over = False
        try:
            over = await self._desk.web.over(container.http, container.id)
        except TrainmasterError as error:
            log.debug("a NodeManager's web server can't be asked", extra={"error": str(error)})
            self._sight.unheard((container.id,))
        else:
            self._sight.confirmed(by_web(container.id, over), {container.id: container.node}, clock.now())
        self._silence.heard(container.id, clock.monotonic(), news=over)
