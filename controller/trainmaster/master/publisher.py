"""Showing statuses and events: the newest of each job, whole, off the path of decisions.

A store that is away only makes them late.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from trainmaster.api.declared import Declared
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.errors import TrainmasterError
from trainmaster.master import clock
from trainmaster.master.beats import Beats
from trainmaster.master.boundary import Source
from trainmaster.master.turns_of_news import Rank, Turns
from trainmaster.plan.values import Event

log = logging.getLogger(__name__)

WRITERS = 8
"""statuses written at one time"""
SETTLE = 1 / 3
"""share of a source's pace that the first news of a job wait for what follows at once"""
CALM = 1.0
"""seconds that news wait which neither change a job's state nor hold an event: mostly others follow, and say the same"""
RETRY = 2.0
REPAIR, LONGEST_REPAIR, QUIET = 2.0, 300.0, 900.0
"""seconds until a status that somebody changes is shown again, at first and at most; and those after which it's a first time"""
REST_SHARE, LONGEST_REST = 10, 5.0
"""after its status a job rests for so many times as long as that took, up to so many seconds"""
AT_ONCE = 100
"""statuses a second beyond which a job's next one waits the longer the more are shown: what comes in between is left out"""
YOUNG = 120.0
"""seconds for which a job that was never shown counts as new"""
EVENTS = 20
"""events of one job that wait at most, the newest: more than that is a flood, and the status tells the rest"""


@dataclass(frozen=True, slots=True)
class News:
    """What is to be shown of one job."""

    declared: Declared
    status: JobStatus
    events: tuple[Event, ...] = ()

    def after(self, before: News | None) -> News:
        """These news, with the events of older ones that nobody has seen."""
        return replace(self, events=(before.events + self.events)[-EVENTS:]) if before else self


