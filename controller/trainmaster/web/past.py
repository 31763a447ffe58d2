"""Runs that are over, on pages and below /api: read in threads of their own, so many at most, and for so long.

Never here: where the history lies (it is told by `reader`), or how long it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from trainmaster.api.history import STATES, EndedRun, as_document
from trainmaster.api.past_runs import Found, Wanted
from trainmaster.errors import TrainmasterError
from trainmaster.web import pages
from trainmaster.web.door import viewer_of
from trainmaster.web.site import html

ROWS: Final = 200
MOST_READ: Final = 2000
"""files opened for one page"""
USUAL_DAYS, MOST_DAYS = 30, 400
LONGEST: Final = 200
"""letters of a filter that are heeded"""
AT_ONCE, WAITING = 2, 8
"""questions that are answered at one time, and that wait for it; more are turned away"""
PATIENCE: Final = 10.0
"""seconds that an answer may take"""
NONE_KEPT = "no history is kept: the setting history.url names no folder"

Sees = Callable[[EndedRun], bool]
Reader = Callable[[Wanted, int, int, Sees], Found]
"""finds runs that somebody may see: so many, of so many files opened; it blocks, and raises TrainmasterError"""


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for; names may be patterns such as team-*. What is said wrongly counts as not said."""

    namespace: str = ""
    name: str = ""
    user: str = ""
    queue: str = ""
    state: str = ""
    days: int = USUAL_DAYS

    def wanted(self, now: float) -> Wanted:
        until = datetime.fromtimestamp(now, UTC) + timedelta(days=1)
        since = until - timedelta(days=self.days + 1)
        return Wanted(since, until, self.namespace, self.name, self.user, self.queue, self.state)


def parse(words: Mapping[str, str]) -> Query:
    """The query of an address."""
    said = {name: words.get(name, "").strip()[:LONGEST] for name in ("namespace", "name", "user", "queue")}
    state, days = words.get("state", ""), words.get("days", "")
    number = int(days) if days.isascii() and days.isdigit() and len(days) < 6 else USUAL_DAYS
    return Query(**said, state=state if state in STATES else "", days=min(MOST_DAYS, max(1, number)))


class Past:
    """The pages of the history; without a reader they say that none is kept."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.reader: Reader | None = None
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="web-history")
        self._asked = 0

    def routes(self, wrapped: Callable[[Handler], Handler]) -> list[web.RouteDef]:
        return [web.get("/history/", wrapped(self._page)), web.get("/api/history", wrapped(self._json))]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def of_job(self, request: web.Request, namespace: str, name: str) -> tuple[EndedRun, ...]:
        """The newest runs of one job that is gone; none where there are none, or they can't be read."""
        if self.reader is None or not (_is_word(namespace) and _is_word(name)):
            return ()
        found, _ = await self._find(request, Query(namespace, name))
        return found.runs

    async def _page(self, request: web.Request) -> web.Response:
        query = parse(request.query)
        found, trouble = await self._find(request, query)
        text = pages.history_page(found, query, trouble, self._now())
        return html(text, status=503 if trouble and self.reader else 200)

    async def _json(self, request: web.Request) -> web.Response:
        found, trouble = await self._find(request, parse(request.query))
        if trouble:
            return web.json_response({"error": trouble}, status=503 if self.reader else 404)
        runs = [as_document(run) for run in found.runs]
        return web.json_response({"runs": runs, "more": found.more, "unread": found.unread})

    async def _find(self, request: web.Request, query: Query) -> tuple[Found, str]:
        """What is found, and what kept it from being looked for."""
        if self.reader is None:
            return Found(()), NONE_KEPT
        if self._asked >= AT_ONCE + WAITING:
            return Found(()), "too many ask for the history at this moment"
        asked = query.wanted(self._now()), ROWS, MOST_READ, viewer_of(request).sees_run
        self._asked += 1
        work = asyncio.get_running_loop().run_in_executor(self._threads, partial(self.reader, *asked))
        work.add_done_callback(self._answered)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(work), ""
        except TimeoutError:
            return Found(()), f"the history did not answer within {PATIENCE:.0f} s"
        except TrainmasterError as error:
            return Found(()), f"the history can't be read: {error}"

    def _answered(self, work: asyncio.Future[Found]) -> None:
        """A thread that still waits for its store counts until it has its answer."""
        self._asked -= 1
        if not work.cancelled():
            work.exception()


def _is_word(word: str) -> bool:
    """No pattern: a job's own page shows no other's runs."""
    return not set(word) & set("*?[]")
