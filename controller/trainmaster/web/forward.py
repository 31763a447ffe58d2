"""Passing on to the leader what only it can answer: a standby knows of no job, and people reach either of them by one address.

Never here: metrics and health, which each controller tells of itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from trainmaster.master.picture import FleetPicture

VIA = "1.1 trainmaster"
TIMEOUT = aiohttp.ClientTimeout(total=10.0)
KEPT = ("Content-Type", "Location")
"""headers of an answer that come through; the others are made here"""


class Forward:
    """Answers from the leader's mouth where another controller leads; otherwise the own handler's."""

    def __init__(self, picture: Callable[[], FleetPicture]) -> None:
        self._picture = picture

    def __call__(self, handler: Handler) -> Handler:
        async def forwarded(request: web.Request) -> web.StreamResponse:
            leader = self._picture().leader
            if not leader or VIA in request.headers.get("Via", ""):
                return await handler(
                    request
                )  # what was passed on once is answered: two standbys must not play ball
            return await _ask(leader, request)

        return forwarded


async def _ask(leader: str, request: web.Request) -> web.Response:
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.get(
                f"{leader}{request.rel_url}",
                headers={"Via": VIA, "Accept": request.headers.get("Accept", "*/*")},
                allow_redirects=False,
            ) as answer,
        ):
            kept = {name: answer.headers[name] for name in KEPT if name in answer.headers}
            return web.Response(body=await answer.read(), status=answer.status, headers=kept)
    except (aiohttp.ClientError, TimeoutError) as error:
        words = f"this controller stands by, and the leader can't be reached: {leader}: {_why(error)}\n"
        return web.Response(text=words, status=502)


def _why(error: aiohttp.ClientError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT.total:g} s"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else type(error).__name__
