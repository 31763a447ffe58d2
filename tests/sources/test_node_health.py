"""Asking those who call nodes bad: files and web servers as they are, and as nobody hopes they are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from trainmaster.errors import InvalidError, TrainmasterError, UnavailableError
from trainmaster.plan.health import Answer
from trainmaster.settings import NodeHealth, Settings
from trainmaster.sources.node_health import MOST, sayers


async def said(url: str, **more: str) -> Answer:
    about = NodeHealth(name="it", url=url, **more)
    [sayer] = sayers(Settings.model_validate({"nodes": {"health": [about.model_dump()]}}))
    try:
        return await sayer.ask()
    finally:
        await sayer.close()


async def test_a_file_names_bad_nodes_with_reasons(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"gpu-07": "Xid 79: GPU has fallen off the bus"}))
    assert await said(f"file://{path}") == {"gpu-07": "Xid 79: GPU has fallen off the bus"}
    path.write_text("{}")
    assert await said(f"file://{path}") == {}


@pytest.mark.parametrize(
    "text", [b"", b"{", b"gpu-07", b"\xff\xfe", b"[" * 100_000, b'["n1"]', b" " * (MOST + 1)]
)
async def test_a_file_that_makes_no_sense_is_told_from_one_that_is_not_there(
    text: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "bad.json"
    with pytest.raises(UnavailableError):
        await said(f"file://{path}")
    path.write_bytes(text)
    with pytest.raises(InvalidError):
        await said(f"file://{path}")


@asynccontextmanager
async def answering(answer: Callable[[web.Request], web.Response]) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    application = web.Application()
    application.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_web_server_tells_the_same() -> None:
    async with answering(lambda _: web.json_response({"gpu-07": "fan"})) as url:
        assert await said(f"{url}/bad-nodes") == {"gpu-07": "fan"}


async def test_a_prometheus_is_asked_the_query() -> None:
    def prometheus(request: web.Request) -> web.Response:
        assert (request.path, request.query["query"]) == (
            "/base/api/v1/query",
            'max by (host) (xid{a="b"}) > 0',
        )
        found = [{"metric": {"host": "gpu-07:9400"}, "value": [1, "79"]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": found}})

    async with answering(prometheus) as url:
        query = 'max by (host) (xid{a="b"}) > 0'
        assert await said(f"{url}/base/", query=query, label="host") == {"gpu-07": "the query is 79"}


@pytest.mark.parametrize("status", [404, 500, 401])
async def test_an_error_of_a_web_server_is_no_answer(status: int) -> None:
    async with answering(lambda _: web.Response(status=status, text='{"gpu-07": "x"}')) as url:
        with pytest.raises(TrainmasterError):
            await said(url)


async def test_whoever_is_not_there_is_no_answer() -> None:
    with pytest.raises(UnavailableError):
        await said("http://127.0.0.1:9/bad-nodes")


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ([{"name": "a", "url": "ftp://x/y"}], "url"),
        ([{"name": "A B", "url": "file:///x"}], "name"),
        ([{"name": "a", "url": "https://me:secret@x/y"}], "password"),
        ([{"name": "a", "url": "file:///x", "query": "up"}], "Prometheus"),
        ([{"name": "a", "url": "file:///x"}, {"name": "a", "url": "file:///y"}], "same name"),
        ([{"name": f"n{i}", "url": "file:///x"} for i in range(17)], "16"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: Any, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        Settings.model_validate({"nodes": {"health": wrong}})
