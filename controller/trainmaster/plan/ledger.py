"""Who holds what of each quota's share, and whose turn it is when that is used up. Pure, but for its own books.

Jobs are taken in the order in which they came. One that has no room somewhere keeps what it wants there from all that came later,
so nobody passes it at what it waits for. It claims likewise of the shares before that one, and nothing of those after it: so it
doesn't keep idle what it couldn't use yet. Shares stand in the order of the settings for every job, and nobody holds anything
while it waits, so no two jobs wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from trainmaster.plan.quotas import (
    FREE,
    KINDS,
    NO_LIMIT,
    NOTHING,
    Amount,
    Claim,
    QuotaTurn,
    Share,
    amount,
    beyond,
    counted,
    minus,
    most_of,
    plus,
)
from trainmaster.plan.turns import parts

NAMED = 3
"""holders of a share that are named, the largest; of more only the number is told"""


@dataclass(frozen=True, slots=True)
class ShareUse:
    """How much of one kind a share allows, and how much of it is held. Shown, never decided on."""

    share: str
    kind: str
    """a field of Amount; memory is in MiB"""
    allowed: int
    held: int
    waiting: int
    """jobs that wait, and want some of this share"""


@dataclass(slots=True)
class _Level:
    """One share."""

    share: Share
    held: Amount = NOTHING
    holders: list[int] = field(default_factory=lambda: [0] * len(KINDS))
    """how many jobs hold some of each kind"""
    own: dict[str, dict[str, Claim]] = field(default_factory=dict)
    """holders by namespace and uid: those of others are counted, and not named"""

    # While the line is gone through.
    left: Amount = NOTHING
    before: int = 0
    """jobs that wait, and keep some of this for themselves"""
    first: Claim | None = None
    said: dict[tuple[str, int], str] = field(default_factory=dict)
    """who holds, by namespace and kind. Once somebody waits for a kind, no more of it is given here"""
    turns: dict[tuple[object, ...], QuotaTurn] = field(default_factory=dict)
    """many jobs are alike, and are told the same"""

    def begin(self) -> None:
        self.left, self.before, self.first = minus(self.share.most, self.held), 0, None
        self.said, self.turns = {}, {}

    def hold(self, claim: Claim, before: Amount = NOTHING) -> None:
        """Count what a job holds, where `before` was counted of it."""
        if claim.held == NOTHING:
            return self.let_go(claim, before)
        self.own.setdefault(claim.namespace, {})[claim.uid] = claim
        return self._count(claim.held, before)

    def let_go(self, claim: Claim, before: Amount) -> None:
        own = self.own.get(claim.namespace, {})
        if own.pop(claim.uid, None) and not own:
            del self.own[claim.namespace]
        self._count(NOTHING, before)

    def _count(self, now: Amount, before: Amount) -> None:
        more = minus(now, before)
        self.held, self.left = plus(self.held, more), minus(self.left, more)
        for kind in KINDS:
            self.holders[kind] += (now[kind] > 0) - (before[kind] > 0)


class Ledger:
    """All jobs, by uid."""

    def __init__(self) -> None:
        self.turns: dict[str, QuotaTurn] = {}
        """of each job that wanted more than it held when the line was gone through last, or came since"""
        self._levels: dict[tuple[int | str, ...], _Level] = {}
        self._claims: dict[str, Claim] = {}

    def count(self, claim: Claim) -> bool:
        """Take note of what a job holds and wants; whether that is news."""
        before = self._claims.get(claim.uid)
        if before is claim or before == claim:
            return False
        self._claims[claim.uid] = claim
        same = before is not None and before.shares == claim.shares
        if before and not same:
            self._let_go(before)
        for share in claim.shares:
            self._level(share).hold(claim, before.held if before and same else NOTHING)
        return True

    def claim(self, uid: str) -> Claim:
        """As it was counted; of one that was let in, with what it was let in for."""
        return self._claims[uid]

    def keep_only(self, uids: set[str]) -> bool:
        """Forget all other jobs; whether there were any."""
        gone = self._claims.keys() - uids if len(self._claims) > len(uids) else ()
        for uid in gone:
            self._let_go(self._claims.pop(uid))
        return bool(gone)

    def _let_go(self, claim: Claim) -> None:
        for share in claim.shares:
            self._level(share).let_go(claim, claim.held)

    def _level(self, share: Share) -> _Level:
        level = self._levels.get(share.key)
        if level is None:
            level = self._levels[share.key] = _Level(share)
            level.begin()
        return level

    def uses(self) -> Iterator[ShareUse]:
        """Of each share that some job counts in, what it limits."""
        for level in self._levels.values():
            for kind in KINDS:
                if (most := level.share.most[kind]) < NO_LIMIT:
                    name = Amount._fields[kind]
                    yield ShareUse(level.share.name, name, most, level.held[kind], level.before)

    # --- turns

    def through(self, claims: Iterable[Claim]) -> dict[str, QuotaTurn]:
        """Everybody's turn, of these jobs and no others."""
        for claim in claims:
            self.count(claim)
        for _ in self.steps():
            pass
        return self.turns

    def steps(self) -> Iterator[None]:
        """Go through the line, in steps between which something else may be done; meanwhile nothing may be counted."""
        self._levels = {key: level for key, level in self._levels.items() if level.own}
        for level in self._levels.values():
            level.begin()
        self.turns = {}
        waiting = [claim for claim in self._claims.values() if any(claim.needs)]
        yield
        for part in parts(sorted(waiting, key=lambda claim: claim.order)):
            for claim in part:
                self.turns[claim.uid] = beyond(claim) or self._judged(claim)
            yield

    def last(self, claim: Claim) -> QuotaTurn | None:
        """The turn of a job that comes after all others; None where it may not be the last, or holds what wasn't counted."""
        known = self._claims.get(claim.uid)
        if claim.held != (known.held if known else NOTHING):
            return None
        if turn := beyond(claim):
            return turn
        if any(level.before for level in map(self._level, claim.shares)):
            return None
        self.count(claim)
        turn = self.turns[claim.uid] = self._judged(claim)
        return turn

    def _judged(self, claim: Claim) -> QuotaTurn:
        needs, levels = claim.needs, [self._level(share) for share in claim.shares]
        at = next((n for n, level in enumerate(levels) if _lacking(level, needs)), None)
        if at is None:
            self.count(replace(claim, held=most_of(claim.held, claim.wants or NOTHING)))
            return FREE
        for level in levels[: at + 1]:
            level.left = minus(level.left, needs)
        turn = _turn(levels[at], claim)
        for level in levels[: at + 1]:
            level.before, level.first = level.before + 1, level.first or claim
        return turn


