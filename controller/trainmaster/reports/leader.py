"""Where the door of the controller is that leads, as its web server tells: a standby's door hands on to it what it gets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp

from trainmaster.addresses import REPORTS, VIA
from trainmaster.json_text import loads

LOOK = 2.0
TIMEOUT = aiohttp.ClientTimeout(total=2.0)
LONGEST = 4096


class LeadersDoor:
    """Asked while `leader`, the address of the leader's web server, isn't empty."""

    def __init__(self, leader: Callable[[], str]) -> None:
        self._leader = leader
        self.url = ""
        """empty where it isn't known, or where this controller leads"""

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                leader = self._leader()
                self.url = await self._asked(session, leader) if leader else ""
                await asyncio.sleep(LOOK)

    @staticmethod
    async def _asked(session: aiohttp.ClientSession, leader: str) -> str:
        try:
            async with session.get(f"{leader}{REPORTS}", headers={"Via": VIA}) as answer:
                said = loads(await answer.content.read(LONGEST))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return ""
        url = said.get("url", "") if isinstance(said, dict) else ""
        return url if isinstance(url, str) and url.startswith(("http://", "https://")) else ""
