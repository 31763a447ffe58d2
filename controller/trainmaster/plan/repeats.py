"""The same failure once more, with nothing gained in between: then trying again can't help, and the job ends early.

Only what the program brought upon itself counts. Where it may lie at a node too (a module that is missing there), it must have
come on two nodes. Never here: what words mean (log_patterns.py).
"""

from __future__ import annotations

from trainmaster.api import reasons
from trainmaster.plan.case import Case
from trainmaster.plan.classify import signal_of
from trainmaster.plan.ends import Cause, End, FailureClass
from trainmaster.plan.log_patterns import sign_of
from trainmaster.plan.log_registry import Kind
from trainmaster.plan.memory import ReplicaMemory, Root
from trainmaster.plan.ruling import Ruling

LONGER = 2.0
"""a process that lived so many times as long as the one that failed before it may have made progress"""
SHORT = 600.0
"""seconds: whoever lived longer may have made progress, and so may whoever lived in between, for as long or longer"""
GRACE = 30.0
"""seconds that it may live longer than that: starting takes now less and now more time"""


def root_of(replica: ReplicaMemory, end: End, ruling: Ruling) -> Root | None:
    """What this process failed of, where trying again helps only if something else changes."""
    by_itself = end.code > 0 and not signal_of(end.code) and ruling.cause is not Cause.MEMORY
    if not by_itself or not ruling.charged or ruling.rule is not None:
        return None
    sign = sign_of(end.diagnostics)
    if sign is None or not sign.last or sign.pattern.kind is not Kind.ROOT or sign.pattern.retry_helps:
        return None
    elsewhere = sign.pattern.blame is not FailureClass.WORKLOAD
    return Root(sign.fingerprint, replica.host, end.at, max(0.0, end.at - replica.bound_at), elsewhere)


def repeated(
    case: Case, before: Root | None, root: Root | None, replica: ReplicaMemory
) -> tuple[str, str] | None:
    """Reason and words why the job can't go on, where this root is the one before it and nothing was gained since."""
    if case.job.spec.run_policy.end_on_repeated_failure is False or before is None or root is None:
        return None
    again = root.fingerprint == before.fingerprint and replica.bound_at >= before.at
    between = root.at - before.at - root.ran
    gained = root.ran > before.ran * LONGER + GRACE or max(root.ran, before.ran) > SHORT or between > SHORT
    if not again or gained or (root.elsewhere and root.host == before.host):
        return None
    since = f"the same as {root.at - before.at:.0f} s before on {before.host}"
    said = f"{since}, with no progress in between: trying again can't help"
    return reasons.REPEATED_FAILURE, said
