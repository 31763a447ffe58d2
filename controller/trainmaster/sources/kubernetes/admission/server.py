"""The webhooks' HTTPS server: addresses, TLS, status codes. What is said is made in review.py.

It runs on the loop of the masters' heartbeats, so every review is made in a thread beside it, and no request may be large. A
review that fails answers its own request with an error, which the API server treats as failurePolicy says.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import traceback

from aiohttp import web
from aiohttp.typedefs import Handler

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.settings import Webhook
from trainmaster.sources.kubernetes.admission.audit import note
from trainmaster.sources.kubernetes.admission.envelope import Judge, Request, Verdict, answered
from trainmaster.sources.kubernetes.admission.issuing import Pair
from trainmaster.sources.kubernetes.admission.review import Reviewer
from trainmaster.sources.kubernetes.counts import Counts
from trainmaster.sources.threads import Threads

log = logging.getLogger(__name__)

LARGEST = 8 * 1024 * 1024
"""bytes of a request: the API server takes 3 MiB as an object, and sends the one before along"""
_PATIENCE = 10.0
"""seconds that a request may take to arrive, and to be answered"""
_IDLE = 120.0
"""seconds that an idle connection is kept: longer than its other end keeps it (apimachinery, SetTransportDefaults: 90 s), so that
no request runs into its end"""
_STOP_SECONDS = 2.0
"""how long a stop waits for requests under way"""


class ReviewServer:
    """Serves one controller's reviews. `start` binds; `present` gives it the certificate without which nobody gets in."""

    def __init__(self, settings: Webhook, reviewer: Reviewer, counts: Counts | None = None) -> None:
        self._counts = counts or Counts()
        self._settings = settings
        self._reviewer = reviewer
        self._threads = Threads(2, _PATIENCE)
        self._tls = _tls()
        self.port = settings.port or 0
        """where it listens, once it does"""
        self._runner = web.AppRunner(
            self._application(), access_log=None, keepalive_timeout=_IDLE, shutdown_timeout=_STOP_SECONDS
        )

    async def start(self) -> None:
        """Bind and serve. Raises UnavailableError when the port is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.listen, self.port, ssl_context=self._tls)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            where = f"{self._settings.listen}:{self.port}"
            raise UnavailableError(f"the webhooks can't listen on {where}: {error.strerror}") from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Finish requests under way and close; no error when it never started."""
        await self._runner.cleanup()
        self._threads.close()

    def present(self, pair: Pair) -> None:
        """Show this certificate to all who come from now on. InvalidError when it is none: then the one before stays."""
        try:
            _load(_tls(), pair)  # half of a bad pair would stay in the one that serves
        except (ssl.SSLError, ValueError) as error:
            raise InvalidError(f"the webhooks' certificate and key are no pair of PEM: {error}") from error
        _load(self._tls, pair)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST, middlewares=[_errors])
        application.add_routes(
            [web.post("/validate", self._validate), web.post("/mutate", self._mutate)],
        )
        return application

    async def _validate(self, request: web.Request) -> web.Response:
        return await self._review(request, "validate", self._reviewer.validate)

    async def _mutate(self, request: web.Request) -> web.Response:
        return await self._review(request, "mutate", self._reviewer.mutate)

    async def _review(self, request: web.Request, webhook: str, judge: Judge) -> web.Response:
        outcome = "failed"

        def judged(asked: Request) -> Verdict:
            nonlocal outcome
            verdict = judge(asked)
            if webhook == "validate":  # it has the last word, and sees what the others made of the object
                note(asked, verdict)
            outcome = "refused" if verdict.problems else "allowed"
            return verdict

        try:
            async with asyncio.timeout(_PATIENCE):
                body = await request.read()
            answer = await self._threads.call(answered, body, judged)
        finally:
            self._counts.reviewed(webhook, outcome)
        return web.Response(body=answer, content_type="application/json")


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What went wrong with one request, as its status code. Objects may hold secrets: nothing of them is said or logged."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, text=error.reason)
    except InvalidError as error:
        return web.Response(status=400, text=str(error))
    except (UnavailableError, TimeoutError):
        return web.Response(status=503, text="too busy")
    except Exception as error:  # noqa: BLE001 - told and logged; it fails this one request
        frames = "".join(traceback.format_tb(error.__traceback__))  # its words may quote the object
        log.error("a review failed with %s, which nobody foresaw:\n%s", type(error).__name__, frames)
        return web.Response(status=500, text=f"the review failed: {type(error).__name__}")


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _load(context: ssl.SSLContext, pair: Pair) -> None:
    """The library reads files only: this one is in memory, so that the key never lies on a disk."""
    with os.fdopen(os.memfd_create("webhook"), "wb") as file:
        file.write(pair.certificate + b"\n" + pair.key)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
