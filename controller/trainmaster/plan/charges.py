"""What ends cost: which are charged and counted, how long to wait after them, and when no restart is left.

Never here: what an end was (classify.py), and what is done about it (judge.py).
"""

from __future__ import annotations

from trainmaster.api import reasons
from trainmaster.api.job import RestartPolicy, RestartScope
from trainmaster.plan.case import Case, Draft
from trainmaster.plan.classify import CHARGED
from trainmaster.plan.ends import Cause
from trainmaster.plan.memory import ReplicaMemory, replace
from trainmaster.plan.restart import (
    INFRA_FREE,
    INFRA_WINDOW,
    delay,
    infra_delay,
)

PORT_CLASHES_FREE = 5


def with_limits(case: Case, replica: ReplicaMemory, cause: Cause) -> Cause:
    """Free replacements are not endless: the sixth infrastructure end in ten minutes, or port clash, is charged."""
    if cause is Cause.PORT_TAKEN and replica.port_clashes >= PORT_CLASHES_FREE:
        return Cause.UNKNOWN
    recent = [at for at in replica.infra_ends if case.now - at < INFRA_WINDOW]
    return Cause.UNKNOWN if cause is Cause.INFRASTRUCTURE and len(recent) >= INFRA_FREE else cause


NOT_THERE_AGAIN = (-1000, -1)
"""ends of which the same node would make another: it couldn't bring the files, or lacked what YARN had promised"""


def counted(case: Case, replica: ReplicaMemory, cause: Cause) -> ReplicaMemory:
    if cause in CHARGED:
        return replace(replica, restarts=replica.restarts + 1)
    if cause is Cause.PORT_TAKEN:
        return replace(replica, replacements=replica.replacements + 1, port_clashes=replica.port_clashes + 1)
    if cause is Cause.INFRASTRUCTURE:
        recent = (*(at for at in replica.infra_ends if case.now - at < INFRA_WINDOW), case.now)
        never_ran = replica.last_exit is not None and replica.last_exit.code in NOT_THERE_AGAIN
        avoid = (*replica.avoid, replica.host)[-3:] if never_ran else replica.avoid
        return replace(replica, replacements=replica.replacements + 1, infra_ends=recent, avoid=avoid)
    return replace(replica, replacements=replica.replacements + 1)


def wait_after(case: Case, draft: Draft, replica: ReplicaMemory, cause: Cause) -> float:
    backoff = case.job.spec.run_policy.backoff
    if cause in CHARGED:
        job_wide = case.scope(replica.key) is RestartScope.JOB
        return delay(backoff, draft.charged + 1 if job_wide else replica.restarts)
    if cause is Cause.INFRASTRUCTURE:
        return infra_delay(len(replica.infra_ends))
    if cause is Cause.CONSEQUENCE:
        return max(0.0, draft.failure.until - case.now) if draft.failure else 0.0
    # Under restartPolicy Always a good end is followed by another run, but never in a tight loop.
    return backoff.base if cause is Cause.SUCCEEDED else 0.0


def why_over(case: Case, draft: Draft, replica: ReplicaMemory, cause: Cause) -> tuple[str, str] | None:
    """Reason and words why the job can't go on after this end; None when it can. The first that is true wins."""
    role, policy = case.role(replica.key), case.job.spec.run_policy
    charged = cause in CHARGED
    checks = (
        (cause is Cause.CANNOT_RUN, reasons.CANNOT_RUN, "trying again can't help"),
        (
            cause is Cause.PERMANENT,
            reasons.PERMANENT_EXIT,
            "this exit code is permanent under restartPolicy ExitCode",
        ),
        (
            role.restart_policy is RestartPolicy.NEVER and charged,
            reasons.PERMANENT_EXIT,
            "restartPolicy is Never",
        ),
        (
            charged and role.max_restarts is not None and replica.restarts >= role.max_restarts,
            reasons.MAX_RESTARTS_EXCEEDED,
            f"its {role.max_restarts} restarts (maxRestarts) are used up",
        ),
        (
            charged and draft.charged >= policy.backoff_limit,
            reasons.BACKOFF_LIMIT_EXCEEDED,
            f"the job's {policy.backoff_limit} restarts (backoffLimit) are used up",
        ),
    )
    return next(((reason, why) for true, reason, why in checks if true), None)
