"""How many applications are opened at one time, and whose is next: users take turns, so a flood of one delays no other."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Admissions:
    """A bounded number of places, handed out by turns of users, first come first served within one."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def place(self, user: str) -> AsyncIterator[None]:
        """Wait for a place, and hold it."""
        await self._take(user)
        try:
            yield
        finally:
            self._free += 1
            self._hand_out()

    async def _take(self, user: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(user, deque()).append(turn)
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += 1
                self._hand_out()
            raise

    def _hand_out(self) -> None:
        while self._free and self._lines:
            user, line = self._lines.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lines[user] = line
            if not turn.done():
                turn.set_result(None)
                self._free -= 1
