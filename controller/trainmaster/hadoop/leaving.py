"""Closing connections that nobody needs any more, a few in each turn of the loop: thousands that were opened together are idle
together, and closing one takes two calls of the system. Never here: which of them.
"""

from __future__ import annotations

import asyncio
from collections import deque

from trainmaster.hadoop.rpc import RpcClient

AT_ONCE = 20
"""connections closed in one turn"""


class Leaving:
    """Those that are to be closed."""

    def __init__(self) -> None:
        self._waiting: deque[RpcClient] = deque()

    def add(self, connection: RpcClient) -> None:
        """Have it closed in one of the next turns."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._some)
        self._waiting.append(connection)

    def close(self) -> None:
        """All of them, now."""
        self._drop(len(self._waiting))

    def _some(self) -> None:
        self._drop(min(AT_ONCE, len(self._waiting)))
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._some)

    def _drop(self, number: int) -> None:
        for _ in range(number):
            self._waiting.popleft().drop()
