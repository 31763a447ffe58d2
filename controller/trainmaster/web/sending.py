"""Sending what is long: piece by piece, within a time, and so many bytes at one time, so that viewers who take little of it hold
little of our memory. Never here: what is answered.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, Final

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from trainmaster.web import times
from trainmaster.web.door import name_of

CHUNK: Final = 64 << 10
"""bytes of one piece; a whole answer that isn't longer is left to the socket"""
MOST: Final = 64 << 20
"""bytes of long answers that are under way at one time"""
SHARE: Final = 24 << 20
"""of these of one viewer: as much as the longest page of a log has"""


class Sending:
    """Of one port."""

    def __init__(self) -> None:
        self._under_way = Counter[str]()
        """bytes by viewer"""

    @property
    def in_pieces(self) -> Any:
        @web.middleware
        async def sent(request: web.Request, handler: Handler) -> web.StreamResponse:
            made = await handler(request)
            if isinstance(made, web.Response) and isinstance(made.body, bytes) and len(made.body) > CHUNK:
                return made if request.method == "HEAD" else await self._send(request, made, made.body)
            return made

        return sent

    async def _send(self, request: web.Request, made: web.Response, body: bytes) -> web.StreamResponse:
        whose, size = name_of(request), len(body)
        if not self._has_room(whose, size):
            words = "longer answers are under way than this controller holds at one time; try again\n"
            return web.Response(text=words, status=503, headers={"Retry-After": "5"})
        self._under_way[whose] += size
        try:
            answer = web.StreamResponse(status=made.status, headers=made.headers)
            answer.content_length = size
            return await send(request, answer, _pieces(body))
        finally:
            self._under_way -= Counter({whose: size})  # in place: who waits for nothing is left out

    def _has_room(self, whose: str, size: int) -> bool:
        """One is always sent, however long it is."""
        own, all_ = self._under_way[whose], self._under_way.total()
        return (not own or own + size <= SHARE) and (not all_ or all_ + size <= MOST)


async def send(
    request: web.Request, answer: web.StreamResponse, pieces: AsyncIterable[bytes | memoryview]
) -> web.StreamResponse:
    """What breaks off in the midst breaks off for the viewer, too, so that nobody takes a part for the whole; and who takes too
    long is cut off."""
    try:
        async with asyncio.timeout(times.VIEWER):
            await answer.prepare(request)
            async for piece in pieces:
                await answer.write(piece)
            await answer.write_eof()
    except (aiohttp.ClientError, ConnectionError, TimeoutError):
        if request.transport:
            request.transport.abort()
    return answer


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    whole = memoryview(body)
    for at in range(0, len(body), CHUNK):
        yield whole[at : at + CHUNK]