class Publisher:
    """Holds what is to be shown; a newer status of the same job takes the older one's place."""

    def __init__(self, source: Source, beats: Beats) -> None:
        self._source, self._beats = source, beats
        self._waiting: dict[str, News] = {}
        self._shown: dict[str, tuple[Declared, JobStatus]] = {}
        """by uid: of what it was shown, and what; a job whose file was moved is shown beside the new one"""
        self._repairs: dict[str, tuple[int, float]] = {}
        """by uid: how often its status was shown again in a row, and from when on it may be once more"""
        self._late: dict[str, str] = {}
        """uid -> why its status can't be shown: said once, however long that lasts"""
        self._busy: set[str] = set()
        """jobs whose status is being written, and those that rest after it"""
        self._held: dict[str, asyncio.TimerHandle] = {}
        """jobs whose news are calm, and wait for others"""
        self._turns = Turns()
        """of jobs that have news and rest no more"""
        self._news = asyncio.Event()

    def put(self, declared: Declared, status: JobStatus, events: Iterable[Event] = ()) -> None:
        if declared.path:
            news, uid = News(declared, status, tuple(events)), declared.uid
            if uid not in self._waiting and uid not in self._busy:
                self._rest(uid, self._source.pace * _patience(status))
            self._waiting[uid] = news.after(self._waiting.get(uid))
            if uid not in self._busy:
                self._stand_in_line(uid)

    def forget(self, uid: str) -> None:
        self._waiting.pop(uid, None)
        self._turns.leave(uid)
        self._wait_no_more(uid)
        self._shown.pop(uid, None)
        self._late.pop(uid, None)
        self._repairs.pop(uid, None)

    @property
    def unshown(self) -> list[str]:
        """Jobs that show something old, each with what is in the way."""
        return list(self._late.values())

    async def watch(self) -> None:
        """Show again what somebody else has changed, until cancelled; ever more rarely, so that two writers don't fight hot."""
        while True:
            now = clock.monotonic()
            for uid in self._source.astray():
                if uid in self._busy:
                    continue  # mostly it is our own write, which is seen before it is answered
                times, due = self._repairs.get(uid, (0, now))
                if now >= due:
                    quiet = now - due > QUIET
                    self._repairs[uid] = (
                        (1 if quiet else times + 1),
                        now + min(LONGEST_REPAIR, REPAIR * 2**times),
                    )
                    self._again(uid)
            self._beats.works("repairs")
            await asyncio.sleep(REPAIR)

    def _again(self, uid: str) -> None:
        shown = self._shown.pop(uid, None)
        if shown and uid not in self._waiting:
            log.info("a status that somebody changed is shown again", extra={"job": shown[0].path})
            self.put(*shown)

    def _stands(self, declared: Declared, status: JobStatus) -> bool:
        shown = self._shown.get(declared.uid)
        return shown is not None and (shown[0].path, shown[1]) == (declared.path, status)

    async def run(self) -> None:
        """Write what waits, until cancelled."""
        async with asyncio.TaskGroup() as writers:
            for _ in range(WRITERS):
                writers.create_task(self._write_for_ever())

    async def _write_for_ever(self) -> None:
        while True:
            while not (uid := self._turns.next()):
                self._news.clear()
                await self._news.wait()
            await self._write_one(uid)

    async def _write_one(self, uid: str) -> None:
        """However it ends, this job's next status gets its turn: later if it takes long, so that a large job's don't follow
        each other without a pause."""
        self._busy.add(uid)
        rest, began = RETRY, clock.monotonic()
        try:
            rest = await self._write(self._waiting.pop(uid))
        finally:
            took = clock.monotonic() - began
            crowded = len(self._busy) / AT_ONCE if rest else 0.0
            self._rest(uid, max(rest, min(LONGEST_REST, max(REST_SHARE * took, crowded))))

    def _rest(self, uid: str, seconds: float) -> None:
        """Only this job's next status waits: the writers go on with others."""
        self._busy.add(uid)
        asyncio.get_running_loop().call_later(seconds, self._rested, uid)

    def _rested(self, uid: str) -> None:
        self._busy.discard(uid)
        if uid in self._waiting:
            self._stand_in_line(uid)

    def _stand_in_line(self, uid: str, calm: bool = False) -> None:
        """With news that are `calm` only once they have waited."""
        news = self._waiting[uid]
        rank = self._rank(news)
        if rank is Rank.CALM and uid in self._shown and not calm:
            if uid not in self._held:
                self._held[uid] = asyncio.get_running_loop().call_later(CALM, self._waited, uid)
            return
        self._wait_no_more(uid)
        self._turns.add(_tenant(news.declared), uid, rank)
        self._news.set()

    def _waited(self, uid: str) -> None:
        self._wait_no_more(uid)
        if uid in self._waiting and uid not in self._busy:
            self._stand_in_line(uid, calm=True)

    def _wait_no_more(self, uid: str) -> None:
        if held := self._held.pop(uid, None):
            held.cancel()

    def _rank(self, news: News) -> Rank:
        shown = self._shown.get(news.declared.uid)
        if shown is None and clock.now() - news.declared.created < YOUNG:
            return Rank.FIRST
        changed = shown is not None and shown[1].state != news.status.state
        return Rank.NEWS if changed or news.events else Rank.CALM

    async def _write(self, news: News) -> float:
        """How long this job rests now, in seconds. What can't be shown waits for the next try, unless there are newer news."""
        work = _work(news.declared)
        with self._beats.guarded(work, "status"):
            try:
                rest = await self._show(news)
            except TrainmasterError as error:
                self._say_late(news.declared, error)
            else:
                self._late.pop(news.declared.uid, None)
                self._beats.works(work)
                return rest
        self._keep(news)
        return RETRY

    def _keep(self, news: News) -> None:
        newer = self._waiting.get(news.declared.uid)
        self._waiting[news.declared.uid] = newer.after(news) if newer else news

    def _say_late(self, declared: Declared, error: TrainmasterError) -> None:
        if declared.uid not in self._late:
            log.info("a status can't be shown yet", extra={"job": declared.name, "error": str(error)})
        self._late[declared.uid] = f"{declared.namespace}/{declared.name}: {error}"

    async def _show(self, news: News) -> float:
        declared, status = news.declared, news.status
        shown = self._stands(declared, status)
        if not shown:
            await self._source.publish(declared, status)
        # Even if it was shown: from now on the picture's own object, since two equal ones would be kept.
        self._shown[declared.uid] = (declared, status)
        await self._tell(news)
        return 0.0 if shown else self._source.pace

    async def _tell(self, news: News) -> None:
        """Once, whatever comes of it: the status says the same, and stays."""
        if not news.events:
            return
        with self._beats.guarded(f"the events of {news.declared.namespace}/{news.declared.name}", "events"):
            try:
                await self._source.tell(news.declared, news.events)
            except TrainmasterError as error:
                log.info("events can't be shown", extra={"job": news.declared.name, "error": str(error)})


def _tenant(declared: Declared) -> str:
    """Whose job it is: its owner's, or its namespace's where nobody owns what is declared."""
    return declared.owner or declared.namespace


def _work(declared: Declared) -> str:
    return f"the status of {declared.namespace}/{declared.name}"


def _patience(status: JobStatus) -> float:
    """Share of the pace that news wait for what may follow: a verdict mostly is shown with the end that it brings."""
    ends = status.is_true(C.SUCCEEDED) or status.is_true(C.FAILED)
    return 1.0 if ends and not status.is_true(C.FINISHED) else SETTLE
