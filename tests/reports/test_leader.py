"""A standby's door learns where the leader's is, from the leader's web server."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from observe.pictures import fleet
from trainmaster.master.picture import Shown
from trainmaster.reports import leader as leader_module
from trainmaster.reports.leader import LeadersDoor
from trainmaster.settings import Settings
from trainmaster.web.server import WebServer
from web.serving import serving


async def test_the_door_of_the_leader_is_known_for_as_long_as_another_leads(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(leader_module, "LOOK", 0.02)
    web = WebServer(Settings(web_port=0, metrics_port=0), Shown(), CollectorRegistry())
    web.reports = lambda: "http://10.0.0.7:9091"
    await web.start()
    leads = web.own_url
    doors = LeadersDoor(lambda: leads)
    running = asyncio.create_task(doors.run())
    try:
        await _until(lambda: doors.url == "http://10.0.0.7:9091")
        web.reports = lambda: "file:///etc"
        await _until(lambda: not doors.url)
        web.reports = lambda: "http://10.0.0.8:9091"
        await _until(lambda: doors.url == "http://10.0.0.8:9091")
        leads = ""  # this one leads now
        await _until(lambda: not doors.url)
        leads = "http://127.0.0.1:9"
        await asyncio.sleep(0.1)
        assert not running.done()
        assert doors.url == ""
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await web.stop()


async def _until(what) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.01)


async def test_it_is_told_without_a_word_on_who_asks_and_nothing_else_is() -> None:
    access = {"header": "X-Forwarded-User", "proxies": ["10.1.2.3"]}
    async with serving(fleet(), access=access) as client:
        async with client.get("/api/reports") as answer:
            assert await answer.json() == {"url": ""}
        async with client.get("/api/jobs") as answer:
            assert answer.status == 401
