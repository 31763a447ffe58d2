"""A web server over real sockets that shows a picture, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from observe.pictures import NOW
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.metrics import make_registry
from trainmaster.settings import Settings
from trainmaster.web.server import WebServer


@asynccontextmanager
async def serving(shown: FleetPicture) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving_(lambda: shown) as client:
        yield client


@asynccontextmanager
async def serving_(shown: Callable[[], FleetPicture]) -> AsyncIterator[aiohttp.ClientSession]:
    """One whose picture changes."""
    registry = make_registry(shown, lambda: NOW)
    server = WebServer(Settings(web_port=0), shown, registry, lambda: NOW)
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url) as session:
            yield session
    finally:
        await server.stop()
