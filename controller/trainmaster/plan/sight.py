"""Bound replicas whose container can't be started any more, or isn't seen. Not seen is not gone, until the node would be."""

from __future__ import annotations

from dataclasses import replace

from trainmaster.plan.case import Case, Change, with_replica
from trainmaster.plan.judge import judge_failures
from trainmaster.plan.memory import Memory, ReplicaMemory
from trainmaster.plan.restart import unbound
from trainmaster.plan.values import ContainerState, End


def look_for(case: Case, memory: Memory) -> Change:
    """Let go of what never started; judge as lost what was not seen for as long as YARN waits for a node."""
    if not case.registered or memory.closing_since:
        return Change(memory)
    change = Change(memory)
    for replica in memory.replicas:
        if replica.bound:
            change = _look_for_one(case, change, replica)
    return change


def _look_for_one(case: Case, change: Change, replica: ReplicaMemory) -> Change:
    state = case.state_of(replica)
    if state is ContainerState.UNSTARTABLE:
        never_ran = replace(
            unbound(replica, case.now), previous=replica.previous, previous_http=replica.previous_http
        )
        return change.then(with_replica(change.memory, never_ran))
    if state is not None:
        seen = replace(replica, unseen_since=0.0)
        return change.then(with_replica(change.memory, seen)) if replica.unseen_since else change
    if not replica.unseen_since:
        return change.then(with_replica(change.memory, replace(replica, unseen_since=case.now)))
    if case.now - replica.unseen_since < case.limits.node_expiry:
        return change
    words = f"its node was not seen for {case.limits.node_expiry:.0f} s"
    lost = replace(case, seen=replace(case.seen, ends=(End(replica.container, -100, words, case.now),)))
    judged = judge_failures(lost, change.memory)
    return change.then(judged.memory, *judged.events)
