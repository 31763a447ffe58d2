"""Keeping the book true: complete lists now and then, and the API server's news between them.

Each scope (a namespace, or all of them) is listed by itself, so that one which can't be listed hides no other. Never here: what
the engine is told (book.py).
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence

from trainmaster.errors import RefusedError, TrainmasterError, UnavailableError
from trainmaster.sources.kubernetes.api import TRAININGJOBS, Api, NotFoundError, Object
from trainmaster.sources.kubernetes.book import EVERYWHERE, Book
from trainmaster.sources.kubernetes.counts import Counts
from trainmaster.sources.kubernetes.objects import Seen, seen_in, unreadable
from trainmaster.sources.kubernetes.watch import listen

log = logging.getLogger(__name__)

RESYNC = 120.0
"""seconds between complete lists when all is quiet"""
SOON = 1.0
"""seconds to the next complete list after something may have gone unheard; from then on twice as many each time"""
RETRY = 2.0
"""seconds before a scope that couldn't be listed is tried again"""
_PAGE = 50
"""objects listed and read at a time, before the jobs that run have their turn"""
_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""seconds before kopf is begun anew, after it ended so many times in a row"""
_STEADY = 60.0
"""seconds after which kopf counts as well"""


class Follower:
    def __init__(
        self, api: Api, namespaces: Sequence[str], book: Book, news: Callable[[], None], counts: Counts
    ) -> None:
        """`api` is a lane of its own; `news` is called when the engine should look."""
        self._api = api
        self._scopes = tuple(namespaces) or (EVERYWHERE,)
        self._book = book
        self._news = news
        self._counts = counts
        self._failures = 0
        """times in a row that the watch ended soon after it was begun"""
        self._ended, self._begun = "", 0.0
        """why it ended last, and when it was begun last, by the monotonic clock"""
        self._pause = SOON
        self._due = 0.0
        """when to list everything, on the loop's clock"""
        self._sooner = asyncio.Event()
        self._listed: set[str] = set()
        self._errors: dict[str, TrainmasterError] = {}
        """by scope, why it couldn't be listed when that was last tried"""
        self._since: dict[str, float] = {}
        """by such a scope, when that began, by the monotonic clock"""

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as works:
            works.create_task(self._list_for_ever())
            works.create_task(self._watch_for_ever())

    def ask(self) -> None:
        """A complete list is wanted now."""
        self._due = 0.0
        self._sooner.set()

    @property
    def trouble(self) -> str:
        """What a person must mend before all jobs are seen; empty when nothing."""
        refused = (_advice(error) for error in self._errors.values() if isinstance(error, RefusedError))
        return "; ".join(dict.fromkeys((*refused, *self._deaf())))

    @property
    def late(self) -> float:
        """Seconds since a scope can't be listed, of several the longest; 0 where all can."""
        return time.monotonic() - min(self._since.values()) if self._since else 0.0

    def _deaf(self) -> Iterator[str]:
        """Once is no trouble: an API server that restarts ends every watch."""
        if self._failures > 1 and time.monotonic() - self._begun < _STEADY:
            yield f"{self._ended}, {self._failures} times in a row: what changes is seen late, by lists alone"

    def check(self) -> None:
        """Raise UnavailableError if nothing can be said of any job."""
        if not self._book.complete or len(self._errors) == len(self._scopes):
            reasons = dict.fromkeys(_advice(error) for error in self._errors.values())
            raise UnavailableError("; ".join(reasons) or f"{TRAININGJOBS} haven't been listed yet")

    def covers(self, namespace: str) -> bool:
        """Whether jobs of that namespace are looked at."""
        return namespace in self._scopes or EVERYWHERE in self._scopes

    def take(self, kind: str | None, document: Object) -> None:
        """One object as the API server gives it: as news of that kind, or (None) in a list of somebody else's."""
        if kind is None:
            self._disturbed()
        if self._noted(kind, document):
            self._news()

    def brought(self, document: Object) -> Seen:
        """An object as an answer to a call of ours brought it."""
        seen = self._read(document)
        if self._book.refresh(seen):
            self._news()
        return seen

    def _noted(self, kind: str | None, document: Object) -> bool:
        """Whether the engine is to look."""
        if kind == "DELETED":
            return self._book.note_gone(document["metadata"]["uid"])
        return self._book.note(self._read(document))

    # --- lists

    def _disturbed(self) -> None:
        """What went while nobody listened is only seen by its absence, and kopf doesn't say from when on it listens."""
        self._pause = SOON
        self._due = min(self._due, asyncio.get_running_loop().time() + SOON)
        self._sooner.set()

    async def _list_for_ever(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            if now() >= self._due:
                self._due = math.inf
                await self._list_all(self._scopes)
                self._pause = min(2 * self._pause, RESYNC)
                self._due = min(self._due, now() + self._pause)
            elif self._errors:
                await self._list_all(tuple(self._errors))
            await self._rest(self._due - now())

    async def _list_all(self, scopes: Sequence[str]) -> None:
        failed = bool(self._errors)
        for scope in scopes:
            await self._try_list(scope)
        if failed and not self._errors:
            self._disturbed()
        self._news()

    async def _rest(self, seconds: float) -> None:
        self._sooner.clear()
        try:
            async with asyncio.timeout(min(seconds, RETRY) if self._errors else seconds):
                await self._sooner.wait()
        except TimeoutError:
            return

    async def _try_list(self, scope: str) -> None:
        before = self._errors.get(scope)
        try:
            await self._list(scope)
        except TrainmasterError as error:
            self._errors[scope] = error
            self._since.setdefault(scope, time.monotonic())
            if isinstance(error, RefusedError):
                self._listed.discard(scope)
            if str(error) != str(before):
                log.warning("jobs can't be listed: %s", _advice(error))
        else:
            self._errors.pop(scope, None)
            self._since.pop(scope, None)
            self._listed.add(scope)

    async def _list(self, scope: str) -> None:
        begun = self._book.step
        found, version = await self._api.list_as(self._read, TRAININGJOBS, scope, page=_PAGE)
        self._book.note_list(scope, found, version, begun)

    def _read(self, document: Object) -> Seen:
        before = self._book.seen(document["metadata"]["uid"])
        try:
            return seen_in(document, before)
        except Exception:  # one object never keeps the others from being seen
            log.exception("an object can't be read in a way nobody foresaw")
            return unreadable(document)

    # --- watching

    async def _watch_for_ever(self) -> None:
        """kopf on all scopes that can be listed: it would fail for all of them with one that can't."""
        while True:
            while not self._listed:
                await asyncio.sleep(0.1)
            self._begun = time.monotonic()
            self._disturbed()
            if ended := await self._watch(frozenset(self._listed)):
                self._failures = 0 if time.monotonic() - self._begun > _STEADY else self._failures + 1
                self._ended, self._begun = ended, time.monotonic()
                self._counts.watched_anew()
                log.warning("%s; listening anew", ended)
                await asyncio.sleep(_PAUSES[min(self._failures, len(_PAUSES) - 1)])

    async def _watch(self, scopes: frozenset[str]) -> str:
        """Until kopf ends, which is told in words, or other scopes can be listed."""
        configuration = self._api.connection
        namespaces = scopes - {EVERYWHERE}
        watching = asyncio.create_task(listen(lambda: configuration.configuration, namespaces, self.take))
        try:
            while self._listed == scopes and not watching.done():
                await asyncio.wait({watching}, timeout=1.0)
        finally:
            watching.cancel()
            (outcome,) = await asyncio.gather(watching, return_exceptions=True)
        return "" if isinstance(outcome, asyncio.CancelledError) else str(outcome)


def _advice(error: TrainmasterError) -> str:
    if isinstance(error, NotFoundError):
        return f"{error}; is the CustomResourceDefinition {TRAININGJOBS} installed?"
    return str(error)
