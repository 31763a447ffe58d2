"""Earlier processes that nobody waits for any more: their nodes have said that they're over, or their time has passed.

Lives here: forgetting them, counting their time, and remembering where they were. How they come to be remembered is restart.py's.
"""

from __future__ import annotations

from collections.abc import Iterable

from trainmaster.plan.case import Case, Change
from trainmaster.plan.ends import Survivor
from trainmaster.plan.memory import UNCOUNTED, Memory, ReplicaMemory, changed, replace
from trainmaster.plan.values import IDLE

MOST = 100
"""hosts remembered at most, newest last"""


def forget_survivors(case: Case, memory: Memory) -> Change:
    """Let go of those whose time has passed; a node that comes back later may still bring them."""
    if not memory.retired_survivors and not any(r.survivors for r in memory.replicas):
        return Change(memory)
    return _forgotten(case, _counted(case, memory))


def _counted(case: Case, memory: Memory) -> Memory:
    """Only a silent node is given up, and only by a ResourceManager: one that is back waits for each of them anew."""
    retired = tuple((key, _timed(case, one)) for key, one in memory.retired_survivors)
    rows = tuple(_row_timed(case, r) if r.survivors else r for r in memory.replicas)
    return changed(
        memory, retired_survivors=retired, replicas=memory.replicas if rows == memory.replicas else rows
    )


def _row_timed(case: Case, replica: ReplicaMemory) -> ReplicaMemory:
    timed = tuple(_timed(case, one) for one in replica.survivors)
    return replica if timed == replica.survivors else replace(replica, survivors=timed)


def _timed(case: Case, survivor: Survivor) -> Survivor:
    counts = survivor.until != UNCOUNTED
    if counts is not (case.yarn_away or _lives(case, survivor)):
        return survivor
    return replace(survivor, until=UNCOUNTED if counts else case.now + case.limits.node_expiry)


def _lives(case: Case, survivor: Survivor) -> bool:
    """Whether YARN or its node says so."""
    container = case.seen.containers.get(survivor.container)
    return container is not None and container.state not in IDLE


def _forgotten(case: Case, memory: Memory) -> Change:
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
