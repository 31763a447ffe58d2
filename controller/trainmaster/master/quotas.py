"""The quotas of this controller's jobs: counted anew at each look over the fleet, and asked by each pass. The rule is
plan/ledger.py's; here it is kept up to date.

Between two looks a job that comes last, where nobody waits, is judged by what the last look left; all others wait for the next.
Nobody is let in before all that the journal and the source know has been counted. Whoever was let in keeps that until nothing is
wanted for it any more, or its application is over. Never here: what a job holds or asks for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from trainmaster.api.declared import Declared
from trainmaster.plan.holdings import came_at, demand, held_by, limits_of, queue_of, shares_of, wanted_of
from trainmaster.plan.ledger import Ledger, ShareUse
from trainmaster.plan.memory import Memory
from trainmaster.plan.quotas import (
    FREE,
    NOTHING,
    Amount,
    Claim,
    QuotaTurn,
    Share,
    beyond,
    least_of,
    most_of,
)
from trainmaster.settings import Quota

STEP = 250
"""jobs whose claims are made in one step"""
NEWS = 100
"""jobs that are told at once what is in their way now"""
Job = tuple[Declared, Memory, str, bool]
"""with the user that it runs as, and whether its application is being opened"""
NOT_YET = QuotaTurn(False, "its quota is looked at once all jobs are counted, within seconds")


class Quotas:
    """What of them each job is told."""

    def __init__(self, rules: Sequence[Quota], path: Callable[[str], str]) -> None:
        """`path` tells a queue's full path. Raises InvalidError for a quota that can't be meant."""
        for rule in rules:
            limits_of(rule)
        self._rules, self._path = tuple(rules), path
        self._shares_of = lru_cache(10_000)(partial(shares_of, self._rules))
        self._ledger = Ledger()
        self.uses: tuple[ShareUse, ...] = ()
        """as they were at the last look"""
        self._ready = False
        """whether jobs may be judged by it: not before the first look, nor while one is under way"""
        self._granted: dict[str, tuple[tuple[Share, ...], Amount]] = {}
        """what jobs were let in for, and where"""
        self._judged: dict[str, tuple[Claim, QuotaTurn]] = {}
        self._outside: set[str] = set()
        """jobs that something else keeps from being taken in: they stand in nobody's way"""
        self._late: dict[str, None] = {}
        """jobs that asked, and must be told later"""
        self._news: dict[str, None] = {}
        self._known: dict[str, tuple[Declared, Memory, str, str, Claim]] = {}
        """claims by what they were made of: hardly any of them changes between two looks"""
        self._as_counted: dict[str, tuple[object, ...]] = {}
        """likewise as a look counts them"""

    def __bool__(self) -> bool:
        return bool(self._rules)

    def of(self, declared: Declared, memory: Memory, user: str, refused: bool) -> QuotaTurn:
        """Whether this job may be let in, or its edit; `refused` says that it can't be taken in whatever quotas say, which it is
        told instead. It asks again once that is over."""
        claim = self._with_grant(self._claim(declared, memory, user))
        if refused:
            self._outside.add(claim.uid)
        else:
            self._outside.discard(claim.uid)
        if claim.wants is None or not claim.shares:
            return FREE
        if not any(claim.needs):
            return self._keeps(claim)
        return beyond(claim) or (NOT_YET if refused else self._waits(claim))

    def forget(self, uid: str) -> None:
        """Nothing of the job is left."""
        for known in (self._granted, self._judged, self._late, self._news, self._known, self._as_counted):
            known.pop(uid, None)
        self._outside.discard(uid)

    async def look(self, jobs: Iterable[Job]) -> list[str]:
        """Count all jobs anew, in steps, and judge those that wait; which of them are to make a pass."""
        self._ready, news, uids = False, bool(self._late), set[str]()
        for number, job in enumerate(list(jobs)):
            uids.add(job[1].uid)
            news |= self._ledger.count(self._counted(job))
            if number % STEP == STEP - 1:
                await asyncio.sleep(0)
        news |= self._ledger.keep_only(uids)
        for uid in self._known.keys() - uids if len(self._known) > len(uids) else ():
            self.forget(uid)
        if news:
            for _ in self._ledger.steps():
                await asyncio.sleep(0)
            await self._settle()
            self.uses = tuple(self._ledger.uses())
        self._ready = True
        return self._to_tell()

    # --- what a job is told

    def _waits(self, claim: Claim) -> QuotaTurn:
        """What was let in and asks all the same has lost that since: only what stands in the way is still believed."""
        before, turn = self._judged.get(claim.uid, (None, NOT_YET))
        if before and _same(before, claim) and not turn.may:
            return turn
        found = self._ledger.last(claim) if self._ready else None
        if found is None:
            self._late[claim.uid] = None
            return NOT_YET
        self._judged[claim.uid] = claim, found
        return self._keeps(claim) if found.may else found

    def _keeps(self, claim: Claim) -> QuotaTurn:
        """What it holds or was let in for stays its own also while it has no application: one that YARN lost is opened anew."""
        if claim.wants is not None:
            self._granted[claim.uid] = claim.shares, claim.wants
        return FREE

    async def _settle(self) -> None:
        """Take over what the ledger found. A job may have gone on since it was counted, which the next look finds."""
        before, self._judged = self._judged, {}
        for number, (uid, turn) in enumerate(self._ledger.turns.items()):
            if uid not in self._known:
                continue
            claim = self._ledger.claim(uid)
            self._judged[uid] = claim, turn
            known = before.get(uid)
            if known is None or turn.may != known[1].may:
                self._late[uid] = None
            elif turn.words != known[1].words:
                self._news[uid] = None
            if turn.may:
                self._keeps(claim)
            if number % STEP == STEP - 1:
                await asyncio.sleep(0)

    def _to_tell(self) -> list[str]:
        """Whose turn has come, or is known now, and some of those whose sentence changed: for thousands that may be later."""
        news = list(self._news)
        told = [*self._late, *news[:NEWS]]
        self._late, self._news = {}, dict.fromkeys(news[NEWS:])
        return told

    # --- claims

    def _claim(self, declared: Declared, memory: Memory, user: str) -> Claim:
        """By what is remembered alone."""
        known, queue = self._known.get(memory.uid), self._path(queue_of(declared, memory))
        if known and known[0] is declared and known[1] is memory and known[2:4] == (user, queue):
            return known[4]
        job = wanted_of(declared, memory)
        claim = Claim(
            memory.uid,
            memory.namespace,
            f"{memory.namespace}/{memory.name}",
            came_at(declared, memory),
            self._shares_of(memory.namespace, user, queue),
            held_by(memory),
            demand(job) if job else None,
        )
        self._known[memory.uid] = declared, memory, user, queue, claim
        return claim

    def _with_grant(self, claim: Claim, opening: bool = False) -> Claim:
        shares, granted = self._granted.get(claim.uid, ((), NOTHING))
        if shares != claim.shares or (claim.wants is None and not opening):
            return claim
        held = granted if claim.wants is None else least_of(granted, claim.wants)
        return replace(claim, held=most_of(claim.held, held))

    def _counted(self, job: Job) -> Claim:
        """As a look counts it. What can't be taken in for another reason asks for nothing, and keeps only what it holds."""
        declared, memory, user, opening = job
        claim = self._claim(declared, memory, user)
        about = claim, self._granted.get(claim.uid), claim.uid in self._outside, opening
        known = self._as_counted.get(claim.uid)
        if known is None or any(a is not b for a, b in zip(about, known, strict=False)):
            known = self._as_counted[claim.uid] = *about, self._made_up(claim, opening)
        found = known[-1]
        assert isinstance(found, Claim)
        return found

    def _made_up(self, claim: Claim, opening: bool) -> Claim:
        wanted = claim.wants is not None and claim.uid not in self._outside
        counted = self._with_grant(claim, opening) if wanted or opening else claim
        if counted.held == claim.held and not wanted:
            self._granted.pop(claim.uid, None)
        return counted if wanted and not beyond(counted) else replace(counted, wants=None)


def _same(before: Claim, now: Claim) -> bool:
    return (before.shares, before.wants) == (now.shares, now.wants)
