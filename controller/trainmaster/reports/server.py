"""The door's HTTP: addresses, tokens, codes and limits. What is reported is checked and kept in book.py.

Whoever is refused may try again at once only so often: an answer that says no to a flood comes a second late, so that a loop of
one connection costs nothing. Nothing that was sent is logged, tokens least of all.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable

import aiohttp
from aiohttp import web

from trainmaster.addresses import VIA
from trainmaster.json_text import loads
from trainmaster.reports.book import Book, Job, RefusalError, place_of, report_of

LARGEST = 16 * 1024
"""bytes of one report"""
PATIENCE = 5.0
"""seconds that a body may take to come"""
PENALTY, PENALTIES = 1.0, 500
"""seconds by which a refusal of somebody who may be flooding is late, and how many wait at one time"""
READY = {"ready": True}
"""what is told of a process that is ready (master/readiness.py)"""
FORWARD = aiohttp.ClientTimeout(total=5.0)
ADDRESS = "/reports/{uid}/{role}/{index}/{run}/{generation}"


class Door:
    """Serves one controller. `leader` is the address of another's door, where that one leads."""

    def __init__(self, book: Book, now: Callable[[], float]) -> None:
        self._book, self._now = book, now
        self.leader = ""
        self._late = 0
        self._session: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST)
        application.router.add_post(ADDRESS, self._report)
        application.router.add_get("/healthz", self._healthz)
        application.on_cleanup.append(self._close)
        return application

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _report(self, request: web.Request) -> web.StreamResponse:
        try:
            uid = request.match_info["uid"]
            if uid not in self._book.jobs and self.leader and VIA not in request.headers.get("Via", ""):
                return await self._forwarded(request)
            job = self._allowed(uid, request.headers.get("Authorization", ""))
            after = await self._taken(request, uid, job)
        except RefusalError as refusal:
            return await self._refused(refusal)
        return web.json_response({"after": after})

    def _allowed(self, uid: str, authorization: str) -> Job:
        job, (scheme, _, token) = self._book.jobs.get(uid), authorization.partition(" ")
        if not token or scheme.lower() != "bearer":
            raise RefusalError(401, "a report is sent with Authorization: Bearer $TRAINMASTER_STATUS_TOKEN")
        if job is None:
            raise RefusalError(404, "no such job runs here")
        if not hmac.compare_digest(token.strip().encode(errors="surrogateescape"), job.token.encode()):
            raise RefusalError(403, "this token isn't the one of this job")
        return job

    async def _taken(self, request: web.Request, uid: str, job: Job) -> float:
        at = request.match_info
        place = place_of(job, at["role"], at["index"], at["run"], at["generation"])
        if self._book.too_soon(uid, place, self._now()):
            raise RefusalError(429, "one report a second of each process is enough")
        document = await _body(request)
        if document == READY:
            return self._book.found_ready(uid, place, self._now())
        return self._book.take(uid, place, report_of(document), self._now())

    async def _refused(self, refusal: RefusalError) -> web.Response:
        if refusal.status in (401, 403, 404, 429) and self._late < PENALTIES:
            self._late += 1
            try:
                await asyncio.sleep(PENALTY)
            finally:
                self._late -= 1
        answer = web.json_response({"error": refusal.words}, status=refusal.status)
        if refusal.status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        if refusal.status in (429, 503):
            answer.headers["Retry-After"] = "1"
        return answer

    async def _forwarded(self, request: web.Request) -> web.Response:
        """A standby hands it on: processes keep the address by which they were started, whoever leads now."""
        body = await _text(request)
        self._session = self._session or aiohttp.ClientSession(timeout=FORWARD)
        headers = {"Via": VIA, "Authorization": request.headers.get("Authorization", "")}
        try:
            async with self._session.post(
                f"{self.leader}{request.rel_url}", data=body, headers=headers, allow_redirects=False
            ) as answer:
                said = await answer.content.read(LARGEST)
                return web.Response(body=said, status=answer.status, content_type="application/json")
        except (aiohttp.ClientError, TimeoutError):
            raise RefusalError(503, "this controller stands by, and the leader can't be reached") from None

    async def _close(self, _application: web.Application) -> None:
        if self._session:
            await self._session.close()


async def _body(request: web.Request) -> object:
    try:
        return loads(await _text(request))
    except ValueError:
        raise RefusalError(400, "a report is JSON in UTF-8") from None


async def _text(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(PATIENCE):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise RefusalError(413, f"a report has {LARGEST} bytes at most") from None
    except TimeoutError:
        raise RefusalError(408, f"a report comes within {PATIENCE:g} s") from None
