"""Many nodes asked at once: whatever one answers is bounded, and costs the others nothing."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hadoop.gpu_answers import answer, device
from hadoop.serving import certified, web
from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.hadoop.asking import AT_ONCE, LONGEST, Asking
from trainmaster.hadoop.gpus import PATH

OK = "HTTP/1.1 200 OK\r\n"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw(talk: Talk) -> AsyncIterator[str]:
    """A server that says what it likes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    made = Asking("alice")
    yield made
    await made.close()


async def test_an_answer_comes_whole_and_the_slash_of_the_resource_stays_quoted(asking: Asking) -> None:
    asked: list[str] = []

    def reply(path: str) -> tuple[int, str]:
        asked.append(path)
        return 200, answer(device(0))

    with web(reply) as at:
        assert await asking.get(f"http://{at}{PATH}", 10) == answer(device(0)).encode()
    assert asked == ["/ws/v1/node/resources/yarn.io%2Fgpu?user.name=alice"]


async def test_a_gigabyte_is_read_to_its_bound_alone(asking: Asking) -> None:
    sent = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(OK.encode() + b"\r\n")
        for _ in range(1024):
            writer.write(bytes(1024 * 1024))
            sent += 1
            await writer.drain()

    async with raw(talk) as url:
        with pytest.raises(UnavailableError, match="longer than 1024 KiB"):
            await asking.get(url, 60)
    assert sent < 100


async def test_a_packed_gigabyte_is_not_unpacked(asking: Asking) -> None:
    packed = gzip.compress(bytes(64 * LONGEST))

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"{OK}Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        writer.write(head.encode() + packed)
        await writer.drain()

    async with raw(talk) as url:
        assert await asking.get(url, 60) == packed


@pytest.mark.parametrize(
    "said", ["", "nonsense\r\n\r\n", f"{OK}Content-Length: 10\r\n\r\nshort", "HTTP/1.1 200 " + "x" * 100_000]
)
async def test_what_breaks_off_or_is_no_http_is_told(asking: Asking, said: str) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said.encode())
        await writer.drain()

    async with raw(talk) as url:
        with pytest.raises(UnavailableError) as told:
            await asking.get(url, 60)
    assert str(told.value).startswith(url)


async def test_silence_ends_in_time(asking: Asking) -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(talk) as url:
        with pytest.raises(UnavailableError, match=r"no answer within 0\.2 s"):
            await asking.get(url, 0.2)


async def test_a_redirect_leads_nowhere(asking: Asking) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        )
        await writer.drain()

    async with raw(talk) as url:
        with pytest.raises(UnavailableError, match="HTTP status 307"):
            await asking.get(url, 10)


async def test_who_does_not_let_us_in_is_told_apart(asking: Asking) -> None:
    with web(lambda _: (401, "")) as at, pytest.raises(DeniedError):
        await asking.get(f"http://{at}/", 10)


async def test_nobody_there_is_told(asking: Asking) -> None:
    with pytest.raises(UnavailableError, match="refused"):
        await asking.get("http://127.0.0.1:1/", 10)
    with pytest.raises(UnavailableError, match="its name can't be resolved"):
        await asking.get("http://no.such.host.invalid/", 30)


async def test_many_are_asked_at_once_and_no_more_than_that(asking: Asking) -> None:
    """As many silent nodes as there are places, and then some: all are given up in two rounds."""
    most = now = 0

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await reader.read()
        now -= 1

    async with raw(talk) as url:
        found = await asyncio.gather(
            *(asking.get(url, 1) for _ in range(AT_ONCE + 10)), return_exceptions=True
        )
    assert all(isinstance(each, UnavailableError) for each in found)
    assert 1 < most <= AT_ONCE


async def test_https_goes_by_the_same_file_of_whom_to_trust(tmp_path: Path) -> None:
    keys = certified(tmp_path / "keys")
    with web(lambda _: (200, "{}"), keys) as at:
        trusting, stranger = Asking(ca_file=keys / "ca.crt"), Asking()
        try:
            assert await trusting.get(f"https://{at}/", 30) == b"{}"
            with pytest.raises(UnavailableError, match="hadoop_ca_file names whom to trust"):
                await stranger.get(f"https://{at}/", 30)
        finally:
            await trusting.close()
            await stranger.close()
