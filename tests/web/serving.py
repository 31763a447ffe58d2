"""A web server over real sockets that shows a picture, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from observe.pictures import NOW
from trainmaster.master.picture import FleetPicture, Shown
from trainmaster.observe.metrics import make_registry
from trainmaster.observe.use.curves import UsePicture
from trainmaster.settings import Settings
from trainmaster.web.logs import Reader
from trainmaster.web.server import WebServer


@dataclass
class Changing:
    """In place of a fleet."""

    picture: Callable[[], FleetPicture]

    def gpu_picture(self) -> FleetPicture:
        return self.picture()

    @property
    def leader(self) -> str:
        return self.picture().leader


MONITORING = ("/metrics", "/sd", "/healthz", "/readyz")


class Client:
    """Asks at the port that a path is served at."""

    def __init__(self, pages: aiohttp.ClientSession, monitoring: aiohttp.ClientSession, url: str) -> None:
        self.pages, self.monitoring, self.url = pages, monitoring, url

    def get(self, path: str | URL, **more: Any) -> Any:
        session = self.monitoring if str(path) in MONITORING else self.pages
        return session.get(path, **more)


@asynccontextmanager
async def serving(
    shown: FleetPicture,
    logs: Reader | None = None,
    uses: Callable[[], UsePicture] = UsePicture,
    **settings: Any,
) -> AsyncIterator[Client]:
    async with serving_(lambda: shown, logs, uses, **settings) as client:
        yield client


@asynccontextmanager
async def serving_(
    shown: Callable[[], FleetPicture],
    logs: Reader | None = None,
    uses: Callable[[], UsePicture] = UsePicture,
    **settings: Any,
) -> AsyncIterator[Client]:
    """One whose picture changes."""
    seen = Shown()
    seen.fleet = Changing(shown)
    registry = make_registry(seen.last, lambda: NOW)
    all_ = Settings(web_port=0, metrics_port=0, **settings)
    server = WebServer(all_, seen, registry, lambda: NOW, uses=uses, logs=logs)
    await server.start()
    try:
        async with (
            aiohttp.ClientSession(server._pages.url) as pages,
            aiohttp.ClientSession(server.metrics_url) as monitoring,
        ):
            yield Client(pages, monitoring, server.own_url)
    finally:
        await server.stop()
