"""What ends cost: which are charged and counted, how long to wait after them, and when no restart is left.

Never here: what an end was (classify.py), and what is done about it (judge.py).
"""

from __future__ import annotations

from trainmaster.api import reasons
from trainmaster.api.job import RestartPolicy, RestartScope
from trainmaster.api.words import FailureAction
from trainmaster.plan.case import Case, Draft
from trainmaster.plan.ends import INFRASTRUCTURE, Cause
from trainmaster.plan.memory import ReplicaMemory, replace
from trainmaster.plan.restart import (
    INFRA_WINDOW,
    delay,
    infra_delay,
)
from trainmaster.plan.ruling import NO_FAILURE, Ruling

PACED = INFRASTRUCTURE - {Cause.PORT_TAKEN}
"""causes of which several in a row are replaced ever more slowly; another port is tried at once"""
NOT_THERE_AGAIN = (-1000, -1)
"""ends of which the same node would make another: it couldn't bring the files, or lacked what YARN had promised"""


def counted(case: Case, replica: ReplicaMemory, ruling: Ruling) -> ReplicaMemory:
    """The replica with one restart or replacement more."""
    if ruling.charged:
        return replace(replica, restarts=replica.restarts + 1)
    if ruling.cause is Cause.PORT_TAKEN and ruling.rule is None:
        return replace(replica, replacements=replica.replacements + 1, port_clashes=replica.port_clashes + 1)
    if ruling.cause in PACED:
        never_ran = replica.last_exit is not None and replica.last_exit.code in NOT_THERE_AGAIN
        avoid = (*replica.avoid, replica.host)[-3:] if never_ran else replica.avoid
        recent = _with_now(case, replica.infra_ends)
        return replace(replica, replacements=replica.replacements + 1, infra_ends=recent, avoid=avoid)
    if ruling.cause in NO_FAILURE:
        return replace(replica, replacements=replica.replacements + 1)
    # A rule of the job charges nobody for it: paced like those, and apart from them, for they are charged after many.
    excused = _with_now(case, replica.excused_ends)
    return replace(replica, replacements=replica.replacements + 1, excused_ends=excused)


def _with_now(case: Case, ends: tuple[float, ...]) -> tuple[float, ...]:
    """Those of the last minutes, with one more."""
    return (*(at for at in ends if case.now - at < INFRA_WINDOW), case.now)


def wait_after(case: Case, draft: Draft, replica: ReplicaMemory, ruling: Ruling) -> float:
    """Seconds before the replica, in which this end is counted already, is started again."""
    backoff, cause = case.job.spec.run_policy.backoff, ruling.cause
    if ruling.charged:
        job_wide = restarts_all(case, replica, ruling)
        return delay(backoff, draft.charged + 1 if job_wide else replica.restarts)
    if cause in PACED:
        return infra_delay(len(replica.infra_ends))
    if cause not in NO_FAILURE and (cause is not Cause.PORT_TAKEN or ruling.rule is not None):
        return infra_delay(len(replica.excused_ends))
    if cause is Cause.CONSEQUENCE:
        return max(0.0, draft.failure.until - case.now) if draft.failure else 0.0
    # Under restartPolicy Always a good end is followed by another run, but never in a tight loop.
    return backoff.base if cause is Cause.SUCCEEDED else 0.0


def restarts_all(case: Case, replica: ReplicaMemory, ruling: Ruling) -> bool:
    """Whether all processes of the job are restarted for this one."""
    return ruling.action is FailureAction.RESTART_JOB or case.scope(replica.key) is RestartScope.JOB


def why_over(case: Case, draft: Draft, replica: ReplicaMemory, ruling: Ruling) -> tuple[str, str] | None:
    """Reason and words why the job can't go on after this end; None when it can. The first that is true wins."""
    role, policy = case.role(replica.key), case.job.spec.run_policy
    fails, charged = ruling.action is FailureAction.FAIL_JOB, ruling.charged
    checks = (
        (
            fails and ruling.rule is not None,
            reasons.FAILURE_RULE,
            f"failureRules[{ruling.rule}] says that this fails the job",
        ),
        (fails and ruling.cause is Cause.CANNOT_RUN, reasons.CANNOT_RUN, "trying again can't help"),
        (
            fails,
            reasons.PERMANENT_EXIT,
            "this exit code is permanent under restartPolicy ExitCode",
        ),
        (
            role.restart_policy is RestartPolicy.NEVER and charged and ruling.rule is None,
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
