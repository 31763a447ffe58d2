"""Running a job once more that has ended: its counters begin anew, and what people were shown of the run before is kept.

The number of the run that is wanted stands in the declaration (`runPolicy.rerun`), so that it means the same in a folder and on
Kubernetes, and nothing runs again because something was forgotten. Never here: how a run begins (gang.py) or ends (close.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trainmaster.api import reasons
from trainmaster.api.declared import Declared
from trainmaster.api.status import MAX_LOGS, MAX_RUNS
from trainmaster.plan.amounts import Account
from trainmaster.plan.application import without_application
from trainmaster.plan.case import Change, normal
from trainmaster.plan.ends import GOOD_ENDS, LastExit
from trainmaster.plan.history import own_applications, set_aside
from trainmaster.plan.memory import KeptLog, Memory, PastRun, ReplicaMemory, Verdict
from trainmaster.plan.spent import Ledger
from trainmaster.plan.values import Limits


def run_again(declared: Declared, memory: Memory, now: float, limits: Limits) -> Change:
    """The memory of the next run, where one is wanted of a job that has ended and been cleaned up after."""
    job, verdict = declared.job, memory.verdict
    if job is None or verdict is None or not memory.finished or declared.deleted or declared.duplicate_of:
        return Change(memory)
    wanted = job.spec.run_policy.rerun
    if wanted <= memory.rerun:
        return Change(memory)
    said = f"Running again (rerun {wanted}), after: {verdict.message}"
    return Change(_anew(set_aside(memory, limits), verdict, wanted, now), (normal(reasons.RERUN, said),))


def _anew(memory: Memory, verdict: Verdict, wanted: int, now: float) -> Memory:
    """What is not named here stays: role numbers and runs are never used twice, and what may still live is waited for."""
    rises, over = int(memory.started_generation == memory.generation), without_application(memory)
    return replace(
        over,
        rerun=wanted,
        began_after=over.earlier_applications[-1] if over.earlier_applications else "",
        past_runs=(*memory.past_runs, _past(memory, verdict))[-MAX_RUNS:],
        replicas=tuple(ReplicaMemory(r.key, run=r.run + 1, survivors=r.survivors) for r in memory.replicas),
        generation=memory.generation + rises,
        stage=0,
        wanted={},
        short_since=0.0,
        room_since=0.0,
        verdict=None,
        closed_at=0.0,
        closing_since=0.0,
        suspended=False,
        expired=False,
        charged=0,
        restarts=0,
        restart_cause="",
        failure=None,
        progress=None,
        checkpoint=None,
        saved_model=None,
        slow=(),
        root=None,
        gpu_faults=(),
        pending_ends=(),
        lost_applications=0,
        open_not_before=0.0,
        gang_not_before=0.0,
        gang_timeouts=0,
        gang_since=0.0,
        queued_at=now,
        active_since=0.0,
        started_at=0.0,
        account=Account(),
        ledger=Ledger(),
        phases=(),
    )


def _past(memory: Memory, verdict: Verdict) -> PastRun:
    mine = own_applications(memory)
    logs = sorted(_logs(memory), key=lambda found: found[0])
    kept = tuple(log for _, log in logs)[:MAX_LOGS]
    return PastRun(memory.rerun, verdict, mine[-MAX_LOGS:], memory.active_since, memory.charged, kept)


def _logs(memory: Memory) -> Iterator[tuple[bool, KeptLog]]:
    """Whether it ended well or was stopped, and the log; those that failed are worth more."""
    for replica in memory.replicas:
        last = replica.last_exit
        if replica.previous and replica.previous_http:
            code = last.code if last and last.container == replica.previous else None
            yield _is_calm(last, replica), KeptLog(replica.key, replica.previous, replica.previous_http, code)
        elif last and last.http:
            yield last.cause in GOOD_ENDS, KeptLog(replica.key, last.container, last.http, last.code)


def _is_calm(last: LastExit | None, replica: ReplicaMemory) -> bool:
    return last is None or last.container != replica.previous or last.cause in GOOD_ENDS
