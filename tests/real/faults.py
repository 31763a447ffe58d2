"""A proxy in front of the real API server that does on demand what a healthy one won't: slow, lost, refused and cut answers.

All else it passes on as it is, watches included. What the real parts do themselves when they are killed needs no proxy.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.services import LOOPBACK

PassOn = Callable[[], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request, PassOn], Awaitable[web.StreamResponse]]
"""what becomes of a request: `pass_on` hands it to the real API server, and gives its answer to the client"""
Which = Callable[[web.Request], bool]

_HOP = {"connection", "host", "keep-alive", "transfer-encoding", "upgrade"}
"""headers that are about one connection only (RFC 9110, 7.6.1)"""


# --- faults


def slow(seconds: float) -> Fault:
    """Each answer comes so many seconds late."""

    async def answer(_request: web.Request, pass_on: PassOn) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await pass_on()

    return answer


def throttled(seconds: int) -> Fault:
    """429, as the API server's priority and fairness says it."""

    async def answer(_request: web.Request, _pass_on: PassOn) -> web.StreamResponse:
        body = status(429, "TooManyRequests", "too many requests, please try again later")
        return web.json_response(body, status=429, headers={"Retry-After": str(seconds)})

    return answer


async def conflict(_request: web.Request, _pass_on: PassOn) -> web.StreamResponse:
    """409: somebody else has changed the object."""
    words = "the object has been modified; please apply your changes to the latest version and try again"
    return web.json_response(status(409, "Conflict", words), status=409)


async def cut(request: web.Request, _pass_on: PassOn) -> web.StreamResponse:
    """The connection breaks before the API server has heard of the request."""
    _break(request)
    return web.Response()


async def lost(request: web.Request, _pass_on: PassOn) -> web.StreamResponse:
    """The API server does what it was asked for, and its answer never arrives."""
    await request.app[_PROXY].ask(request)
    _break(request)
    return web.Response()


async def expired(request: web.Request, pass_on: PassOn) -> web.StreamResponse:
    """A watch is told that the history it wants to go on from is gone."""
    if "watch" not in request.query:
        return await pass_on()
    event = {"type": "ERROR", "object": status(410, "Expired", "too old resource version: 1 (2)")}
    return web.Response(body=json.dumps(event).encode() + b"\n", content_type="application/json")


def status(code: int, reason: str, message: str) -> dict[str, object]:
    """metav1.Status, as the API server answers where it has no object."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


# --- which requests


def every(_request: web.Request) -> bool:
    return True


def writes(request: web.Request) -> bool:
    return request.method != "GET"


def about(plural: str) -> Which:
    """Requests to one kind of object."""
    return lambda request: plural in request.path.split("/")


def half(which: Which) -> Which:
    """Half of those requests, by chance: what is tried again succeeds at last."""
    chance = random.Random(3)
    return lambda request: which(request) and chance.random() < 0.5


# --- the proxy


class FaultyApi:
    """The API server of a control plane, seen through a proxy. A context: it is there until the end of it."""

    def __init__(self, kubernetes: LocalKubernetes) -> None:
        self.kubernetes = kubernetes
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._fault: tuple[Fault, Which, list[str]] | None = None
        self.port = 0

    def kubeconfig(self, of: Path) -> Path:
        """A copy of a kubeconfig with a token that leads through here; the API server's own certificate is shown."""
        content = yaml.safe_load(of.read_text())
        content["clusters"][0]["cluster"]["server"] = f"https://{LOOPBACK}:{self.port}"
        faulty = of.with_suffix(".faulty")
        faulty.touch(0o600)
        faulty.write_text(yaml.safe_dump(content))
        return faulty

    @contextmanager
    def doing(self, fault: Fault, to: Which = every) -> Iterator[list[str]]:
        """Meanwhile these requests meet the fault; they are listed as `METHOD path` in what is yielded."""
        met: list[str] = []
        self._fault = (fault, to, met)
        try:
            yield met
        finally:
            self._fault = None

    def hang_up(self) -> None:
        """Break every connection, watches too."""
        self._do(self._hang_up())

    def __enter__(self) -> FaultyApi:
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(30)

    async def _start(self) -> None:
        trusted = ssl.create_default_context(cafile=str(self.kubernetes.ca))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )
        app = web.Application(client_max_size=1 << 26)
        app[_PROXY] = self
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        pki = self.kubernetes.folder / "pki"
        ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ours.load_cert_chain(pki / "server.crt", pki / "server.key")
        site = web.TCPSite(self._runner, LOOPBACK, self.port, ssl_context=ours)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._hang_up()
        await self._runner.cleanup()
        await self._session.close()
        await asyncio.sleep(0.1)  # TLS says goodbye

    async def _hang_up(self) -> None:
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection.transport:
                connection.transport.abort()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        async def pass_on() -> web.StreamResponse:
            return await self._pass_on(request)

        if self._fault and self._fault[1](request):
            fault, _, met = self._fault
            met.append(f"{request.method} {request.path}")
            return await fault(request, pass_on)
        return await pass_on()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        try:
            async with await self.ask(request) as theirs:
                headers = {k: v for k, v in theirs.headers.items() if k.lower() not in _HOP}
                ours = web.StreamResponse(status=theirs.status, headers=headers)
                await ours.prepare(request)
                async for chunk in theirs.content.iter_any():
                    await ours.write(chunk)
                await ours.write_eof()
                return ours
        except aiohttp.ClientError:
            _break(request)  # as the real one breaks off when it dies
            return web.Response()

    async def ask(self, request: web.Request) -> aiohttp.ClientResponse:
        """Hand a request to the real API server."""
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        url = URL(f"{self.kubernetes.url}{request.raw_path}", encoded=True)
        return await self._session.request(request.method, url, headers=headers, data=await request.read())


_PROXY = web.AppKey("proxy", FaultyApi)


def _break(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()
