"""A web server over real sockets that shows a picture, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from observe.pictures import NOW
from trainmaster.master.picture import FleetPicture, Shown
from trainmaster.observe.metrics import make_registry
from trainmaster.settings import Settings
from trainmaster.web.server import WebServer


@dataclass
class Changing:
    """In place of a fleet."""

    picture: Callable[[], FleetPicture]

    def gpu_picture(self) -> FleetPicture:
        return self.picture()


@asynccontextmanager
async def serving(shown: FleetPicture) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving_(lambda: shown) as client:
        yield client


@asynccontextmanager
async def serving_(shown: Callable[[], FleetPicture]) -> AsyncIterator[aiohttp.ClientSession]:
    """One whose picture changes."""
    seen = Shown()
    seen.fleet = Changing(shown)
    registry = make_registry(seen.last, lambda: NOW)
    server = WebServer(Settings(web_port=0), seen.picture, registry, lambda: NOW)
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url) as session:
            yield session
    finally:
        await server.stop()
