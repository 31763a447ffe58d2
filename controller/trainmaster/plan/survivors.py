"""Earlier processes that nobody waits for any more: their nodes have said that they're over, or their time has passed.

Lives here: forgetting them, and remembering where they were. How they come to be remembered is restart.py's.
"""

from __future__ import annotations

from collections.abc import Iterable

from trainmaster.plan.case import Case, Change
from trainmaster.plan.memory import Memory, ReplicaMemory, Survivor, changed, replace

MOST = 100
"""hosts remembered at most, newest last"""


def forget_survivors(case: Case, memory: Memory) -> Change:
    """Let go of those whose time has passed; a node that comes back later may still bring them."""
    if not memory.retired_survivors and not any(r.survivors for r in memory.replicas):
        return Change(memory)
    over = {e.container for e in case.seen.ends if e.certain}
    living = [(key, one) for key, one in memory.retired_survivors if one.container not in over]
    known = [one for r in memory.replicas for one in r.survivors] + [one for _, one in living]
    late = [one for one in known if case.now >= one.until]
    retired = tuple((key, one) for key, one in living if case.now < one.until)
    rows = tuple(_without_late(case, r) for r in memory.replicas) if late else memory.replicas
    after = changed(memory, retired_survivors=retired, given_up=remembered(memory.given_up, map(_host, late)))
    return Change(after if rows is memory.replicas else replace(after, replicas=rows))


def remembered(known: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    """The hosts on which something was given up, with these."""
    return tuple(dict.fromkeys((*known, *more)))[-MOST:]


def _host(survivor: Survivor) -> str:
    return survivor.node.rpartition(":")[0]


def _without_late(case: Case, replica: ReplicaMemory) -> ReplicaMemory:
    left = tuple(one for one in replica.survivors if case.now < one.until)
    return replica if len(left) == len(replica.survivors) else replace(replica, survivors=left)
