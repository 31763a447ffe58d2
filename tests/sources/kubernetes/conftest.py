"""What the tests of the pure parts begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from sources.kubernetes.contenders import Contender, World
from sources.kubernetes.leaders import Leader
from sources.kubernetes.line import Server
from sources.kubernetes.model import Reader
from sources.kubernetes.told import SECRET, Told, kubeconfig
from trainmaster.sources.kubernetes.api import Api
from trainmaster.sources.kubernetes.connection import Connection


@pytest.fixture
def reader() -> Reader:
    """It has listed an empty cluster."""
    made = Reader()
    made.list()
    return made


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def a(world: World) -> Contender:
    return world.contender()


@pytest.fixture
def b(world: World) -> Contender:
    return world.contender()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def old(server: Server) -> Leader:
    return Leader(server, epoch=1)


@pytest.fixture
def new(server: Server) -> Leader:
    """Who leads after `old`."""
    return Leader(server, epoch=2)


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    made = Told()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def api(told: Told, tmp_path: Path) -> AsyncIterator[Api]:
    made = Api(Connection(kubeconfig(told, tmp_path, token=SECRET)), timeout=5)
    yield made
    await made.close()
