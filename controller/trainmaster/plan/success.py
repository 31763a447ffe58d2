"""Whether the job has reached what it was for, and the deadlines that end it."""

from __future__ import annotations

from trainmaster.api import reasons
from trainmaster.frameworks import success_of
from trainmaster.plan.case import Case, Change, normal, warning
from trainmaster.plan.memory import Memory, Verdict, replace


def succeed(case: Case, memory: Memory) -> Change:
    """The verdict, once those that decide have ended with success."""
    if memory.verdict or memory.closing_since or not memory.started_generation:
        return Change(memory)
    done = {(r.key.role, r.key.index) for r in memory.replicas if r.done}
    policy = success_of(case.job)
    if not policy.met(done):
        return Change(memory)
    those = [f"{role}-{index}" for role, index in sorted(done & policy.deciding)]
    message = ", ".join(those[:3]) + (f" and {len(those) - 3} more" if len(those) > 3 else "") + " succeeded"
    verdict = Verdict(True, reasons.JOB_SUCCEEDED, message, case.now)
    return Change(replace(memory, verdict=verdict), (normal(reasons.JOB_SUCCEEDED, message),))


def check_deadlines(case: Case, memory: Memory) -> Change:
    """activeDeadline counts from the first start since the last resume, pendingDeadline from acceptance to the first start."""
    if memory.verdict or memory.closing_since:
        return Change(memory)
    policy, now = case.job.spec.run_policy, case.now
    if _passed(memory.active_since, policy.active_deadline, now):
        return _over(
            memory,
            now,
            reasons.ACTIVE_DEADLINE_EXCEEDED,
            f"it was active for more than {policy.active_deadline:g} s",
        )
    if not memory.started_generation and _passed(memory.queued_at, policy.pending_deadline, now):
        return _over(
            memory,
            now,
            reasons.PENDING_DEADLINE_EXCEEDED,
            f"it waited for more than {policy.pending_deadline:g} s",
        )
    return Change(memory)


def _passed(since: float, allowed: float | None, now: float) -> bool:
    return bool(since) and allowed is not None and now - since >= allowed


def _over(memory: Memory, now: float, reason: str, message: str) -> Change:
    return Change(replace(memory, verdict=Verdict(False, reason, message, now)), (warning(reason, message),))
