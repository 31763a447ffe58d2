"""How many replicas of elastic roles are wanted: all that a pass decides goes by these numbers, and they are decided on after it.

Lives here: when that is looked at, and what an edit means for it. Never here: shrinking (shrinking.py) or growing (growing.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace as with_fields

from trainmaster.api.job import Role
from trainmaster.plan.case import Case, Change
from trainmaster.plan.growing import grow, grow_times
from trainmaster.plan.in_force import document_of
from trainmaster.plan.memory import Memory, changed, replace
from trainmaster.plan.shrinking import shrink, shrink_times
from trainmaster.plan.wanted import Wanted, as_wanted, elastic_roles


def fitted(case: Case, memory: Memory) -> Case:
    """The case with the numbers of replicas that are wanted now."""
    written = case.written
    job = as_wanted(written, memory.wanted)
    return case if job is case.job else with_fields(case, job=job, as_written=written)


def resize(case: Case, memory: Memory) -> Change:
    """The memory with the numbers that are wanted from now on; `memory` has today's ends in it already."""
    watched = elastic_roles(case.written) and case.registered and not case.unread
    if not watched or memory.closing_since or memory.verdict or case.declared.deleted:
        return Change(unwatched(memory))
    change = shrink(case, memory)
    return grow(case, change.memory) if change.memory.wanted is memory.wanted else change


def resize_times(case: Case, memory: Memory) -> Iterator[float]:
    """When to look again."""
    if elastic_roles(case.job) and case.registered and memory.replicas:
        yield from shrink_times(case, memory)
        yield from grow_times(case, memory)


def unwatched(memory: Memory) -> Memory:
    """The same where nobody looks any more, or yet: waits begin anew."""
    if memory.short_since or memory.room_since:
        return replace(memory, short_since=0.0, room_since=0.0)
    return memory


def after_edits(case: Case, memory: Memory) -> Memory:
    """What an edit leaves of the numbers; and where it wants more of a role that runs, these come as growing brings them."""
    roles = elastic_roles(case.written)
    if not (roles or memory.wanted) or case.declared.deleted or memory.verdict or case.unread:
        return memory
    found = {name: _within(one, roles[name]) for name, one in memory.wanted.items() if name in roles}
    edited = memory.started_generation and document_of(case.written) != memory.document
    if edited and _may_be_joined(memory):
        have = Counter(r.key.role for r in memory.replicas)
        more = {
            name: have[name] for name, role in roles.items() if _least(role) <= have[name] < role.replicas
        }
        said = "replicas was raised, and more join once there is room for them"
        found |= {name: Wanted(n, 0.0, said) for name, n in more.items() if not _limits(found.get(name))}
    return changed(memory, wanted=found)


def _may_be_joined(memory: Memory) -> bool:
    """Whether what is there is to go on meanwhile. Beside those who have done their part nobody joins later."""
    return not (memory.gathering or memory.closing_since or any(r.done for r in memory.replicas))


def _within(one: Wanted, role: Role) -> Wanted:
    """The same between today's bounds."""
    number = max(one.number, _least(role)) if one.number else 0
    if number >= role.replicas:
        return Wanted(0, one.at, patience=one.patience)
    asking, since = (one.asking, one.asking_since) if number < one.asking <= role.replicas else (0, 0.0)
    return with_fields(one, number=number, asking=asking, asking_since=since)


def _least(role: Role) -> int:
    return role.elastic.min if role.elastic else role.replicas


def _limits(one: Wanted | None) -> bool:
    return one is not None and one.number > 0
