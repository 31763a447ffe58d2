"""A door over real sockets, and a client of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch

import aiohttp
from aiohttp import web

from trainmaster.reports import server
from trainmaster.reports.book import Book, Job
from trainmaster.reports.server import Door

JOB = Job("secret", {"worker": 4})
ME = "/reports/u/worker/0/1/1"


@asynccontextmanager
async def opened(
    leader: str = "", penalty: float = 0.0, **jobs: Job
) -> AsyncIterator[tuple[Book, aiohttp.ClientSession]]:
    book = Book()
    book.live(jobs)
    door = Door(book, time.monotonic)
    door.leader = leader
    runner = web.AppRunner(door.application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        with patch.object(server, "PENALTY", penalty):
            async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
                yield book, session
    finally:
        await runner.cleanup()


def bearer(token: str = "secret") -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
