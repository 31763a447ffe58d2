"""The line of jobs that gather a gang, and whose turn it is now. The rule is plan/turns.py's; here it is kept up to date.

Room is what the last look at YARN said, less what was promised to jobs since: the look is seconds old, and two jobs must not
both be let in for the same room. A long line isn't gone through for each that joins or leaves it, but once for many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from trainmaster.master import clock
from trainmaster.plan.bounds import Bounds
from trainmaster.plan.turns import FREE, Round, Turn, Waiting, parts
from trainmaster.plan.values import Cluster, Size

SHORT = 20
"""jobs in a line that is gone through at once when something changes"""
PAUSE = 0.0001
"""seconds per job of a longer line until it is"""
REST_SHARE = 20
"""and so many times as long as it took the last time, so that it takes no more than a twentieth of the loop on a slow machine"""
LONGEST = 2.0
"""seconds that it waits at most: what was long by the clock may have been a machine that stood still"""
PATIENCE = 10.0
"""seconds after which a job that has its turn and room, and is granted nothing, doesn't claim that room any more"""
NEWS = 100
"""jobs that are told at once what is in their way now"""
NOT_YET = Turn(False)


class View(Protocol):
    """What the line needs to know of the last look (master/cluster.py)."""

    @property
    def bounds(self) -> Bounds: ...

    @property
    def seen_at(self) -> float: ...

    def of_queue(self, queue: str) -> Cluster | None: ...


