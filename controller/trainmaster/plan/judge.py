"""Judging ends: each completed container becomes a cause, a charge, and a restart or a verdict.

A failure only changes counters and runs here; the replacement is asked for on the strength of what was written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from trainmaster.api import reasons
from trainmaster.api.job import RestartPolicy, RestartScope
from trainmaster.plan.case import Case, Change, normal, warning, with_replica
from trainmaster.plan.classify import CHARGED, classify, describe, first_cause_first
from trainmaster.plan.memory import Cause, LastExit, Memory, ReplicaMemory, Verdict
from trainmaster.plan.restart import INFRA_FREE, INFRA_WINDOW, delay, infra_delay, unbound, whole_job
from trainmaster.plan.values import End, Event

PORT_CLASHES_FREE = 5


def judge_successes(case: Case, memory: Memory) -> Change:
    """Good ends come before bad ones that were heard with them: a chief's success must not be undone by those who miss it."""
    return _judge_all(case, memory, [e for e in case.seen.ends if e.code == 0])


def judge_failures(case: Case, memory: Memory) -> Change:
    """Judge all other ends that were pulled, the likeliest first cause first."""
    failures = (e for e in case.seen.ends if e.code != 0)
    return _judge_all(case, memory, sorted(failures, key=lambda e: (first_cause_first(e.code), e.at)))


def _judge_all(case: Case, memory: Memory, ends: Iterable[End]) -> Change:
    change = Change(memory)
    places = {c: at for at, r in enumerate(memory.replicas) for c in (r.previous, r.container) if c}
    for end in ends:
        if end.container in places:
            change = _judge_one(case, change, change.memory.replicas[places[end.container]], end)
    return change


def _judge_one(case: Case, change: Change, replica: ReplicaMemory, end: End) -> Change:
    memory = change.memory
    if replica.container != end.container:
        return change.then(_note_late(case, memory, replica, end))
    if memory.verdict:
        shown = _remember(case, replica, end, _late_cause(end.code))
        return change.then(with_replica(memory, unbound(shown, case.now)))
    policy = case.role(replica.key).restart_policy
    cause = _with_limits(case, replica, classify(end.code, policy))
    ended = _remember(case, replica, end, cause)
    if cause is Cause.SUCCEEDED and policy is not RestartPolicy.ALWAYS:
        done = replace(
            ended,
            done=True,
            container="",
            node="",
            http="",
            previous=end.container,
            previous_http=replica.http,
        )
        return change.then(with_replica(memory, done))
    return _restart_or_fail(case, change, ended, cause)


def _note_late(case: Case, memory: Memory, replica: ReplicaMemory, end: End) -> Memory:
    """The end of a container that was let go earlier: shown, never judged, so it can't be charged twice."""
    told = replica.last_exit is not None and replica.last_exit.container == end.container
    if told or replica.previous != end.container:
        return memory
    return with_replica(memory, _remember(case, replica, end, _late_cause(end.code)))


def _late_cause(code: int) -> Cause:
    """Of an end that is shown but not judged: most died of our stopping them, the others of a neighbour's death."""
    if code == 0:
        return Cause.SUCCEEDED
    return Cause.STOPPED if code < 0 or code >= 128 else Cause.CONSEQUENCE


def _remember(case: Case, replica: ReplicaMemory, end: End, cause: Cause) -> ReplicaMemory:
    message = describe(end.code, end.diagnostics)
    if cause is Cause.MEMORY:
        message = f"{message}; it had asked for {case.size(replica.key).memory} MiB"
    last = LastExit(
        container=end.container,
        node=replica.host,
        http=replica.http or replica.previous_http,
        code=end.code,
        cause=cause,
        message=message,
        at=end.at,
        run=replica.run,
    )
    return replace(replica, last_exit=last)


def _with_limits(case: Case, replica: ReplicaMemory, cause: Cause) -> Cause:
    """Free replacements are not endless: the sixth infrastructure end in ten minutes, or port clash, is charged."""
    if cause is Cause.PORT_TAKEN and replica.port_clashes >= PORT_CLASHES_FREE:
        return Cause.UNKNOWN
    recent = [at for at in replica.infra_ends if case.now - at < INFRA_WINDOW]
    return Cause.UNKNOWN if cause is Cause.INFRASTRUCTURE and len(recent) >= INFRA_FREE else cause


