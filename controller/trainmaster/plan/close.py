"""Ending, suspending and resuming: one way out for all of them. Nothing is told to YARN before it stands in memory."""

from __future__ import annotations

from trainmaster.api import reasons
from trainmaster.plan.application import without_application
from trainmaster.plan.case import Case, Change, normal
from trainmaster.plan.history import set_aside
from trainmaster.plan.memory import Memory, changed, replace
from trainmaster.plan.restart import all_let_go, fresh_gang
from trainmaster.plan.values import AppState

OVER = frozenset({AppState.CLOSED, AppState.LOST, AppState.KILLED, AppState.REFUSED})


def close(case: Case, memory: Memory) -> Change:
    """Begin, carry on or undo the ending, as verdict, deletion and `suspend` ask."""
    if not memory.verdict:
        memory = changed(memory, deleted_at=(memory.deleted_at or case.now) if case.declared.deleted else 0.0)
    wanted_away = memory.verdict is not None or case.declared.deleted or case.job.spec.run_policy.suspend
    if wanted_away and not memory.closing_since:
        return _begin(case, memory)
    if memory.closing_since and _application_over(case, memory):
        return _closed(case, memory) if wanted_away else _resume(case, memory)
    return Change(memory)


def _begin(case: Case, memory: Memory) -> Change:
    suspends = memory.verdict is None and not case.declared.deleted
    closing = replace(all_let_go(case, memory), closing_since=case.now, suspended=suspends)
    begun = case.has_application(memory) or memory.earlier_applications
    said = "all containers are given back" if begun else "nothing was started"
    events = (normal(reasons.SUSPENDED, f"Suspending: {said}"),) if suspends else ()
    change = Change(closing, events)
    return change if not _application_over(case, closing) else change.then(_closed(case, closing).memory)


def _application_over(case: Case, memory: Memory) -> bool:
    told = memory.closed_at > 0 or case.seen.application in OVER
    return told or not case.has_application(memory)


def _closed(case: Case, memory: Memory) -> Change:
    if memory.verdict:
        closed = replace(memory, closed_at=memory.closed_at or case.now)
        return Change(_expire(case, closed))
    return Change(without_application(memory))


def _expire(case: Case, memory: Memory) -> Memory:
    """After its time to live only a tombstone stays, so that the same declaration never trains again."""
    ttl = case.job.spec.run_policy.ttl_after_finished
    if ttl is None or memory.expired or case.now - memory.closed_at < ttl:
        return memory
    # Should it be run again, what still lives of it is waited for, and runs go on above all that were.
    living = tuple((r.key, one) for r in memory.replicas for one in r.survivors)
    return replace(
        set_aside(memory, case.limits),
        expired=True,
        replicas=(),
        retired_run=max([memory.retired_run, *(r.run for r in memory.replicas)]),
        retired_survivors=(*memory.retired_survivors, *living),
        earlier_applications=(),
        past_runs=(),
        lives=(),
        phases=(),
        applied="",
    )


def _resume(case: Case, memory: Memory) -> Change:
    anew = fresh_gang(case, without_application(memory))
    resumed = replace(
        anew, closing_since=0.0, suspended=False, gang_not_before=0.0, queued_at=case.now, restart_cause=""
    )
    return Change(resumed, (normal(reasons.RESUMED, "Resuming with a new application"),))
