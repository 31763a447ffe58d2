"""Filing runs that are over in the history: beside the engine, for as long as the store is away, and its months removed by age.

What is filed stands in memory (plan/history.py), and a job isn't forgotten before its file is there; so nothing is lost here that
is dropped, and nothing need be kept but what is under way. Never here: what a record says, or where it lies.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Set
from datetime import UTC, datetime

from trainmaster.api.history import EndedRun, encode, file_of
from trainmaster.errors import TrainmasterError
from trainmaster.master import clock
from trainmaster.master.beats import Beats
from trainmaster.master.boundary import History

log = logging.getLogger(__name__)

WRITERS = 4
"""files written at one time"""
MOST = 1000
"""records that wait; jobs beyond are asked for theirs later"""
RETRY, LONGEST = 1.0, 60.0
"""seconds before the history is tried again after it failed, at first and at most"""
PRUNE_AFTER, PRUNE_EVERY = 600.0, 86400.0
"""seconds until a leader looks for months that are too old, and then between looks"""
NONE: Set[int] = frozenset()

Run = tuple[str, int]
"""uid, and the number of the run"""


class Historian:
    """Of one leader. `file` is told by each pass what isn't known to be filed, and does nothing twice."""

    def __init__(
        self, store: History | None, nudge: Callable[[str], None], beats: Beats, keep_months: int = 0
    ) -> None:
        """`nudge` has a job make a pass; months older than `keep_months` are removed, none where that is 0."""
        self._store, self._nudge, self._beats, self._keep_months = store, nudge, beats, keep_months
        self._waiting: dict[Run, EndedRun] = {}
        self._turns: deque[Run] = deque()
        self._later: dict[str, None] = {}
        """jobs whose record found no room"""
        self._filed: defaultdict[str, frozenset[int]] = defaultdict(frozenset)
        self._news = asyncio.Event()
        self._pause = RETRY
        self._failed: dict[Run, str] = {}
        """why records that wait couldn't be written when that was last tried"""

    @property
    def trouble(self) -> str:
        """Why the history can't be written, of the record that has waited for longest; empty where none failed."""
        why = next(iter(self._failed.values()), "")
        return f"the history can't be written, and deleted jobs wait for it: {why}" if why else ""

    @property
    def waiting(self) -> int:
        """Jobs whose records wait."""
        return len(self._waiting) + len(self._later)

    def filed(self, uid: str) -> Set[int]:
        """Runs of a job that are known to be in the history."""
        return self._filed.get(uid, NONE)

    def file(self, run: EndedRun) -> None:
        """Have it filed, unless it is under way or there. Its job makes a pass once it is."""
        key = run.uid, run.run
        if self._store is None or key in self._waiting or run.run in self.filed(run.uid):
            return
        if self._is_too_old(run):
            self._note(key)
        elif len(self._waiting) >= MOST:
            self._later[run.uid] = None
        else:
            self._wait(key, run)

    def _is_too_old(self, run: EndedRun) -> bool:
        """Its month is removed, or is to be: a job that stays declared for years isn't filed by each new leader."""
        oldest = oldest_kept(clock.now(), self._keep_months) if self._keep_months else ""
        return run.ended_at < oldest

    def _wait(self, key: Run, run: EndedRun) -> None:
        self._waiting[key] = run
        self._turns.append(key)
        self._news.set()

    def forget(self, uid: str) -> None:
        """Nothing of the job is left."""
        self._filed.pop(uid, None)
        self._later.pop(uid, None)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as works:
            for _ in range(WRITERS):
                works.create_task(self._write_for_ever())
            if self._store and self._keep_months:
                works.create_task(self._prune_for_ever(self._store))

    async def _write_for_ever(self) -> None:
        while True:
            while not self._turns:
                self._news.clear()
                await self._news.wait()
            key = self._turns.popleft()
            written = False
            with self._beats.guarded("history"):
                written = await self._write(self._waiting[key])
            if written:
                self._written(key)
            else:
                self._turns.append(key)  # others first: it may lie at this one
                await asyncio.sleep(self._pause)
                self._pause = min(LONGEST, 2 * self._pause)

    async def _write(self, run: EndedRun) -> bool:
        assert self._store is not None
        try:
            await self._store.put(file_of(run).path, encode(run))
        except TrainmasterError as error:
            if not self._failed:
                log.warning("the history can't be written yet", extra={"error": str(error)})
            self._failed[run.uid, run.run] = str(error)
            return False
        return True

    def _written(self, key: Run) -> None:
        self._pause = RETRY
        self._failed.pop(key, None)
        self._beats.works("history")
        del self._waiting[key]
        self._note(key)
        if self._later:
            later = next(iter(self._later))
            del self._later[later]
            self._nudge(later)

    def _note(self, key: Run) -> None:
        uid, number = key
        self._filed[uid] |= {number}
        self._nudge(uid)

    async def _prune_for_ever(self, store: History) -> None:
        await asyncio.sleep(PRUNE_AFTER)
        while True:
            with self._beats.guarded("history"):
                try:
                    await store.prune(oldest_kept(clock.now(), self._keep_months))
                except TrainmasterError as error:
                    log.info("old months of the history can't be removed yet", extra={"error": str(error)})
            await asyncio.sleep(PRUNE_EVERY)


def oldest_kept(now: float, months: int) -> str:
    """The oldest month that is kept, such as 2026-11: so many whole ones before the present one."""
    today = datetime.fromtimestamp(now, UTC)
    number = today.year * 12 + today.month - 1 - months
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
