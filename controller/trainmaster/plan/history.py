"""Which runs of a job are over and not known to be in the history, and what is told of them there. Pure.

A run is filed once it stands in memory that it is over, and isn't forgotten before its file is there: a controller that takes
over files it again, under the same name. So nothing is written to remember that it was filed; that rides along with other news.
Never here: where files lie, or when a write is tried again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set
from datetime import UTC, datetime

from trainmaster.api.declared import Declared
from trainmaster.api.history import DELETED, EndedRun, Held, KeptCondition, KeptEnd
from trainmaster.plan.amounts import Account
from trainmaster.plan.ends import GOOD_ENDS, LastExit
from trainmaster.plan.goodput import costs, kept
from trainmaster.plan.in_force import last_good
from trainmaster.plan.links import log_url
from trainmaster.plan.memory import Memory, ReplicaMemory, replace
from trainmaster.plan.values import Limits

MOST_ENDS, MOST_APPLICATIONS, MOST_ROLES, MOST_WORDS, LONGEST = 20, 10, 50, 20, 200
"""ends, applications, roles, conditions and causes in one record, and letters of a sentence"""
MOST_UNFILED = 10
"""earlier runs of one job that wait for the history; of more the oldest are left out"""


def due(declared: Declared, memory: Memory, limits: Limits) -> tuple[EndedRun, ...]:
    """Runs that are over, and not known to be in the history; the newest last."""
    if not limits.history:
        return ()
    return (*memory.unfiled, *((ended_run(memory, limits),) if _is_due(declared, memory) else ()))


def set_aside(memory: Memory, limits: Limits) -> Memory:
    """The memory before it forgets its run: what is still to be filed of it is kept."""
    if not limits.history or _is_filed(memory):
        return memory
    return replace(memory, unfiled=(*memory.unfiled, ended_run(memory, limits))[-MOST_UNFILED:])


def note_filed(memory: Memory, runs: Set[int]) -> Memory:
    """The history has these runs."""
    if not runs or (memory.rerun not in runs and not memory.unfiled):
        return memory
    left = tuple(run for run in memory.unfiled if run.run not in runs)
    filed = memory.rerun if memory.rerun in runs else memory.filed
    if filed == memory.filed and len(left) == len(memory.unfiled):
        return memory
    return replace(memory, filed=filed, unfiled=left)


def own_applications(memory: Memory) -> tuple[str, ...]:
    """Applications of the present run, the newest last. Of one that an older controller began, those of no earlier run that is
    remembered."""
    earlier, after = memory.earlier_applications, memory.began_after
    before = {id_ for past in memory.past_runs for id_ in past.applications}
    if after in earlier:
        before = set(earlier[: earlier.index(after) + 1])
    last = (memory.application.id,) if memory.application else ()
    return tuple(id_ for id_ in (*earlier, *last) if id_ not in before)


def ended_run(memory: Memory, limits: Limits) -> EndedRun:
    """What is kept of the present run, which is over."""
    verdict, job = memory.verdict, last_good(memory)
    return EndedRun(
        uid=memory.uid,
        namespace=memory.namespace,
        name=memory.name,
        run=memory.rerun,
        state=DELETED if verdict is None else "Succeeded" if verdict.succeeded else "Failed",
        reason=verdict.reason if verdict else DELETED,
        message=_short(verdict.message if verdict else "the declaration was deleted"),
        user=_user(memory),
        queue=memory.application.queue if memory.application else memory.begun_with.get("spec.queue", ""),
        framework=job.spec.framework.value if job else "",
        spec_digest=hashlib.sha256(memory.document.encode()).hexdigest() if memory.document else "",
        replicas={r: job.spec.roles[r].replicas for r in sorted(job.spec.roles)[:MOST_ROLES]} if job else {},
        queued_at=_time(memory.queued_at),
        started_at=_time(memory.active_since),
        ended_at=_time(verdict.at if verdict else memory.deleted_at or memory.closing_since),
        closed_at=_time(memory.closed_at),
        applications=own_applications(memory)[-MOST_APPLICATIONS:],
        restarts=memory.restarts,
        charged_restarts=memory.charged,
        restarts_by_cause=dict(sorted(memory.account.restarts.items())[:MOST_WORDS]),
        ends=_ends(memory.replicas, limits.web_scheme),
        held=_held(memory.account),
        spent=kept(memory.ledger),
        lost_by_cause=costs(memory.ledger.causes),
        lost_by_node=costs(memory.ledger.hosts),
        conditions=_conditions(memory),
    )


def _is_due(declared: Declared, memory: Memory) -> bool:
    if _is_filed(memory):
        return False
    if memory.verdict is not None:
        return memory.finished
    ended = declared.deleted and memory.closing_since and memory.application is None
    return bool(ended and own_applications(memory))


def _is_filed(memory: Memory) -> bool:
    """Or stands among those that are to be."""
    return memory.filed >= memory.rerun or any(run.run == memory.rerun for run in memory.unfiled)


def _user(memory: Memory) -> str:
    return memory.application.user if memory.application else memory.begun_with.get("spec.user", "")


def _ends(replicas: Iterable[ReplicaMemory], scheme: str) -> tuple[KeptEnd, ...]:
    told = [(r, r.last_exit) for r in replicas if r.last_exit]
    first = sorted(told, key=lambda each: (each[1].cause in GOOD_ENDS, each[1].at))[:MOST_ENDS]
    return tuple(_end(replica, last, scheme) for replica, last in first)


def _end(replica: ReplicaMemory, last: LastExit, scheme: str) -> KeptEnd:
    return KeptEnd(
        role=replica.key.role,
        index=replica.key.index,
        code=last.code,
        cause=str(last.cause),
        message=_short(last.message),
        node=_short(last.node),
        at=_time(last.at),
        log_url=log_url(last, scheme),
    )


def _held(account: Account) -> Held | None:
    if not account.at:
        return None
    total = account.total
    return Held(
        memory_mib_seconds=round(total.memory, 1),
        vcore_seconds=round(total.vcores, 1),
        gpu_seconds=round(total.gpus, 1),
        gpu_asked_seconds=round(total.asked, 1),
        gpu_measured_seconds=round(total.measured, 1),
        gpu_used_seconds=round(total.used, 1),
        gpu_idle_seconds=round(total.idle, 1),
    )


def _conditions(memory: Memory) -> tuple[KeptCondition, ...]:
    return tuple(
        KeptCondition(type=type_, status=status, last_transition_time=_time(at))
        for type_, (status, at) in sorted(memory.since.items())[:MOST_WORDS]
    )


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""
