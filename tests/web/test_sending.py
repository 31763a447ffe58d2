"""Long answers: whole for whoever takes them, cut off for whoever takes too long, and never more bytes at one time than there
is room for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from yarl import URL

from observe.pictures import fleet, picture
from trainmaster.web import sending, times
from web.serving import Client, serving
from web.test_logs import Node, told

LOG = "/jobs/vision/mnist/logs/c3/stdout?size=4096"
LONG = Node((b"<" * 3999 + b"\n") * 512)
"""2 MiB, which are 8 MiB as a page: more than the sockets hold"""


@asynccontextmanager
async def who_takes_little(client: Client, path: str = LOG) -> AsyncIterator[asyncio.StreamReader]:
    """One whose answer has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(client.url).port, limit=1)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.readexactly(1)
    try:
        yield reader
    finally:
        writer.transport.abort()


async def status_of(client: Client, path: str = LOG, **more: object) -> int:
    async with client.get(path, **more) as answer:
        await answer.read()
        return int(answer.status)


async def test_a_long_answer_comes_whole() -> None:
    async with serving(fleet(told()), logs=LONG) as client:
        async with client.get(LOG) as answer:
            page = await answer.text()
        async with client.pages.head(LOG) as head:
            body = await head.read()
    assert page.count("&lt;") == 512 * 3999
    assert answer.headers["Content-Length"] == head.headers["Content-Length"] == str(len(page.encode()))
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src" in answer.headers["Content-Security-Policy"]
    assert body == b""


async def test_who_takes_it_too_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte he would take it for days, and hold all of it in our memory."""
    monkeypatch.setattr(times, "VIEWER", 2.0)
    async with serving(fleet(told()), logs=LONG) as client, who_takes_little(client) as slow:
        taken = 0
        async with asyncio.timeout(60):
            with suppress(ConnectionError):
                while piece := await slow.read(1 << 16):
                    taken += len(piece)
                    await asyncio.sleep(0.05)
    assert taken < 8 << 20


@pytest.mark.parametrize(("name", "value"), [("MOST", 20 << 20), ("SHARE", 20 << 20)])
async def test_only_so_much_is_under_way_and_what_is_short_is_answered_all_the_same(
    name: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, name, value)
    async with serving(fleet(told()), logs=LONG) as client:
        async with who_takes_little(client), who_takes_little(client):
            assert await status_of(client) == 503
            assert await status_of(client, "/jobs/vision/mnist/") == 200
        async with asyncio.timeout(20):
            while await status_of(client) == 503:
                await asyncio.sleep(0.05)


async def test_one_is_sent_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST", 1)
    monkeypatch.setattr(sending, "SHARE", 1)
    async with serving(fleet(told()), logs=LONG) as client:
        assert await status_of(client) == 200


async def test_metrics_are_sent_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "CHUNK", 16)
    monkeypatch.setattr(sending, "MOST", 1)
    async with serving(fleet(picture())) as client, client.get("/metrics") as answer:
        text = await answer.text()
    assert text.endswith("\n")
    assert len(text.encode()) == int(answer.headers["Content-Length"])
