"""Each request about jobs is asked who looks, before anything else is done for it. Who that is, access.py tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from trainmaster.addresses import REPORTS
from trainmaster.web import pages
from trainmaster.web.access import Asked, DeniedError, Gate, Viewer
from trainmaster.web.site import html

_VIEWER: Final = web.RequestKey("viewer", Viewer)

OPEN = frozenset({REPORTS})
"""what is told to anybody, since it says nothing of jobs"""


class Door:
    """`beside` runs a call in a thread: files of tokens may lie on slow disks."""

    def __init__(self, gate: Gate, now: Callable[[], float], beside: Callable[..., Awaitable[Any]]) -> None:
        self._gate, self._now, self._beside = gate, now, beside

    @property
    def let_in(self) -> Any:
        @web.middleware
        async def asked_who(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path in OPEN:
                return await handler(request)
            asked = Asked(request.remote or "", request.headers, request.cookies)
            try:
                request[_VIEWER] = await self._beside(self._gate.viewer, asked, self._now())
            except DeniedError as error:
                return self._denied(request, str(error))
            return await handler(request)

        return asked_who

    async def vouch(self, request: web.Request) -> dict[str, str]:
        """Headers that tell the leader on whose behalf a request is passed on."""
        made: dict[str, str] = await self._beside(self._gate.vouch, viewer_of(request), self._now())
        if authorization := request.headers.get("Authorization"):
            made["Authorization"] = authorization
        return made

    def _denied(self, request: web.Request, why: str) -> web.Response:
        if request.path.startswith("/api/"):
            answer = web.json_response({"error": why}, status=401)
        else:
            answer = html(pages.denied_page(why), status=401)
        answer.headers.update(self._gate.challenge())
        return answer


def name_of(request: web.Request) -> str:
    """Who asks, or from where, as far as it is known: for shares of what all have in common."""
    viewer = request.get(_VIEWER)
    return (viewer.name if viewer else "") or request.remote or ""


def viewer_of(request: web.Request) -> Viewer:
    """Who was let in with this request."""
    return request[_VIEWER]
