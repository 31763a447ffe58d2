"""How many processes a NodeManager is told to start at one time: as many as it answers for quickly, over all jobs.

A NodeManager that is told to start hundreds at once answers late, and what answers late can't be told from what is dead. So
the number grows while answers come soon and is halved when they come late (additive increase, multiplicative decrease, as in
TCP's congestion avoidance, RFC 5681). Never here: the call.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trainmaster.errors import NotDoneError, UnavailableError
from trainmaster.master import clock

FIRST, LEAST, MOST = 8.0, 1.0, 64.0
"""starts under way at one node: at first, and the bounds"""
SOON, LATE = 1.0, 4.0
"""seconds within which an answer has the number grow, and from which on it is halved"""


class Node:
    """The starts under way at one NodeManager."""

    def __init__(self) -> None:
        self.allowed = FIRST
        self.under_way = 0
        self._halved_at = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def idle(self) -> bool:
        return not self.under_way and not self._waiting

    async def enter(self) -> None:
        """Wait for a place, first come first served."""
        if self.under_way < int(self.allowed):
            self.under_way += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not turn.exception():
                self.leave()
            raise

    def leave(self) -> None:
        self.under_way -= 1
        while self._waiting and self.under_way < int(self.allowed):
            turn = self._waiting.popleft()
            if not turn.done():
                self.under_way += 1
                turn.set_result(None)

    def hangs(self) -> None:
        """A start got no answer at all: whoever waits had better go elsewhere."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(NotDoneError("its node leaves starts without an answer"))

    def answered(self, since: float, now: float, well: bool) -> None:
        """A start that was told at `since` has got its answer, or was given up (not `well`)."""
        if well and now - since <= SOON:
            self.allowed = min(MOST, self.allowed + 1 / self.allowed)
        elif (not well or now - since >= LATE) and since >= self._halved_at:
            # Once for all that were under way together: they are late for the same reason.
            self.allowed, self._halved_at = max(LEAST, self.allowed / 2), now


class Pace:
    """All NodeManagers of one controller."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    @asynccontextmanager
    async def place(self, node: str) -> AsyncIterator[None]:
        """Wait for a place at this node, and hold it until the start is answered, refused or given up."""
        of = self._nodes.setdefault(node, Node())
        await of.enter()
        since, well = clock.monotonic(), True
        try:
            yield
        except NotDoneError:
            well = False
            raise
        except UnavailableError:
            well = False
            of.hangs()
            raise
        finally:
            of.answered(since, clock.monotonic(), well)
            of.leave()
            if of.idle and of.allowed >= FIRST:
                self._nodes.pop(node, None)  # nothing is known of it that isn't assumed of any