class Line:
    """Who waits, and who may ask."""

    def __init__(self, view: View, call: Callable[[str], None] = lambda _: None) -> None:
        """`call` is told whose turn has come, or is taken back."""
        self._view, self._call = view, call
        self._waiting: dict[str, Waiting] = {}
        self._promised: dict[str, Waiting] = {}
        """those whose turn has come, as they stood when YARN was looked at last, or when it came"""
        self._fresh: set[str] = set()
        """those whose turn has come since: what they were granted is not seen yet"""
        self._stalled: dict[str, float] = {}
        """since which look somebody has his turn and room, and is granted nothing"""
        self._looked_at = -1.0
        self._round, self._turns = Round(view.bounds), dict[str, Turn]()
        self._hindered: set[str] = set()
        """those that something is in the way of: where there are none, nobody's leaving changes anything"""
        self._overdue = False
        """whether somebody has left since the line was gone through"""
        self._last = 0.0
        """when the last of the line began to wait"""
        self._soon: asyncio.TimerHandle | None = None
        self._going: asyncio.Task[None] | None = None
        self._alone = asyncio.Lock()
        self._took = 0.0
        """seconds for which the line was gone through last"""
        self._under_way = False
        """whether it is being gone through in steps"""
        self._put_off: dict[str, bool] = {}
        """who asked meanwhile, and is told of his turn afterwards; and whether he wants something else than was judged"""
        self._news: dict[str, None] = {}
        self._found_possible: dict[tuple[str, Size, tuple[Size, ...]], bool] = {}
        self._known_possible: dict[int, tuple[Waiting, bool]] = {}
        """the same by the identity of jobs, since a line is gone through many times and hardly any of them changes"""

    def __contains__(self, uid: str) -> bool:
        return uid in self._waiting

    def join(self, job: Waiting) -> Turn:
        """Stand in line, or go on standing with new needs; whether it is this job's turn."""
        before = self._waiting.get(job.uid)
        if before != job:  # the one that is known is kept: what was found out of it is known by its identity
            self._waiting[job.uid] = job
        if self._under_way and (before is None or job.uid not in self._promised):
            return self._later(job.uid, news=before != job)
        if self._view.seen_at != self._looked_at:
            self._changed(but=job.uid, at_once=True)
        elif before is None:
            self._at_the_end(job)
        elif before != job and not self._turns.get(job.uid, NOT_YET).may:
            self._changed(but=job.uid)
        turn = self._turns.get(job.uid, NOT_YET)
        if turn.may and job.uid not in self._promised:
            self._promised[job.uid] = job
            self._fresh.add(job.uid)
        return turn

    def leave(self, uid: str) -> None:
        """The gang is complete, or no longer wanted. What was promised counts until YARN is looked at again."""
        if self._waiting.pop(uid, None):
            self._turns.pop(uid, None)
            self._stalled.pop(uid, None)
            self._hindered.discard(uid)
            self._put_off.pop(uid, None)
            if self._hindered:
                self._changed()
            else:
                self._overdue = True

    async def look(self) -> None:
        """Take note if YARN was looked at anew."""
        async with self._alone:
            if self._view.seen_at != self._looked_at:
                await self._go_through()

    def close(self) -> None:
        """Nobody waits any more."""
        if self._soon:
            self._soon.cancel()
        if self._going:
            self._going.cancel()

    def news(self) -> list[str]:
        """Some of the jobs for which what is in their way has changed; the others when this is asked next.

        When a node comes or goes, the sentence changes for thousands of them: that needs not be told at once.
        """
        news = [uid for uid in self._news if uid in self._waiting]
        self._news = dict.fromkeys(news[NEWS:])
        return news[:NEWS]

    # --- keeping it up to date

    def _later(self, uid: str, news: bool) -> Turn:
        """What to say to somebody while it isn't known whether he may ask."""
        self._put_off[uid] = news or self._put_off.get(uid, False)
        self._overdue |= news
        known = self._turns.get(uid, NOT_YET)
        return NOT_YET if known.may else known

    def _at_the_end(self, job: Waiting) -> None:
        """Most jobs come to the end of the line, and what is left there says whether they may ask. Where there is room for all,
        it doesn't matter who comes where."""
        last = self._comes_last(job)
        judged = (last or not self._hindered) and not self._soon
        turn = self._round.last(self._standing(job)) if judged else None
        if turn is None or (turn != FREE and (self._overdue or not last)):
            self._changed(but=job.uid)
        else:
            self._last = max(self._last, job.since)
            self._take(job.uid, turn)

    def _take(self, uid: str, turn: Turn) -> None:
        self._turns[uid] = turn
        if turn != FREE:
            self._hindered.add(uid)

    def _comes_last(self, job: Waiting) -> bool:
        return not job.holds and job.since >= self._last and job.priority <= 0

    def _changed(self, but: str = "", at_once: bool = False) -> None:
        """Have the line gone through: a long one soon, and one that is being gone through once more afterwards."""
        if self._under_way:
            self._overdue = True
        elif at_once or len(self._waiting) <= SHORT:
            self._renew(but)
        elif self._soon is None:
            pause = min(LONGEST, max(len(self._waiting) * PAUSE, REST_SHARE * self._took))
            self._soon = asyncio.get_running_loop().call_later(pause, self._begin)

    def _renew(self, but: str = "") -> None:
        """Go through a short line at once, and tell those whose turn has come or is taken back.

        Never while it is being gone through in steps: `_changed` sees to that, and those steps begin with stopping its timer.
        """
        for _ in self._steps(but):
            pass

    def _begin(self) -> None:
        """Of whoever comes before that has begun, `_soon` still says that the last round knows too little."""
        self._going = asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        async with self._alone:
            await self._go_through()

    async def _go_through(self) -> None:
        """The same of a line of any length in steps: nothing that heartbeats waits for one of thousands."""
        self._under_way, took, began = True, 0.0, clock.monotonic()
        try:
            for _ in self._steps(""):
                took += clock.monotonic() - began
                await asyncio.sleep(0)
                began = clock.monotonic()
        finally:
            self._under_way, self._took = False, took
            self._tell_late()

    def _steps(self, but: str) -> Iterator[None]:
        if self._soon:
            self._soon.cancel()
            self._soon = None
        self._overdue = False
        if self._view.seen_at != self._looked_at:
            self._looked_anew()
        round_ = Round(
            self._view.bounds, [job for uid, job in self._promised.items() if uid not in self._waiting]
        )
        standing: list[Waiting] = []
        for part in parts([*self._waiting.values()]):
            standing.extend(map(self._standing, part))
            yield
        yield from round_.steps(standing)
        before, self._round = self._turns, round_
        self._turns = {uid: turn for uid, turn in round_.turns.items() if self._stands_as_judged(uid)}
        self._hindered = {uid for uid in self._waiting if self._turns.get(uid) is not FREE}
        self._last = max((job.since for job in self._waiting.values()), default=0.0)
        for some in parts([*self._waiting]):
            self._tell(some, before, but)
            yield

    def _stands_as_judged(self, uid: str) -> bool:
        """A turn that was found for other needs is none: room would be promised twice."""
        return uid in self._waiting and not self._put_off.get(uid)

    def _tell_late(self) -> None:
        """Whoever asked while the line was gone through asks again, and of what has changed meanwhile account is taken."""
        asked, self._put_off = self._put_off, {}
        for uid in asked:
            self._call(uid)
        if self._overdue:
            self._changed()

    def _looked_anew(self) -> None:
        """What was granted until then is counted in what YARN says now."""
        self._looked_at = self._view.seen_at
        self._promised = {uid: self._waiting[uid] for uid in self._promised if uid in self._waiting}
        self._fresh.clear()
        self._found_possible.clear()
        self._known_possible.clear()
        self._stalled = {
            uid: self._stalled.get(uid, self._looked_at)
            for uid, job in self._promised.items()
            if not job.holds and self._has_room(job)
        }

    def _tell(self, uids: Iterable[str], before: dict[str, Turn], but: str) -> None:
        for uid in filter(self._waiting.__contains__, uids):  # some have left since the part before
            old, new = before.get(uid, NOT_YET), self._turns.get(uid, NOT_YET)
            if old.may and not new.may:
                self._promised.pop(uid, None)
            if uid == but:
                continue
            if old.may != new.may:
                self._call(uid)
            elif old != new:
                self._news[uid] = None

    def _standing(self, job: Waiting) -> Waiting:
        """As the rule is to see it: what was granted since the last look at YARN is not free, though no longer needed."""
        if job.uid not in self._promised:
            return job if self._possible(job) else replace(job, possible=False)
        return replace(
            job,
            needs=self._promised[job.uid].needs,
            holds=job.holds or job.uid in self._fresh,
            possible=self._possible(job),
            stuck=self._looked_at - self._stalled.get(job.uid, self._looked_at) >= PATIENCE,
        )

    def _possible(self, job: Waiting) -> bool:
        """Whether today's nodes would do if they were empty."""
        known = self._known_possible.get(id(job))  # which is its own as long as the job is kept here
        if known is None:
            known = self._known_possible[id(job)] = job, self._alike_possible(job)
        return known[1]

    def _alike_possible(self, job: Waiting) -> bool:
        """Many jobs are alike, and the answer is the same for them."""
        alike = job.queue, job.gang, job.containers
        if alike not in self._found_possible:
            cluster = self._view.of_queue(job.queue)
            self._found_possible[alike] = not (cluster and cluster.lacks(job.gang, job.containers))
        return self._found_possible[alike]

    def _has_room(self, job: Waiting) -> bool:
        """Whether YARN could have granted one of its containers, as far as the look says."""
        cluster, bounds = self._view.of_queue(job.queue), self._view.bounds
        left = [bounds.known[name].left for name in bounds.chain(job.queue, job.user) if name in bounds.known]
        return cluster is not None and any(
            all(size.fits(room) for room in left)
            and next(cluster.picture.free_for(size, cluster.partition), None)
            for size in job.containers
        )
