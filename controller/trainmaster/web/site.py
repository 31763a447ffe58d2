"""One port that is served, and what all answers have in common. Never here: what is answered."""

from __future__ import annotations

import socket

from aiohttp import web

from trainmaster.addresses import url_of
from trainmaster.errors import UnavailableError
from trainmaster.web import pages, times

STOP_SECONDS = 1.0
"""how long a stop waits for requests under way"""
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


class Site:
    """An application at a port; until `start` has bound it, `url` isn't known where the port is 0."""

    def __init__(self, application: web.Application, listen: str, port: int) -> None:
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_SECONDS)
        self._listen, self._port = listen, port

    @property
    def url(self) -> str:
        """The address bound, without a slash at the end."""
        return url_of(self._listen, self._port)

    async def start(self) -> None:
        """Bind and serve. Raises UnavailableError when the port is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._listen, self._port).start()
        except OSError as error:
            where = f"{self._listen}:{self._port}"
            raise UnavailableError(f"the web server can't listen on {where}: {error.strerror}") from error
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Finish requests under way and close; no error when it never started."""
        await self._runner.cleanup()


def html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """As each answer goes out, whoever made it: aiohttp its 404 and 500, or another controller its page. Who takes nothing of it
    for a while is cut off by the system: megabytes would be held for him as long as he likes."""
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(times.VIEWER * 1000))
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = pages.policy()
