"""The door as a process of its own: what it hears reaches the controller, and it goes and comes with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from reports.posting import bearer
from trainmaster.master.reports import FoundReports
from trainmaster.plan.memory import Key
from trainmaster.reports import door as door_module
from trainmaster.reports.door import ReportsDoor
from trainmaster.settings import Reports


class Drives:
    """In place of a fleet."""

    def __init__(self, **jobs: tuple[str, Mapping[str, int]]) -> None:
        self.jobs, self.rung = jobs, list[str]()

    def reporting(self) -> Mapping[str, tuple[str, Mapping[str, int]]]:
        return self.jobs

    def heard_of(self, uid: str) -> None:
        self.rung.append(uid)


async def until(what: Any, within: float = 20.0) -> Any:
    async with asyncio.timeout(within):
        while not (found := what()):
            await asyncio.sleep(0.02)
    return found


async def posted(url: str, step: int, token: str = "secret") -> int:
    try:
        async with (
            aiohttp.ClientSession() as client,
            client.post(
                f"{url}/reports/u/worker/0/1/1", json={"step": step}, headers=bearer(token)
            ) as answer,
        ):
            return answer.status
    except aiohttp.ClientError:
        return 0


async def taken(url: str, step: int) -> None:
    async with asyncio.timeout(20):
        while await posted(url, step) != 200:
            await asyncio.sleep(0.6)


async def test_what_is_reported_reaches_the_controller_and_a_door_that_died_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door_module, "AGAIN", 0.1)
    found, drives = FoundReports(), Drives(u=("secret", {"worker": 1}))
    door = ReportsDoor(Reports(port=0), found)
    running = asyncio.create_task(door.run(drives, str))
    try:
        url = await until(lambda: door.own_url)
        await taken(url, 3)
        await until(lambda: found.of("u").of)
        assert found.of("u").of[Key("worker", 0)].step == 3
        assert drives.rung == ["u"]
        before = found.of("u").until
        await until(lambda: found.of("u").until > before)

        os.kill(child_of(os.getpid()), signal.SIGKILL)
        await until(lambda: not found.of("u").until)
        assert not found.of("u").of, "what a new door hasn't heard nobody knows"
        await until(lambda: found.url != url)
        await taken(found.url, 4)
        await until(lambda: found.of("u").of)
        assert found.of("u").of[Key("worker", 0)].step == 4
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert await posted(found.url, 5) == 0, "it is closed with its controller"


def child_of(pid: int) -> int:
    """The door among the children of a process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid and b"trainmaster.reports" in (folder / "cmdline").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError("no door runs")


async def test_no_token_stands_in_the_arguments_or_the_environment_of_the_door() -> None:
    found, drives = FoundReports(), Drives(u=("very-secret", {"worker": 1}))
    door = ReportsDoor(Reports(port=0), found)
    running = asyncio.create_task(door.run(drives, str))
    try:
        url = await until(lambda: door.own_url)
        await until(lambda: found.of("u").until)
        folder = Path(f"/proc/{child_of(os.getpid())}")
        assert b"very-secret" not in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        assert await posted(url, 1, "very-secret") == 200
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_port_that_is_taken_is_told_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    door = ReportsDoor(Reports(port=port), FoundReports())
    running = asyncio.create_task(door.run(Drives(), str))
    try:
        await until(lambda: "no reports" in caplog.text)
        assert f"127.0.0.1:{port}" in str(caplog.records[-1].__dict__["error"])
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()