def _restart_or_fail(case: Case, change: Change, replica: ReplicaMemory, cause: Cause) -> Change:
    verdict = _verdict(case, change.memory, replica, cause)
    if verdict:
        event = warning(verdict.reason, verdict.message)
        let_go = replace(change.memory, verdict=verdict)
        return change.then(with_replica(let_go, unbound(replica, case.now)), event)
    charged = cause in CHARGED
    after = _counted(case, replica, cause)
    wait = _wait(case, after, change.memory, cause)
    memory = replace(change.memory, charged=change.memory.charged + charged)
    said = f"{replica.key} ended on {replica.host}: {_message(replica)}"
    if case.scope(replica.key) is RestartScope.JOB and not memory.gathering:
        all_anew = whole_job(with_replica(memory, after), case.now, said, wait)
        return change.then(all_anew, _event(reasons.GANG_RESTART, said, charged))
    again = replace(unbound(after, case.now), not_before=case.now + wait)
    memory = replace(with_replica(memory, again), restarts=memory.restarts + 1, restart_cause=said)
    return change.then(memory, _event(reasons.REPLICA_RESTART, said, charged))


def _event(reason: str, said: str, charged: bool) -> Event:
    return warning(reason, said) if charged else normal(reason, f"{said} (not charged)")


def _counted(case: Case, replica: ReplicaMemory, cause: Cause) -> ReplicaMemory:
    if cause in CHARGED:
        return replace(replica, restarts=replica.restarts + 1)
    if cause is Cause.PORT_TAKEN:
        return replace(replica, replacements=replica.replacements + 1, port_clashes=replica.port_clashes + 1)
    if cause is Cause.INFRASTRUCTURE:
        recent = (*(at for at in replica.infra_ends if case.now - at < INFRA_WINDOW), case.now)
        never_ran = replica.last_exit is not None and replica.last_exit.code == -1000
        avoid = (*replica.avoid, replica.host)[-3:] if never_ran else replica.avoid
        return replace(replica, replacements=replica.replacements + 1, infra_ends=recent, avoid=avoid)
    return replace(replica, replacements=replica.replacements + 1)


def _wait(case: Case, replica: ReplicaMemory, memory: Memory, cause: Cause) -> float:
    backoff = case.job.spec.run_policy.backoff
    if cause in CHARGED:
        job_wide = case.scope(replica.key) is RestartScope.JOB
        return delay(backoff, memory.charged + 1 if job_wide else replica.restarts)
    if cause is Cause.INFRASTRUCTURE:
        return infra_delay(len(replica.infra_ends))
    # Under restartPolicy Always a good end is followed by another run, but never in a tight loop.
    return backoff.base if cause is Cause.SUCCEEDED else 0.0


def _verdict(case: Case, memory: Memory, replica: ReplicaMemory, cause: Cause) -> Verdict | None:
    """Why the job can't go on after this end; None when it can. Checks in order, the first reason wins."""
    role, policy = case.role(replica.key), case.job.spec.run_policy
    charged = cause in CHARGED
    ran = replica.last_exit is not None and replica.last_exit.code not in (-1000, 75)
    checks = (
        (
            cause is Cause.PERMANENT,
            reasons.PERMANENT_EXIT,
            "this exit code is permanent under restartPolicy ExitCode",
        ),
        (
            role.restart_policy is RestartPolicy.NEVER and ran,
            reasons.PERMANENT_EXIT,
            "restartPolicy is Never",
        ),
        (
            charged and role.max_restarts is not None and replica.restarts >= role.max_restarts,
            reasons.MAX_RESTARTS_EXCEEDED,
            f"its {role.max_restarts} restarts (maxRestarts) are used up",
        ),
        (
            charged and memory.charged >= policy.backoff_limit,
            reasons.BACKOFF_LIMIT_EXCEEDED,
            f"the job's {policy.backoff_limit} restarts (backoffLimit) are used up",
        ),
    )
    found = next(((reason, why) for true, reason, why in checks if true), None)
    if found is None:
        return None
    message = f"{replica.key} ended on {replica.host}: {_message(replica)}; {found[1]}. Log: {log_url(replica.last_exit)}"
    return Verdict(succeeded=False, reason=found[0], message=message, at=case.now)


def _message(replica: ReplicaMemory) -> str:
    return replica.last_exit.message if replica.last_exit else ""


def log_url(last: LastExit | None) -> str:
    """The log of an ended container at its NodeManager; empty where its web address isn't known."""
    return f"http://{last.http}/ws/v1/node/containers/{last.container}/logs" if last and last.http else ""
