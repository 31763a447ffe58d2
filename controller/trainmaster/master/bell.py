"""Waking masters, a few at a time: many that are woken at once must not hold up the heartbeats of all others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

AT_ONCE = 10
"""masters woken in one turn of the loop; a pass takes about a millisecond"""


class Bell:
    """Rung for one job, it wakes its master in one of the next turns of the loop; rung twice before that, it wakes it once."""

    def __init__(self, wake: Callable[[str], None]) -> None:
        self._wake = wake
        self._rung: dict[str, None] = {}

    def ring(self, uid: str) -> None:
        if not self._rung:
            asyncio.get_running_loop().call_soon(self._some)
        self._rung[uid] = None

    def _some(self) -> None:
        for uid in list(self._rung)[:AT_ONCE]:
            del self._rung[uid]
            self._wake(uid)
        if self._rung:
            asyncio.get_running_loop().call_soon(self._some)
