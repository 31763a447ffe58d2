"""When fewer replicas of an elastic role are wanted than before: what is missing didn't come in time, or can't.

A gang goes on with what today's nodes could hold, or with what was granted; where one replica can be lost alone, the others
never waited for it, and the last ones of the role are given up. Never below elastic.min, and nothing is charged: nothing failed.
Never here: the way back (growing.py), or what becomes of those that aren't wanted any more (note.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as with_fields
from itertools import takewhile

from trainmaster.api import reasons
from trainmaster.api.job import RestartScope, Role
from trainmaster.plan.case import Case, Change, normal
from trainmaster.plan.cluster import Size
from trainmaster.plan.memory import Key, Memory, ReplicaMemory, changed, replace
from trainmaster.plan.wanted import Wanted, elastic_roles, patience

Numbers = dict[str, int]
"""replicas by role"""


@dataclass(frozen=True, slots=True)
class Less:
    """What is wanted from now on, and why."""

    numbers: Numbers
    said: str
    late: bool = True
    """whether they didn't come in time; else today's nodes can't hold them"""


def shrink(case: Case, memory: Memory) -> Change:
    """The memory with fewer replicas wanted, where that is due; and since when it will be."""
    noted = _noted(case, memory)
    less = _by_nodes(case, noted) or _by_grants(case, noted) or _by_waiting(case, noted)
    return Change(noted) if less is None else _taken_in(case, noted, less)


def shrink_times(case: Case, memory: Memory) -> Iterator[float]:
    """When that may become due."""
    if memory.short_since:
        yield memory.short_since + _declared_patience(case)
    if memory.gathering:
        yield _asked_since(memory) + _patience(case, memory)
        return
    for name in elastic_roles(case.job):
        longest = patience(case.job, name, memory.wanted)
        yield from (_waits_since(memory, r) + longest for r in _last_waiting(case, memory, name))


def numbers_of(case: Case) -> Numbers:
    """What is wanted now, by elastic role."""
    return {name: role.replicas for name, role in elastic_roles(case.job).items()}


def _declared_patience(case: Case) -> float:
    """Of several elastic roles that are gathered together the most patient one counts."""
    return max(role.elastic.patience for role in elastic_roles(case.job).values() if role.elastic)


def _patience(case: Case, memory: Memory) -> float:
    """The same with what was learnt of how long grants take here."""
    return max(patience(case.job, name, memory.wanted) for name in elastic_roles(case.job))


def _least(case: Case, memory: Memory) -> Mapping[str, int]:
    """Where some of a role have done their part, all others are waited for: without them it would be taken for done."""
    done = done_of(memory)
    roles = elastic_roles(case.job).items()
    return {name: role.replicas if name in done else role.elastic.min for name, role in roles if role.elastic}


def done_of(memory: Memory) -> Numbers:
    """By role: replicas that have done their part, and need no container."""
    return Counter(r.key.role for r in memory.replicas if r.done)


def _noted(case: Case, memory: Memory) -> Memory:
    """Since when something is missing. Only what is seen without a gap counts: a ResourceManager that has just come back knows of
    no nodes for a moment, and while nobody asks it grants nothing."""
    short = _gang_is_short(case, memory) if memory.gathering else _somebody_waits(case, memory)
    since = (memory.short_since or case.now) if short else 0.0
    return memory if since == memory.short_since else replace(memory, short_since=since)


def _gang_is_short(case: Case, memory: Memory) -> bool:
    asked = _could_begin(case, memory) and _missing(case, memory)
    return bool(asked or _lacks(case, done_of(memory), numbers_of(case)))


def _could_begin(case: Case, memory: Memory) -> bool:
    """Whether only containers are waited for. Beside processes that take their leave nothing begins, and they hold the room."""
    return bool(memory.gang_since) and not case.gang_lingers(memory)


def _somebody_waits(case: Case, memory: Memory) -> bool:
    return any(_last_waiting(case, memory, name) for name in elastic_roles(case.job))


# --- a gang that can't be had


def _by_nodes(case: Case, memory: Memory) -> Less | None:
    """Today's nodes couldn't hold the gang if they were empty: it goes on with as many as they could."""
    if not memory.short_since or case.now - memory.short_since < _declared_patience(case):
        return None
    numbers, least, done = numbers_of(case), _least(case, memory), done_of(memory)
    said = _lacks(case, done, numbers)
    # Where not even the least can be had, all is waited for: nodes may come.
    if not said or _lacks(case, done, least):
        return None
    while _lacks(case, done, numbers):
        _, name = max((numbers[name] - least[name], name) for name in numbers)
        numbers[name] -= 1
    return Less(numbers, said, late=False)


def _lacks(case: Case, done: Numbers, numbers: Mapping[str, int]) -> str:
    """What today's nodes lack for a gang of so many; empty where they'd do, or nothing is known of them."""
    cluster = case.seen.cluster
    if cluster is None or not cluster.nodes:
        return ""
    return cluster.too_few_for(total_size(case, done, numbers))


