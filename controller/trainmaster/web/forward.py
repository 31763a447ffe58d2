"""Passing on to the leader what only it can answer: a standby knows of no job, and people reach either of them by one address.

Never here: metrics and health, which each controller tells of itself.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from trainmaster.addresses import VIA
from trainmaster.web import times
from trainmaster.web.sending import CHUNK, send

KEPT = ("Content-Type", "Location", "WWW-Authenticate")
"""headers of an answer that come through; the others are made here"""
AT_ONCE = 32
"""requests that are passed on at one time; further ones wait for their turn"""

Vouch = Callable[[web.Request], Awaitable[dict[str, str]]]


class Forward:
    """Answers from the leader's mouth where another controller leads; otherwise the own handler's."""

    def __init__(self, leader: Callable[[], str], vouch: Vouch) -> None:
        self._leader, self._vouch = leader, vouch
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    def __call__(self, handler: Handler) -> Handler:
        async def forwarded(request: web.Request) -> web.StreamResponse:
            leader = self._leader()
            if not leader or VIA in request.headers.get("Via", ""):
                return await handler(
                    request
                )  # what was passed on once is answered: two standbys must not play ball
            return await self._in_turn(leader, request)

        return forwarded

    async def close(self) -> None:
        """Let connections to the leader go."""
        if self._session:
            await self._session.close()

    async def _in_turn(self, leader: str, request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(times.TURN):
                await self._turns.acquire()
        except TimeoutError:
            words = f"this controller stands by, and passes on {AT_ONCE} other requests at this moment; try again\n"
            return web.Response(text=words, status=503, headers={"Retry-After": "5"})
        try:
            return await self._ask(leader, request)
        finally:
            self._turns.release()

    async def _ask(self, leader: str, request: web.Request) -> web.StreamResponse:
        headers = {"Via": VIA, "Accept": request.headers.get("Accept", "*/*"), **await self._vouch(request)}
        asked = self._connected().get(f"{leader}{request.rel_url}", headers=headers, allow_redirects=False)
        try:
            answer = await asked
        except (aiohttp.ClientError, TimeoutError) as error:
            words = f"this controller stands by, and the leader can't be reached: {leader}: {_why(error)}\n"
            return web.Response(text=words, status=502)
        async with answer:
            return await _passed_on(request, answer)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            patience = aiohttp.ClientTimeout(connect=times.LEADER, sock_read=times.LEADER)
            self._session = aiohttp.ClientSession(
                timeout=patience, connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


async def _passed_on(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Piece by piece: a standby needn't hold a page of thousands of rows, and who takes nothing holds up the others no longer."""
    kept = {name: answer.headers[name] for name in KEPT if name in answer.headers}
    passed = web.StreamResponse(status=answer.status, headers=kept)
    return await send(request, passed, answer.content.iter_chunked(CHUNK))


def _why(error: aiohttp.ClientError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {times.LEADER:g} s"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else type(error).__name__
