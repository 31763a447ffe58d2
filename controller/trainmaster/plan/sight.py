"""Bound replicas whose container can't be started any more, or isn't seen. Not seen is not gone, until the node would be."""

from __future__ import annotations

from trainmaster.plan.case import Case, Change, Draft
from trainmaster.plan.judge import judge
from trainmaster.plan.memory import Memory, ReplicaMemory, changed, replace
from trainmaster.plan.restart import unbound
from trainmaster.plan.survivors import remembered
from trainmaster.plan.values import ContainerState, End


def look_for(case: Case, memory: Memory) -> Change:
    """Let go of what never started; judge as lost what was not seen for as long as YARN waits for a node."""
    if memory.closing_since:
        return Change(memory)
    if not case.registered:
        return Change(_unwatched(case, memory))
    draft = Draft(memory)
    pending = {e.container for e in memory.pending_ends}
    for at, replica in enumerate(memory.replicas):
        if replica.bound and replica.container not in pending:
            draft.rows[at] = _looked_for(case, replica)
    looked = draft.memory()
    # All of them in one judgement: one that restarts the whole job leaves nothing of the others' rows as it was.
    gone = [r for r in looked.replicas if r.container not in pending and _given_up(case, r)]
    hosts = remembered(looked.given_up, (r.host for r in gone))
    return judge(case, changed(looked, given_up=hosts), [_lost(case, r) for r in gone])


def _unwatched(case: Case, memory: Memory) -> Memory:
    """While YARN can't be asked nobody looks: that time doesn't count as unseen."""
    if not case.yarn_away or not any(r.unseen_since for r in memory.replicas):
        return memory
    return replace(memory, replicas=tuple(replace(r, unseen_since=0.0) for r in memory.replicas))


def _looked_for(case: Case, replica: ReplicaMemory) -> ReplicaMemory:
    state = case.state_of(replica)
    if state is ContainerState.UNSTARTABLE:
        never_ran = unbound(replica, case.now)
        return replace(never_ran, previous=replica.previous, previous_http=replica.previous_http)
    if state is not None:
        return replace(replica, unseen_since=0.0) if replica.unseen_since else replica
    return replica if replica.unseen_since else replace(replica, unseen_since=case.now)


def _given_up(case: Case, replica: ReplicaMemory) -> bool:
    since = replica.unseen_since
    return replica.bound and bool(since) and case.now - since >= case.limits.node_expiry


def _lost(case: Case, replica: ReplicaMemory) -> End:
    words = f"its node was not seen for {case.limits.node_expiry:.0f} s"
    return End(replica.container, -100, words, case.now)
