"""Passing on to the leader what only it can answer: a standby knows of no job, and people reach either of them by one address.

Never here: metrics and health, which each controller tells of itself.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from trainmaster.master.picture import FleetPicture

VIA = "1.1 trainmaster"
TIMEOUT = aiohttp.ClientTimeout(total=10.0)
KEPT = ("Content-Type", "Location", "WWW-Authenticate")
"""headers of an answer that come through; the others are made here"""
AT_ONCE = 32
"""requests that are passed on at one time; more wait their turn, within their time-out"""
CHUNK = 64 << 10

Vouch = Callable[[web.Request], Awaitable[dict[str, str]]]


class Forward:
    """Answers from the leader's mouth where another controller leads; otherwise the own handler's."""

    def __init__(self, picture: Callable[[], FleetPicture], vouch: Vouch) -> None:
        self._picture, self._vouch = picture, vouch
        self._session: aiohttp.ClientSession | None = None

    def __call__(self, handler: Handler) -> Handler:
        async def forwarded(request: web.Request) -> web.StreamResponse:
            leader = self._picture().leader
            if not leader or VIA in request.headers.get("Via", ""):
                return await handler(
                    request
                )  # what was passed on once is answered: two standbys must not play ball
            return await self._ask(leader, request)

        return forwarded

    async def close(self) -> None:
        """Let connections to the leader go."""
        if self._session:
            await self._session.close()

    async def _ask(self, leader: str, request: web.Request) -> web.StreamResponse:
        headers = {"Via": VIA, "Accept": request.headers.get("Accept", "*/*"), **await self._vouch(request)}
        asked = self._connected().get(f"{leader}{request.rel_url}", headers=headers, allow_redirects=False)
        try:
            async with asked as answer:
                return await _passed_on(request, answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            words = f"this controller stands by, and the leader can't be reached: {leader}: {_why(error)}\n"
            return web.Response(text=words, status=502)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=AT_ONCE)
            self._session = aiohttp.ClientSession(
                timeout=TIMEOUT, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


async def _passed_on(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Piece by piece: a standby needn't hold a page of thousands of rows. What breaks off in the midst breaks off for the
    viewer, too, so that nobody takes a part for the whole."""
    kept = {name: answer.headers[name] for name in KEPT if name in answer.headers}
    passed = web.StreamResponse(status=answer.status, headers=kept)
    await passed.prepare(request)
    try:
        async for piece in answer.content.iter_chunked(CHUNK):
            await passed.write(piece)
        await passed.write_eof()
    except (aiohttp.ClientError, TimeoutError):
        if request.transport:
            request.transport.abort()
    return passed


def _why(error: aiohttp.ClientError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT.total:g} s"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else type(error).__name__
