"""A network between a controller and the ResourceManager that can be cut, slow, deaf or torn: plain TCP, passed on byte by byte.

What TCP itself never does (change or repeat bytes) isn't done here. Never here: what is said over the connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any
from xml.etree import ElementTree

from trainmaster.local.services import LOOPBACK

ADDRESSES = (
    "yarn.resourcemanager.address",
    "yarn.resourcemanager.scheduler.address",
    "yarn.resourcemanager.webapp.address",
)
"""what of a ResourceManager a controller speaks to"""
_PIECE = 1 << 16


@dataclass
class Weather:
    """What the network does to all connections from now on."""

    late: float = 0.0
    """seconds that each piece is held up"""
    deaf: bool = False
    """nothing comes through, and nobody is told: a cable that was pulled"""
    torn: float = 0.0
    """chance that a piece is passed on by half, and its connection is broken then"""


class Network:
    """Proxies in front of a cluster's ResourceManager. A context: it is there until the end of it."""

    def __init__(self, chance: Random) -> None:
        self.weather = Weather()
        self._chance = chance
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.StreamWriter] = set()

    def configuration(self, real: Path, folder: Path) -> Path:
        """A copy of a cluster's HADOOP_CONF_DIR in `folder` that leads through here."""
        folder.mkdir()
        for file in real.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        site = ElementTree.parse(folder / "yarn-site.xml")
        for entry in site.iter("property"):
            value = entry.find("value")
            if entry.findtext("name") in ADDRESSES and value is not None:
                value.text = f"{LOOPBACK}:{self._serve(value.text or '')}"
        site.write(folder / "yarn-site.xml")
        return folder

    def hang_up(self) -> None:
        """Break every connection."""
        self._loop.call_soon_threadsafe(self._abort)

    def __enter__(self) -> Network:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self, address: str) -> int:
        host, _, port = address.rpartition(":")
        return int(self._do(self._listen(host, int(port))))

    def _do(self, work: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(30)

    async def _listen(self, host: str, port: int) -> int:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._handle(reader, writer, host, port)

        server = await asyncio.start_server(handle, LOOPBACK, 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        self._abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _abort(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _handle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
    ) -> None:
        try:
            there, back = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        try:
            await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))
        finally:
            self._open -= {writer, back}
            writer.transport.abort()
            back.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                await self._weathered()
                torn = self._chance.random() < self.weather.torn
                writer.write(piece[: len(piece) // 2] if torn else piece)
                await writer.drain()
                if torn:
                    break
        with contextlib.suppress(OSError):
            writer.write_eof() if writer.can_write_eof() else writer.close()

    async def _weathered(self) -> None:
        """Hold a piece up. What was deaf loses its connections when it hears again, as after a pulled cable mostly."""
        await asyncio.sleep(self.weather.late)
        while self.weather.deaf:
            await asyncio.sleep(0.05)