def _lacking(level: _Level, needs: Amount) -> bool:
    """A share that shrank keeps nobody from what it still has, or from what doesn't count in it."""
    return any(need > left for need, left in zip(needs, level.left, strict=True) if need)


# --- what they are told


def _turn(level: _Level, claim: Claim) -> QuotaTurn:
    """What it waits for is below nothing now that it has claimed that."""
    kind = next(kind for kind in KINDS if claim.needs[kind] and level.left[kind] < 0)
    needs, more = claim.needs[kind], claim.held[kind] > 0
    alike = claim.namespace, kind, needs, more, _roughly(level.before)
    if alike not in level.turns:
        allowed = f"{level.share.name} may hold {counted(level.share.most[kind], kind)}"
        wants = f"this job wants {amount(needs, kind)}{' more' if more else ''}"
        said = f"{allowed}: {_holding(level, claim.namespace, kind)}; {wants}{_line(level, claim.namespace)}"
        level.turns[alike] = QuotaTurn(False, said)
    return level.turns[alike]


def _holding(level: _Level, namespace: str, kind: int) -> str:
    """Who holds how much: once for all jobs of a namespace that wait for the same."""
    key = namespace, kind
    if key not in level.said:
        held = level.held[kind]
        said = f"{amount(held, kind)} {'is' if held == 1 else 'are'} held by"
        level.said[key] = f"{said} {_holders(level, namespace, kind)}" if held else "none is held"
    return level.said[key]


def _holders(level: _Level, namespace: str, kind: int) -> str:
    own = sorted(
        (claim for claim in level.own.get(namespace, {}).values() if claim.held[kind]),
        key=lambda claim: (-claim.held[kind], claim.name),
    )
    named, others = [claim.name for claim in own[:NAMED]], level.holders[kind] - len(own)
    more = len(own) - len(named)
    if more:
        named.append(f"{more} more")
    if others:
        named.append(f"{others} of other namespaces" if own else f"{_jobs(others)} of other namespaces")
    return _and(named)


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _line(level: _Level, namespace: str) -> str:
    """How many come before it there: roughly, or the sentence would change for everybody with each one that leaves."""
    if not level.before or level.first is None:
        return ""
    first = f", {level.first.name} first" if level.first.namespace == namespace and level.before < 4 else ""
    if level.before == 1:
        return f"; 1 job is before it in line{first}"
    many = str(level.before) if level.before < 4 else f"up to {_roughly(level.before)}"
    return f"; {many} jobs are before it in line{first}"


def _roughly(count: int) -> int:
    """0, 1, 2, 3, 4, 8, 16, ..."""
    return count if count < 4 else 1 << (count - 1).bit_length()


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"