def total_size(case: Case, done: Numbers, numbers: Mapping[str, int]) -> Size:
    """All containers that the job needs with so many replicas of its elastic roles."""
    declared = case.job.spec.roles
    needed = {name: numbers.get(name, role.replicas) - done.get(name, 0) for name, role in declared.items()}
    return sum((case.size(Key(name, 0)).times(number) for name, number in needed.items()), Size())


# --- a gang that doesn't come


def _asked_since(memory: Memory) -> float:
    """Since when all of it is asked for. After it has shrunk, what was given back is to have its time to be granted anew."""
    return max((memory.gang_since, memory.short_since, *(one.at for one in memory.wanted.values())))


def _by_grants(case: Case, memory: Memory) -> Less | None:
    """It was asked for, and only a part was granted: it goes on with that."""
    if not (memory.gathering and _could_begin(case, memory)):
        return None
    if case.now - _asked_since(memory) < _patience(case, memory):
        return None
    missing = _missing(case, memory)
    return _without(case, memory, len(missing)) if missing else None


def _missing(case: Case, memory: Memory) -> list[ReplicaMemory]:
    return [r for r in memory.replicas if not (r.done or r.bound or case.granted(r))]


def _without(case: Case, memory: Memory, count: int) -> Less | None:
    """So many fewer in all; None where that would be too few."""
    numbers, least = numbers_of(case), _least(case, memory)
    total = len(memory.replicas)
    for _ in range(count):
        surplus, name = max((numbers[name] - least[name], name) for name in numbers)
        if surplus <= 0:
            return None
        numbers[name] -= 1
    return Less(
        numbers, f"{total - count} of {total} containers were granted in {_patience(case, memory):g} s"
    )


# --- single replicas


def _by_waiting(case: Case, memory: Memory) -> Less | None:
    """The last of a role whose replicas are replaced one by one have waited in vain: they are given up."""
    if memory.gathering:
        return None
    for name, role in elastic_roles(case.job).items():
        longest = patience(case.job, name, memory.wanted)
        due = case.now - longest
        waiting = _last_waiting(case, memory, name)
        given_up = list(takewhile(lambda r: _waits_since(memory, r) <= due, waiting))  # noqa: B023 - used at once
        left = max(role.replicas - len(given_up), _least(case, memory)[name])
        if left < role.replicas:
            lost = given_up[role.replicas - left - 1].key
            said = f"{lost} got no container in {longest:g} s"
            return Less({**numbers_of(case), name: left}, said)
    return None


def _last_waiting(case: Case, memory: Memory, name: str) -> list[ReplicaMemory]:
    """Of the role's replicas that wait for a container those behind which none has one, the last one first."""
    if case.scope(Key(name, 0)) is RestartScope.JOB:
        return []
    mine = [r for r in memory.replicas if r.key.role == name]
    return list(takewhile(lambda r: _waits(case, r), reversed(mine)))


def _waits(case: Case, replica: ReplicaMemory) -> bool:
    """Beside a process of its own that may still run none is asked for."""
    return not (replica.bound or replica.done or case.granted(replica) or case.lingers(replica))


def _waits_since(memory: Memory, replica: ReplicaMemory) -> float:
    """Nobody is given up for a backoff that is over only now, nor right after another change."""
    one = memory.wanted.get(replica.key.role, Wanted())
    return max(replica.waits_since, replica.not_before, one.at, memory.active_since, memory.short_since)


# --- taking it in


def _taken_in(case: Case, memory: Memory, less: Less) -> Change:
    roles = elastic_roles(case.job)
    fewer = {name: n for name, n in less.numbers.items() if n < roles[name].replicas}
    declared = case.written.spec.roles
    wanted = {
        **memory.wanted,
        **{
            name: _fewer(case, memory, name, Wanted(n, case.now, less.said), less.late)
            for name, n in fewer.items()
        },
    }
    counts = " and ".join(_counted(name, n, declared[name]) for name, n in sorted(fewer.items()))
    event = normal(reasons.SHRUNK, f"Going on with {counts}: {less.said}")
    return Change(changed(replace(memory, short_since=0.0), wanted=wanted), (event,))


def _fewer(case: Case, memory: Memory, name: str, after: Wanted, late: bool) -> Wanted:
    """With what it says of the growing before, where that was just now: what grew may have been gathered for that long. What was
    late then is waited for twice as long the next time: grants may just take that long here."""
    before, role = memory.wanted.get(name, Wanted()), case.job.spec.roles[name]
    assert role.elastic
    waited = patience(case.job, name, memory.wanted)
    soon = case.now - before.at <= role.elastic.grow_after + waited + role.grace
    learnt = 2 * waited if soon and before.grew and late else before.patience
    return with_fields(after, vain=before.vain + before.grew if soon else 0, patience=learnt)


def _counted(name: str, number: int, declared: Role) -> str:
    return f"{number} of {declared.replicas} {name}"
