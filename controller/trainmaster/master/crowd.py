"""How many masters begin a heartbeat in one turn of the loop, and how many of them a pass.

A loop that was held up finds the timers of hundreds due, and would read no answer before all of them have had their turn: so
one delay would make the next. Never here: when a master's time has come.
"""

from __future__ import annotations

import asyncio
from collections import deque

AT_ONCE = 20
"""masters in one turn: a few milliseconds' work, and as much again for the answers to them"""
PASSES = 5
"""passes and launches in one turn: each is a millisecond or two, and many come with answers that are read together"""


class Crowd:
    """All masters of one controller, or one kind of what they do."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = self._places = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        """Go on at once where few do in this turn of the loop; else in one of the next, first come first served."""
        if self._places and not self._waiting:
            self._take()
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _take(self) -> None:
        self._places -= 1
        if not self._places:  # and not with the first: who comes alone would have the loop turn twice
            asyncio.get_running_loop().call_soon(self._turned)

    def _turned(self) -> None:
        self._places = self._at_once
        while self._places and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its master was put down meanwhile
                self._take()
                turn.set_result(None)
