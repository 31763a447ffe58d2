"""What a run of a job holds, added up: at each change, what was held until then times its seconds. Shown, never decided on.

Held is what YARN counts for the application: every container from its grant to its end, started or not, strays as well. It stands
in memory, and no decision has it written; it rides along with what else changes, and the shell writes it now and then
(master/record.py). Since what is held now is written down with it, time without a controller is counted too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace as with_fields
from itertools import chain
from math import inf

from trainmaster.plan.amounts import Account, Use
from trainmaster.plan.case import Case
from trainmaster.plan.close import OVER
from trainmaster.plan.history import own_applications
from trainmaster.plan.memory import Key, Memory, ReplicaMemory, replace
from trainmaster.plan.order import present, present_roles
from trainmaster.plan.values import Container, Size

UNTOLD = Size()
"""of a container that is known by what is remembered alone (master/living.py)"""
Sizes = Mapping[str, tuple[int, int, int]]


def with_account(case: Case, before: Memory, after: Memory) -> Memory:
    """The memory after a decision, with what was held until now."""
    account = _entered(case, before, after)
    return after if account is after.account else replace(after, account=account)


def _entered(case: Case, before: Memory, after: Memory) -> Account:
    account = _with_restarts(after.account, before, after)
    if not account.at and own_applications(before):
        return account  # an older controller began it: half an account would be a wrong one
    now_held = () if nothing_lives(case, after) else held(case, after)
    sizes = _sizes(account.sizes, now_held)
    now = _use(case, after, now_held, sizes)
    if account.at and (now, sizes) == (account.now, account.sizes):
        return account
    seconds = max(0.0, case.now - account.at) if account.at else 0.0
    total = account.total.after(account.now, seconds)
    return with_fields(account, total=total, now=now, at=case.now, sizes=sizes)


def nothing_lives(case: Case, memory: Memory) -> bool:
    """Whether YARN holds nothing for the job, whatever was seen."""
    return memory.application is None or memory.closed_at > 0 or case.seen.application in OVER


def held(case: Case, memory: Memory) -> tuple[Container | Key, ...]:
    """What is seen, and what isn't seen and nobody called ended: it was there when YARN was last heard."""
    seen = case.seen.containers
    ended = {end.container for end in memory.pending_ends}
    bound = ((r.container, r.key) for r in memory.replicas if r.bound)
    known = chain(bound, _taking_leave(case, memory))
    unseen = (key for id_, key in known if id_ not in seen and id_ not in ended)
    return (*(c for c in seen.values() if c.id not in ended), *unseen)


def _taking_leave(case: Case, memory: Memory) -> Iterator[tuple[str, Key]]:
    """Containers of processes of this application that have time to end in: YARN hasn't given those away."""
    begun = memory.application.submitted_at if memory.application else inf
    return (
        (one.container, key)
        for key, one in memory.leaving
        if begun < one.since and case.now < one.grace_until
    )


def _sizes(known: Sizes, held: Iterable[Container | Key]) -> Sizes:
    found = {
        c.key.role: (c.size.memory, c.size.vcores, c.size.gpus)
        for c in held
        if isinstance(c, Container) and c.key is not None and c.size != UNTOLD
    }
    return known if found.items() <= known.items() else {**known, **found}


def _use(case: Case, memory: Memory, held: Iterable[Container | Key], sizes: Sizes) -> Use:
    kinds: dict[Size, int] = {}
    for each in held:
        size = size_of(case, each, sizes)
        kinds[size] = kinds.get(size, 0) + 1
    whole = sum((size.times(number) for size, number in kinds.items()), Size())
    measured, used, idle = _measured(case, held) if case.seen.gpus else (0, 0.0, 0)
    return Use(whole.memory, whole.vcores, whole.gpus, _asked(case, memory), measured, round(used, 2), idle)


def size_of(case: Case, one: Container | Key, sizes: Sizes) -> Size:
    """Of what is seen as YARN tells, unless only its node has told of it; of the rest as YARN granted its role last."""
    if isinstance(one, Container):
        if one.key is None or one.size != UNTOLD:
            return one.size
        one = one.key
    if one.role in sizes:
        return Size(*sizes[one.role])
    return case.size(one) if one.role in case.job.spec.roles else Size()


def _measured(case: Case, held: Iterable[Container | Key]) -> tuple[int, float, int]:
    """GPUs whose use is known, how much of them is in use, and how many are idle."""
    known = (case.seen.gpus.get(c.id) for c in held if isinstance(c, Container))
    told = [(len(each.minors), each.percent) for each in known if each and each.percent is not None]
    measured = sum(number for number, _ in told)
    used = sum(number * percent / 100 for number, percent in told)
    return measured, used, sum(number for number, percent in told if percent == 0)


def _asked(case: Case, memory: Memory) -> float:
    """GPUs that the run wants now. Of a declaration that can't be read it isn't known anew."""
    if memory.verdict or memory.closing_since:
        return 0.0
    if case.unread:
        return memory.account.now.asked
    roles = case.job.spec.roles
    each = {name: role.resources.gpus for name, role in roles.items()}
    if not any(each.values()):
        return 0.0
    if not memory.replicas:
        return float(sum(each[name] * roles[name].replicas for name in present_roles(case, memory)))
    return float(sum(each.get(r.key.role, 0) for r in present(case, memory) if not r.done))


def _with_restarts(account: Account, before: Memory, after: Memory) -> Account:
    causes = [
        str(now.last_exit.cause) for was, now in _pairs(before, after) if now.last_exit and _more(was, now)
    ]
    if not causes:
        return account
    return with_fields(account, restarts=dict(Counter(account.restarts) + Counter(causes)))


def _pairs(before: Memory, after: Memory) -> Iterable[tuple[ReplicaMemory, ReplicaMemory]]:
    if before.replicas is after.replicas:
        return ()
    known = {replica.key: replica for replica in before.replicas}
    return ((known[r.key], r) for r in after.replicas if r.key in known and known[r.key] is not r)


def _more(was: ReplicaMemory, now: ReplicaMemory) -> bool:
    return now.restarts + now.replacements > was.restarts + was.replacements
