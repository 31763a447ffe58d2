"""Earlier processes that nobody waits for any more: their nodes have said that they're over, or their time has passed.

Lives here: forgetting them, counting their time, and remembering where they were. How they come to be remembered is restart.py's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Set

from trainmaster.plan.case import Case, Change
from trainmaster.plan.classify import GIVEN_AWAY
from trainmaster.plan.ends import End, Survivor
from trainmaster.plan.memory import UNCOUNTED, Memory, ReplicaMemory, changed, replace
from trainmaster.plan.values import IDLE

MOST = 100
"""hosts remembered at most by their names"""
ANYWHERE = "*"
"""stands for all hosts once they are more"""


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
    ends = {e.container: e for e in case.seen.ends if e.certain}
    living = [(key, one) for key, one in memory.retired_survivors if one.container not in ends]
    known = [one for r in memory.replicas for one in r.survivors] + [one for _, one in living]
    late = [one for one in known if case.now >= one.until]
    retired = tuple((key, one) for key, one in living if case.now < one.until)
    rows = tuple(_without_late(case, r) for r in memory.replicas) if late else memory.replicas
    ended = ((one, ends.get(one.container)) for _, one in memory.retired_survivors)
    unsaid = (one for one, end in ended if end and on_its_word_alone(end))
    hosts = remembered(memory.given_up, map(_host, (*late, *unsaid)))
    after = changed(memory, retired_survivors=retired, given_up=hosts)
    return Change(after if rows is memory.replicas else replace(after, replicas=rows))


def remembered(known: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    """The hosts on which something was given up, with these."""
    hosts = tuple(dict.fromkeys((*known, *more)))
    return hosts if len(hosts) <= MOST and ANYWHERE not in hosts else (ANYWHERE,)


def may_bring_back(given_up: Collection[str], hosts: Set[str]) -> bool:
    """Whether something that was given up may be on one of these hosts."""
    return ANYWHERE in given_up or not hosts.isdisjoint(given_up)


def on_its_word_alone(end: End) -> bool:
    """Whether it counts as over because the ResourceManager waits no longer for its node, which has not said so.

    The node may come back and bring it to another ResourceManager, which knows nothing of that.
    """
    return end.certain and end.code in GIVEN_AWAY


def hosts_of(replica: ReplicaMemory, container: str) -> Iterator[str]:
    """Where this container of the replica ran."""
    if container == replica.container:
        yield replica.host
    yield from (_host(one) for one in replica.survivors if one.container == container)


def _host(survivor: Survivor) -> str:
    return survivor.node.rpartition(":")[0]


def _without_late(case: Case, replica: ReplicaMemory) -> ReplicaMemory:
    left = tuple(one for one in replica.survivors if case.now < one.until)
    return replica if len(left) == len(replica.survivors) else replace(replica, survivors=left)
