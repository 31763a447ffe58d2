"""Making objects ours beside the looks, and saying on those of other installations that we leave them alone.

Never here: which objects want that (book.py), and what is written (claims.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from trainmaster.api import reasons
from trainmaster.api.declared import Declared
from trainmaster.errors import TrainmasterError
from trainmaster.master.tasks import cancelled
from trainmaster.plan.values import Event
from trainmaster.sources import policy
from trainmaster.sources.kubernetes import claims
from trainmaster.sources.kubernetes.book import Book
from trainmaster.sources.kubernetes.objects import Seen
from trainmaster.sources.kubernetes.telling import Teller
from trainmaster.sources.kubernetes.writing import Writer

log = logging.getLogger(__name__)

_RETRY = 2.0
"""seconds before a claim that couldn't be made is tried again"""
_STRANGE = 30.0
"""seconds for which an object that shows a status, and names nobody, is left to whoever made that: its name may have been taken
away by mistake, and then it is put back"""


class Claimer:
    def __init__(
        self, book: Book, writer: Writer, teller: Teller, where: str, monotonic: Callable[[], float]
    ) -> None:
        """`where` says to people which controller this is: its namespace and name."""
        self._book, self._writer, self._teller = book, writer, teller
        self._where, self._now = where, monotonic
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._strange: dict[str, float] = {}
        """uid -> since when it was seen to show a status and name nobody"""
        self._warned: set[str] = set()
        """uids of objects of others on which it was said that we leave them alone"""
        self._waiting: dict[str, str] = {}
        """uid -> why it isn't ours yet"""

    def clear(self) -> None:
        """A new leadership."""
        for known in (self._strange, self._warned, self._waiting):
            known.clear()

    def look(self) -> None:
        """Begin what the book says is due."""
        for seen in self._book.unclaimed():
            if self._may_claim(seen):
                self._beside(seen, self._claim)
        for seen in self._book.foreign():
            if seen.uid not in self._warned:
                self._beside(seen, self._warn)

    async def close(self) -> None:
        await cancelled(self._under_way.values())

    def _may_claim(self, seen: Seen) -> bool:
        """What is new may be ours at once; what was shown to people before, and is in no journal of ours, may be somebody's."""
        if not seen.shown or seen.controller or self._book.drives(seen.uid):
            return True
        return self._now() - self._strange.setdefault(seen.uid, self._now()) >= _STRANGE

    def _beside(self, seen: Seen, work: Callable[[Seen], Coroutine[Any, Any, None]]) -> None:
        """A write beside the looks: the next one after that tells what came of it."""
        if seen.uid not in self._under_way:
            task = asyncio.get_running_loop().create_task(work(seen))
            self._under_way[seen.uid] = task
            task.add_done_callback(lambda _: self._under_way.pop(seen.uid, None))

    async def _claim(self, seen: Seen) -> None:
        try:
            await self._writer.amend(seen, lambda now: claims.claiming(now, self._book.installation))
            self._strange.pop(seen.uid, None)
            self._waiting.pop(seen.uid, None)
        except TrainmasterError as error:
            self._tell_waiting(seen, str(error))
            await asyncio.sleep(_RETRY)
        except Exception:  # tried again by a later look, and not with each
            log.exception("an object can't be claimed for a reason nobody foresaw")
            await asyncio.sleep(_RETRY)

    def _tell_waiting(self, seen: Seen, why: str) -> None:
        """Once, not with every try."""
        if self._waiting.get(seen.uid) != why:
            job = f"{seen.namespace}/{seen.name}"
            log.warning("a job waits until its deletion can be held", extra={"job": job, "error": why})
        self._waiting[seen.uid] = why

    async def _warn(self, seen: Seen) -> None:
        """Once in a leadership, whatever comes of it: /readyz says it as well."""
        self._warned.add(seen.uid)
        path = f"{seen.namespace}/{seen.name}"
        words = (
            f"installation {seen.controller} drives this job, and the controller {self._where} of installation "
            f"{self._book.installation}, which looks at this namespace too, leaves it alone"
        )
        try:
            declared = Declared(policy.KUBERNETES, seen.namespace, seen.name, seen.uid, path)
            await self._teller.tell(declared, [Event(True, reasons.DRIVEN_ELSEWHERE, words)])
        except TrainmasterError as error:
            log.info("an event can't be shown", extra={"job": path, "error": str(error)})
