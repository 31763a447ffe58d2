"""Runs that are over, on pages and below /api: read in threads of their own, so many at most, and for so long.

Never here: where the history lies (it is told by `reader`), or how long it is kept.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from trainmaster.api.hiding import without_logins
from trainmaster.api.history import STATES, EndedRun, as_document, read_name
from trainmaster.api.past_runs import FIRST, Found, Wanted
from trainmaster.errors import TrainmasterError
from trainmaster.web import pages
from trainmaster.web.door import viewer_of
from trainmaster.web.site import html

ROWS: Final = 200
MOST_READ: Final = 2000
"""files opened for one page"""
USUAL_DAYS: Final = 30
LONGEST: Final = 200
"""letters of a filter that are heeded"""
AT_ONCE, WAITING = 2, 8
"""questions that are answered at one time, and that wait for it; more are turned away"""
SHARE: Final = 3
"""of these of one viewer whose name is known"""
PATIENCE: Final = 10.0
"""seconds that an answer may take"""
NONE_KEPT = "no history is kept: the setting history.url names no folder"
RUN: Final = r"/history/{ended:\d{8}T\d{6}Z}/{namespace}/{name}/{uid}/{run:\d{1,9}}/"
"""as FileName.page says"""
_WORD = re.compile(r"[a-z0-9-][a-z0-9.-]{0,62}")
"""what files of the history are called by: a job of another name has none, and a pattern is nobody's name"""

Sees = Callable[[EndedRun], bool]
Stopped = Callable[[], bool]
Reader = Callable[[Wanted, int, int, Sees, Stopped], Found]
"""finds runs that somebody may see: so many, of so many files opened, until it is told to stop; it blocks, and raises
TrainmasterError"""


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


def parse(words: Mapping[str, str], most_days: int) -> Query:
    """The query of an address."""
    said = {name: words.get(name, "").strip()[:LONGEST] for name in ("namespace", "name", "user", "queue")}
    state, days = words.get("state", ""), words.get("days", "")
    number = int(days) if days.isascii() and days.isdigit() and len(days) < 6 else USUAL_DAYS
    return Query(**said, state=state if state in STATES else "", days=min(most_days, max(1, number)))


class Past:
    """The pages of the history; without a reader they say that none is kept."""

    def __init__(
        self,
        now: Callable[[], float],
        keep_months: int = 0,
        declared: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`declared` tells whether a job of this uid is there; `keep_months` as in the settings."""
        self._now, self._keep_months, self._declared = now, keep_months, declared
        self.reader: Reader | None = None
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="web-history")
        self._asking = Counter[str]()
        """questions that have no answer yet, by viewer"""
        self._closed = Event()

    def routes(self, wrapped: Callable[[Handler], Handler]) -> list[web.RouteDef]:
        return [
            web.get("/history/", wrapped(self._page)),
            web.get("/api/history", wrapped(self._json)),
            web.get(RUN, wrapped(self._run_page)),
        ]

    def close(self) -> None:
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def most_days(self) -> int:
        """Days of which anything may be kept."""
        if self._keep_months:
            return 31 * (self._keep_months + 1)
        return (datetime.fromtimestamp(self._now(), UTC) - FIRST).days + 1

    async def of_job(
        self, request: web.Request, namespace: str, name: str, run: int | None, uid: str = "", up: str = ""
    ) -> web.Response:
        """The page of a job that isn't there, or of a run that isn't: of the newest that the history kept of that name, those of
        `uid` first. `up` leads from where it is served to the job's own address."""
        found, trouble = Found(()), ""
        if self.reader and _WORD.fullmatch(namespace) and _WORD.fullmatch(name):
            wanted = replace(Query(namespace, name, days=self.most_days).wanted(self._now()), run=run)
            found, trouble = await self._find(request, wanted)
        return self._shown(found, trouble, (namespace, name), f"{up}../../../", uid)

    async def _run_page(self, request: web.Request) -> web.Response:
        """The history's own page of one run, which stays that run's whatever is declared under its name."""
        words, root = request.match_info, "../" * 6
        file = read_name(
            f"{words['ended']},{words['namespace']},{words['name']},{words['uid']},{words['run']}.json"
        )
        if file is None or not (_WORD.fullmatch(file.namespace) and _WORD.fullmatch(file.name)):
            return html(pages.missing_page(words["namespace"], words["name"], root), status=404)
        until = file.ended + timedelta(seconds=1)
        wanted = Wanted(file.ended, until, file.namespace, file.name, uid=file.uid, run=file.run)
        found, trouble = await self._find(request, wanted)
        return self._shown(found, trouble, (file.namespace, file.name), root)

    def _shown(
        self, found: Found, trouble: str, job: tuple[str, str], root: str, uid: str = ""
    ) -> web.Response:
        """The newest run, one of `uid` before all others; or that there is none."""
        if not found.runs:
            code = 503 if trouble and self.reader else 404
            return html(pages.missing_page(*job, root, trouble), status=code)
        first, *others = sorted(found.runs, key=lambda each: each.uid != uid)
        return html(pages.ended_page(first, others, root, declared=self._declared(first.uid)))

    async def _page(self, request: web.Request) -> web.Response:
        query = parse(request.query, self.most_days)
        found, trouble = await self._find(request, query.wanted(self._now()))
        text = pages.history_page(found, query, trouble, self._now(), self.most_days)
        return html(text, status=503 if trouble and self.reader else 200)

    async def _json(self, request: web.Request) -> web.Response:
        found, trouble = await self._find(request, parse(request.query, self.most_days).wanted(self._now()))
        if trouble:
            return web.json_response({"error": trouble}, status=503 if self.reader else 404)
        runs = [as_document(run) for run in found.runs]
        return web.json_response({"runs": runs, "more": found.more, "unread": found.unread})

    async def _find(self, request: web.Request, wanted: Wanted) -> tuple[Found, str]:
        """What is found, and what kept it from being looked for."""
        if self.reader is None:
            return Found(()), NONE_KEPT
        viewer = viewer_of(request)
        if not viewer.may_see_runs(wanted.namespace):
            return Found(()), ""
        if self._asking.total() >= AT_ONCE + WAITING or (viewer.name and self._asking[viewer.name] >= SHARE):
            return Found(()), "too many ask for the history at this moment"
        given_up = Event()
        asked = partial(self.reader, wanted, ROWS, MOST_READ, viewer.sees_run)
        work = self._begun(viewer.name, asked, lambda: given_up.is_set() or self._closed.is_set())
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(work), ""
        except TimeoutError:
            return Found(()), f"the history did not answer within {PATIENCE:.0f} s"
        except TrainmasterError as error:
            return Found(()), without_logins(f"the history can't be read: {error}")
        finally:
            given_up.set()

    def _begun(self, viewer: str, ask: Callable[[Stopped], Found], stopped: Stopped) -> asyncio.Future[Found]:
        """In a thread. One that still waits for its store counts as its viewer's until it has its answer."""
        self._asking[viewer] += 1
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, lambda: Found(()) if stopped() else ask(stopped))
        running.add_done_callback(partial(self._answered, viewer))
        return running

    def _answered(self, viewer: str, work: asyncio.Future[Found]) -> None:
        self._asking -= Counter([viewer])  # in place: names that ask for nothing are left out
        if not work.cancelled():
            work.exception()
