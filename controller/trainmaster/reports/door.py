"""The controller's side of the door: it starts the process, tells it who lives, and takes in what it heard.

The process is begun anew when it ends. Never here: what is made of the reports (master/reports.py, plan/).
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from trainmaster.addresses import url_of
from trainmaster.errors import UnavailableError
from trainmaster.json_text import loads
from trainmaster.master import clock
from trainmaster.master.reports import FoundReports, Unread
from trainmaster.settings import Reports

log = logging.getLogger(__name__)

TURN = 1.0
AGAIN = 5.0
"""seconds before a door that ended is opened anew"""
LONGEST = 64 << 20
"""bytes of one line"""

LARGE = 64 << 10
"""bytes of a line from which on reading it takes some ten milliseconds"""

Live = Mapping[str, tuple[str, Mapping[str, int]]]
"""uid -> the token of a job that lives, and its replicas by role"""


class Driver(Protocol):
    """Whoever drives jobs (master/fleet.py)."""

    def reporting(self) -> Live:
        """Jobs whose processes may report; empty on standby."""

    def heard_of(self, uid: str) -> None:
        """Processes of it were heard for the first time, or what is shown of it is old."""


class ReportsDoor:
    """One process, for as long as `run` lasts."""

    def __init__(
        self, settings: Reports, found: FoundReports, program: tuple[str, ...] = (sys.executable, "-m")
    ) -> None:
        self._settings, self._found, self._program = settings, found, program
        self.own_url = ""
        """where this very door is reached; empty while it isn't open"""
        self._begun: dict[str, int] = {}

    async def run(self, driver: Driver, leader: Callable[[], str]) -> None:
        """Until cancelled. `leader` tells where the door of another controller is, which leads."""
        while self._settings.port is not None:
            try:
                await self._open(driver, leader)
            except UnavailableError as error:
                log.warning("no reports of training processes are heard", extra={"error": str(error)})
            self._found.closed()
            self._begun.clear()
            await asyncio.sleep(AGAIN)
        await asyncio.Event().wait()

    async def _open(self, driver: Driver, leader: Callable[[], str]) -> None:
        settings, pipe = self._settings, asyncio.subprocess.PIPE
        # -P: what lies in the folder that the controller was started in is no part of it.
        command = (*self._program[:1], "-P", *self._program[1:], "trainmaster.reports")
        child = await asyncio.create_subprocess_exec(
            *command, settings.listen, str(settings.port), stdin=pipe, stdout=pipe, limit=LONGEST
        )
        assert child.stdin
        assert child.stdout
        try:
            await self._bound(child.stdout)
            async with asyncio.TaskGroup() as tasks:
                telling = tasks.create_task(self._tell(child.stdin, driver, leader))
                await self._hear(child.stdout, driver)
                telling.cancel()
        finally:
            self.own_url = ""
            child.stdin.close()
            if child.returncode is None:
                child.terminate()
            await child.wait()
        raise UnavailableError(f"the reports door ended with {child.returncode}, and is opened anew")

    async def _bound(self, out: asyncio.StreamReader) -> None:
        said = loads(await out.readline() or b'{"error": "the reports door did not open"}')
        if "error" in said:
            raise UnavailableError(said["error"])
        self.own_url = self._settings.advertise.rstrip("/") or url_of(self._settings.listen, said["port"])
        self._found.url = self._settings.url.rstrip("/") or self.own_url
        log.info("the reports door is open", extra={"url": self._found.url})

    async def _tell(self, to: asyncio.StreamWriter, driver: Driver, leader: Callable[[], str]) -> None:
        """Who lives, and who leads, whenever that changes."""
        told: dict[str, object] = {}
        try:
            while True:
                jobs = driver.reporting()
                orders: dict[str, object] = {"jobs": jobs, "leader": leader()}
                news = {name: value for name, value in orders.items() if told.get(name) != value}
                if news:
                    to.write(json.dumps(news).encode() + b"\n")
                    self._found.keep_only(jobs)
                    await to.drain()
                    told = orders
                await asyncio.sleep(TURN)
        except ConnectionError:
            return  # its end is heard on the other pipe

    async def _hear(self, out: asyncio.StreamReader, driver: Driver) -> None:
        while line := await out.readline():
            if line.startswith(b'{"job":'):
                await self._job(line, driver)
            else:
                said = loads(line)
                self._found.told(said["until"], said["late"])

    async def _job(self, line: bytes, driver: Driver) -> None:
        """Only its head is read here, and a line of thousands of rows in a thread: a heartbeat must not wait for it."""
        head = loads(line.partition(b',"rows":')[0] + b"}")
        uid, begun = head["job"], head["begun"]
        if len(line) < LARGE:
            self._found.put(uid, line)
        else:
            unread = Unread(line, clock.now() - clock.monotonic())
            read = await asyncio.get_running_loop().run_in_executor(None, unread.read)
            self._found.put(uid, line, read)
        if self._begun.get(uid) != begun or self._found.due(uid):
            self._begun[uid] = begun
            driver.heard_of(uid)
