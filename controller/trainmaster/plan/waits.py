"""When to look again though nothing happens: the nearest time at which a decision could differ."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from trainmaster.plan.actions import FINISH_ANYWAY
from trainmaster.plan.anew import awaited, patience_ends
from trainmaster.plan.case import Case, doubted_from
from trainmaster.plan.elastic import resize_times
from trainmaster.plan.gentle import last_grace, leaving
from trainmaster.plan.hangs import wakes
from trainmaster.plan.locality import PATIENCE, wants_input
from trainmaster.plan.memory import UNCOUNTED, Memory
from trainmaster.plan.pending import waits_until
from trainmaster.plan.restart import joining

LOOK_AGAIN = 0.05
"""seconds until a job looks at the queue that it now wants: any other pass will do"""


def wake_of(case: Case, memory: Memory) -> float | None:
    """The nearest of all times that something waits for; None when only news can change anything."""
    return min((at for at in _times(case, memory) if at > case.now), default=None)


def _times(case: Case, memory: Memory) -> Iterator[float]:
    yield memory.open_not_before
    policy = case.job.spec.run_policy
    if memory.application and memory.closing_since and not memory.closed_at:
        yield max(memory.closing_since, last_grace(memory)) + FINISH_ANYWAY
    if memory.closed_at and policy.ttl_after_finished is not None:
        yield memory.closed_at + policy.ttl_after_finished
    for survivor in leaving(memory):
        yield survivor.grace_until
        if survivor.until != UNCOUNTED:
            yield survivor.until
    if memory.closing_since:
        return
    if case.looked_elsewhere and memory.application is None:
        yield case.now + LOOK_AGAIN
    if policy.active_deadline is not None and memory.active_since:
        yield memory.active_since + policy.active_deadline
    if policy.pending_deadline is not None and not memory.started_generation:
        yield memory.queued_at + policy.pending_deadline
    if memory.pending_ends:
        yield waits_until(case, memory.pending_ends)
    yield from wakes(case, memory)
    yield from resize_times(case, memory)
    yield from (one.until for one in memory.avoided)
    yield from _gang_times(case, memory)
    yield from _replica_times(case, memory)


def _gang_times(case: Case, memory: Memory) -> Iterator[float]:
    yield memory.gang_not_before
    if memory.gathering:
        yield from (doubted_from(one, case.limits) for _, one in memory.retired_survivors)
    if memory.gang_since:
        if wants_input(case.job):
            yield memory.gang_since + PATIENCE
        yield memory.gang_since + case.limits.host_ask_seconds
        yield memory.gang_since + case.job.spec.gang.timeout


def _replica_times(case: Case, memory: Memory) -> Iterator[float]:
    for replica in (*memory.replicas, *joining(memory)):
        yield replica.not_before
        if awaited(case, memory, replica) and (at := patience_ends(case, memory, replica)) < inf:
            yield at
        if replica.unseen_since:
            yield replica.unseen_since + case.limits.node_expiry
        for survivor in replica.survivors:
            yield doubted_from(survivor, case.limits)
        if not replica.bound and not replica.done:
            yield max(replica.waits_since, replica.not_before) + case.limits.host_ask_seconds
            if case.role(replica.key).locality:
                yield max(replica.waits_since, replica.not_before) + PATIENCE
