"""How a replica or a whole job is prepared to run again: runs rise, containers are let go, waits are set.

Only memory is changed here. What the old containers are told, and what is asked anew, follows from it (actions.py, asks.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trainmaster.api.job import Backoff
from trainmaster.plan.memory import Key, Memory, ReplicaMemory

INFRA_WINDOW = 600.0
"""seconds in which infrastructure ends of one replica are counted together"""
INFRA_FREE = 5
"""from the next one within the window they're charged: something is wrong that replacing doesn't mend"""
INFRA_BACKOFF = 5.0
"""seconds before the second infrastructure replacement in the window; doubles"""


def delay(backoff: Backoff, attempt: int) -> float:
    """Seconds before the attempt-th charged restart (from 1): base, doubled each time, up to max."""
    if backoff.base <= 0:
        return 0.0
    return float(min(backoff.max, backoff.base * 2 ** min(attempt - 1, 60)))


def infra_delay(ends_in_window: int) -> float:
    """The first infrastructure end in ten minutes is replaced at once; from the second it backs off."""
    return 0.0 if ends_in_window <= 1 else float(min(300.0, INFRA_BACKOFF * 2 ** min(ends_in_window - 2, 20)))


def unbound(replica: ReplicaMemory, now: float) -> ReplicaMemory:
    """The replica without its container, wanting a new one: whatever still lives of the old run is now a stray."""
    return replace(
        replica,
        run=replica.run + 1,
        container="",
        node="",
        http="",
        bound_at=0.0,
        unseen_since=0.0,
        waits_since=now,
        previous=replica.container or replica.previous,
        previous_http=replica.http or replica.previous_http,
    )


def all_unbound(memory: Memory, now: float) -> Memory:
    """Every replica without a container: for suspension, a lost application, or the end. What is done stays done."""
    return replace(
        memory, replicas=tuple(unbound(r, now) for r in memory.replicas), gang_since=0.0, started_at=0.0
    )


def whole_job(memory: Memory, now: float, cause: str, wait: float = 0.0) -> Memory:
    """A job-wide restart: all processes go, done ones run again too, and a new generation is gathered."""
    replicas = tuple(replace(unbound(r, now), done=False, not_before=0.0) for r in memory.replicas)
    return replace(
        memory,
        replicas=replicas,
        gang_since=0.0,
        started_at=0.0,
        generation=memory.generation + 1,
        restarts=memory.restarts + 1,
        restart_cause=cause,
        gang_not_before=now + wait,
    )


def fresh_gang(memory: Memory, now: float, again: Callable[[Key], bool]) -> Memory:
    """After all was given back (resume, new application): a new generation, uncharged.

    Replicas that were done run again only where `again` says that they can't be missed.
    """
    let_go = all_unbound(memory, now)
    # What the old application ran is over with it: nothing of it can linger.
    replicas = tuple(
        replace(r, done=r.done and not again(r.key), not_before=0.0, previous="", previous_http="")
        for r in let_go.replicas
    )
    rises = 1 if memory.started_generation == memory.generation else 0
    return replace(let_go, replicas=replicas, generation=memory.generation + rises, active_since=0.0)
