"""What follows on a failure: the first of the job's failureRules that matches decides, else what its cause stands for.

Cause, class and action are kept apart: classify.py says what it was, ends.py whose doing that is, and here stands what is made of
it. Never here: the doing (judge.py), or how many restarts are left (charges.py).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Protocol

from trainmaster.api.failure_rules import FailureRule, holds
from trainmaster.api.words import FailureAction
from trainmaster.plan.avoidance import still
from trainmaster.plan.case import Case
from trainmaster.plan.classify import CHARGED, Told, classify
from trainmaster.plan.ends import INFRASTRUCTURE, Cause, End, GpuFault
from trainmaster.plan.last_words import stderr_lines
from trainmaster.plan.memory import Avoided, ReplicaMemory
from trainmaster.plan.restart import INFRA_FREE, INFRA_WINDOW

NO_FAILURE = frozenset({Cause.SUCCEEDED, Cause.STOPPED, Cause.CONSEQUENCE})
"""causes that no rule is asked about"""
HOPELESS = frozenset({Cause.CANNOT_RUN, Cause.PERMANENT})
"""causes after which trying again is useless"""
PORT_CLASHES_FREE = 5
GPU_FAULTS_FREE = 3
"""of one job a day. More of them, or on a third node, and it is the program that breaks its GPUs, or says so"""
GPU_FAULT_NODES = 2
GPU_FAULT_WINDOW = 24 * 3600.0
CHECKS_FREE = 3
"""nodes that may fail the check of one job while that is remembered; of a large one as many as a twentieth of its replicas.
Where more of them do, it is the check that fails"""
LARGE = 20
AVOIDED = frozenset({Cause.GPU_FAULT, Cause.NODE_UNHEALTHY, Cause.NODE_CHECK})
"""causes that lie at a node, and stay there when the process is gone"""

Faults = tuple[GpuFault, ...]


class Blamed(Protocol):
    """What nodes were blamed for before, as a job remembers it, or as is being made of it: some may be of the same moment."""

    @property
    def gpu_faults(self) -> Faults: ...
    @property
    def avoided(self) -> tuple[Avoided, ...]: ...


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one end was, and what follows."""

    cause: Cause
    action: FailureAction
    charged: bool
    avoid_node: bool
    rule: int | None = None
    """place of the failureRule that decided; None where none did"""
    by_its_words: bool = False
    """whether that rule rests on the program's own exit code or words"""
    too_often: bool = False
    """whether its cause is charged only because it came so often"""

    @property
    def insists(self) -> bool:
        """Whether it fails the job whatever failed before it."""
        return self.by_its_words and self.action is FailureAction.FAIL_JOB


def with_limits(case: Case, replica: ReplicaMemory, cause: Cause, before: Blamed) -> Cause:
    """Free replacements are not endless: the sixth infrastructure end in ten minutes, or port clash, is charged, and so are GPUs
    that fail often or everywhere."""
    if cause is Cause.GPU_FAULT and not _is_the_nodes(case, replica, before.gpu_faults):
        return Cause.UNKNOWN
    if cause is Cause.NODE_CHECK and not _may_be_unfit(
        case, still(before.avoided, case.now, case.seen.cleared)
    ):
        return Cause.UNKNOWN
    if cause is Cause.PORT_TAKEN:
        return Cause.UNKNOWN if replica.port_clashes >= PORT_CLASHES_FREE else cause
    recent = [at for at in replica.infra_ends if case.now - at < INFRA_WINDOW]
    return Cause.UNKNOWN if cause in INFRASTRUCTURE and len(recent) >= INFRA_FREE else cause


def _is_the_nodes(case: Case, replica: ReplicaMemory, faults: Faults) -> bool:
    """Whether this GPU may be taken for the one that is broken, and not the program."""
    hosts = [one.host for one in recent_gpu_faults(faults, case.now)]
    return len(hosts) < GPU_FAULTS_FREE and len({*hosts, replica.host}) <= GPU_FAULT_NODES


def _may_be_unfit(case: Case, known: tuple[Avoided, ...]) -> bool:
    """Whether this node may be taken for the one at fault, and not the check: a failure counts for as long as its node does."""
    replicas = sum(role.replicas for role in case.job.spec.roles.values())
    failed = sum(one.times for one in known if one.cause == Cause.NODE_CHECK)
    return failed < max(CHECKS_FREE, replicas // LARGE)


def recent_gpu_faults(faults: Faults, now: float) -> Faults:
    """Those that still count, as many as that takes."""
    return tuple(one for one in faults if now - one.at < GPU_FAULT_WINDOW)[-GPU_FAULTS_FREE:]


def told(case: Case, replica: ReplicaMemory, end: End) -> Told:
    """What is known of this end."""
    policy, path = case.role(replica.key).restart_policy, case.job.spec.input_path
    return Told(end.code, policy, end.diagnostics, end.node_words, replica.process, path)


def ruling_of(case: Case, replica: ReplicaMemory, end: End, before: Blamed) -> Ruling:
    """What this end means by itself and what follows on it, after what nodes were blamed for before."""
    own = classify(told(case, replica, end))
    limited = with_limits(case, replica, own, before)
    return replace(_ruled(case, replica, end, own, limited), too_often=limited is not own)


def _ruled(case: Case, replica: ReplicaMemory, end: End, cause: Cause, limited: Cause) -> Ruling:
    """What follows on this end, which was judged to be of that cause; `limited` is what it counts as after many like it."""
    rules = case.job.spec.failure_rules or ()
    if not rules or cause in NO_FAILURE:
        return by_default(limited)
    lines, names = stderr_lines(end.diagnostics), {cause.value, limited.value}
    found = next((at for at, rule in enumerate(rules) if _matches(rule, replica, end, names, lines)), None)
    return by_default(limited) if found is None else _by_rule(found, rules[found], cause, limited)


def by_default(cause: Cause) -> Ruling:
    """What follows where no rule says otherwise."""
    action = FailureAction.FAIL_JOB if cause in HOPELESS else FailureAction.RESTART
    return Ruling(cause, action, cause in CHARGED, cause in AVOIDED)


def _matches(
    rule: FailureRule, replica: ReplicaMemory, end: End, names: Set[str], lines: Sequence[str]
) -> bool:
    if not rule.is_for(replica.key.role) or (rule.causes and names.isdisjoint(rule.causes)):
        return False
    if rule.exit_codes and not rule.exit_codes.match(end.code):
        return False
    return rule.stderr is None or holds(lines, rule.stderr)


def _by_rule(at: int, rule: FailureRule, cause: Cause, limited: Cause) -> Ruling:
    """Where it doesn't say what is charged and avoided, the cause does."""
    own = by_default(cause)
    charged = by_default(limited).charged if rule.charged is None else rule.charged
    avoid = own.avoid_node if rule.avoid_node is None else rule.avoid_node
    ends = rule.action is FailureAction.FAIL_JOB
    free = rule.action is FailureAction.IGNORE
    return Ruling(cause, rule.action, charged and not free, avoid and not ends, at, rule.by_its_words)
