"""A standby passes on what only the leader can answer, and for how long each waits for the other."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files
from typing import Any

import aiohttp
import pytest
from yarl import URL

from observe.pictures import fleet, picture
from trainmaster.web import forward, times
from web.serving import Client, serving, serving_


async def status_of(client: Client, path: str) -> int:
    async with client.get(path) as answer:
        return int(answer.status)


async def test_a_standby_lets_the_leader_answer_and_speaks_for_its_own_health() -> None:
    async with (
        serving(fleet(picture(name="mnist"))) as leader,
        serving(fleet(leading=False, leader=leader.url)) as standby,
    ):
        async with standby.get("/api/jobs/vision/mnist") as answer:
            assert (await answer.json())["name"] == "mnist"
        async with standby.get("/jobs/vision/mnist/") as answer:
            assert "Content-Security-Policy" in answer.headers
            assert "mnist" in await answer.text()
        async with standby.get("/jobs/vision/other/") as answer:
            assert answer.status == 404
        async with standby.get("/readyz") as answer:
            assert (await answer.json())["role"] == "standby"


async def test_two_standbys_do_not_pass_a_request_to_and_fro() -> None:
    shown = replace(fleet(leading=False), leader="")
    async with serving_(lambda: shown) as one, serving(fleet(leading=False, leader=one.url)) as two:
        shown = replace(shown, leader=two.url)
        async with two.get("/api/jobs") as answer:
            assert await answer.json() == {"jobs": []}


async def test_a_leader_that_can_not_be_reached_is_said() -> None:
    gone = fleet(leading=False, leader="http://127.0.0.1:1")
    async with serving(gone) as client, client.get("/jobs/vision/mnist/") as answer:
        assert answer.status == 502
        words = await answer.text()
        assert "the leader can't be reached" in words
        assert words.endswith("http://127.0.0.1:1: Connection refused\n"), "who was asked, and why not"


async def test_a_page_that_breaks_off_at_the_leader_breaks_off_at_the_standby() -> None:
    async def half(_reader: Any, writer: Any) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nhalf of it")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    leader = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, serving(fleet(leading=False, leader=leader)) as standby:
        with pytest.raises(aiohttp.ClientError):
            async with standby.get("/") as answer:
                await answer.read()


async def test_one_connection_to_the_leader_serves_several_requests() -> None:
    connections = 0

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    leader = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, serving(fleet(leading=False, leader=leader)) as standby:
        for _ in range(5):
            async with standby.get("/api/jobs") as answer:
                assert await answer.text() == "ok"
        assert connections == 1


async def test_what_the_leader_has_said_is_there_before_it_has_said_all() -> None:
    more = asyncio.Event()

    async def halting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
        await more.wait()
        writer.write(b"rest")
        writer.close()

    server = await asyncio.start_server(halting, "127.0.0.1", 0)
    leader = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, serving(fleet(leading=False, leader=leader)) as standby, standby.get("/") as answer:
        async with asyncio.timeout(30):
            assert await answer.content.readexactly(4) == b"half"
        more.set()
        assert await answer.read() == b"rest"


async def test_who_takes_nothing_of_an_answer_holds_up_others_only_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forward, "AT_ONCE", 1)
    monkeypatch.setattr(times, "VIEWER", 0.2)
    monkeypatch.setattr(times, "TURN", 0.05)
    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    leader = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, serving(fleet(leading=False, leader=leader)) as standby:
        stalled, writer = await asyncio.open_connection("127.0.0.1", URL(standby.url).port, limit=1)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await stalled.readexactly(1)
        async with standby.get("/") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert "passes on 1 other requests" in await answer.text()
        async with asyncio.timeout(10):
            while await status_of(standby, "/") == 503:
                await asyncio.sleep(0.05)
        writer.transport.abort()


async def endless(_reader: Any, writer: asyncio.StreamWriter) -> None:
    """In place of a leader whose page is larger than all buffers on the way."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    with suppress(ConnectionError):
        while True:
            writer.write(b"x" * (1 << 20))
            await writer.drain()


async def test_who_goes_away_in_the_midst_of_an_answer_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    leader = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, serving(fleet(leading=False, leader=leader)) as standby:
        async with standby.get("/") as answer:
            await answer.content.readexactly(100)
            answer.close()
        await asyncio.sleep(0.2)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_whoever_waits_further_out_is_the_more_patient() -> None:
    assert times.TURN + times.NODE < times.LEADER < times.VIEWER
    script = (files("trainmaster.web") / "templates" / "refresh.js").read_text()
    assert f"AbortSignal.timeout({times.VIEWER * 1000:.0f})" in script
