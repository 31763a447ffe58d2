"""Who may run as whom, and where. Pure.

Where files are owned, everybody runs as himself, and rules let some run as others. Nobody is special, also not the user of the
controller's process: what YARN's own queue rights say, YARN checks. A namespace by itself vouches for nobody there: anybody may
write any namespace into his file.
Kubernetes has no owners and guards namespaces: whoever may write into one may do what the rules let that namespace do.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import FieldProblem
from trainmaster.settings import PolicyRule

KUBERNETES = "kubernetes"
"""name of the source that guards namespaces and knows no owners"""

Rules = Iterable[PolicyRule]


def refusal(declared: Declared, job: TrainingJob, rules: Rules) -> FieldProblem | None:
    """Why a job may not run as its user in its queue; None when it may. The engine asks, and so does the webhook."""
    namespace, user, queue = declared.namespace, job.spec.user, job.spec.queue
    if declared.source == KUBERNETES:
        return may_run_in(namespace, user, queue, rules)
    return may_run_as(declared.owner, namespace, user, queue, rules)


def may_run_as(owner: str, namespace: str, user: str | None, queue: str, rules: Rules) -> FieldProblem | None:
    """Why a job of this owner and namespace may not run as `user` in `queue`; None when it may."""
    if not user or user == owner:
        return None
    own = (rule for rule in rules if rule.owner and rule.owner == owner and _covers(rule, namespace))
    naming = [rule for rule in own if user in _users(rule, namespace)]
    if _allowed_in(queue, naming):
        return None
    where = f" in queue {queue}" if naming else ""
    reason = (
        f"{owner} may not run jobs of namespace {namespace} as {user}{where}: no rule of the policy allows it"
    )
    return FieldProblem(field="spec.user", value=user, reason=reason)


def may_run_in(namespace: str, user: str | None, queue: str, rules: Rules) -> FieldProblem | None:
    """Why a job of this namespace of Kubernetes may not run as `user` in `queue`; None when it may.

    Without a user, it is about the one that the namespace stands for.
    """
    guarding = _guarding(namespace, rules)
    users = list(dict.fromkeys(user for rule in guarding for user in _users(rule, namespace)))
    if not users:
        return _ruleless(namespace)
    user = user or users[0]
    naming = [rule for rule in guarding if user in _users(rule, namespace)]
    said = f"namespace {namespace} may not run jobs as {user}"
    if not naming:
        return FieldProblem(
            field="spec.user", value=user, reason=f"{said}: the policy lets it run as {', '.join(users)}"
        )
    if _allowed_in(queue, naming):
        return None
    queues = ", ".join(dict.fromkeys(queue for rule in naming for queue in rule.queues))
    reason = f"{said} in queue {queue}: the policy lets it use {queues}"
    return FieldProblem(field="spec.queue", value=queue, reason=reason)


def user_of_namespace(namespace: str, rules: Rules) -> str:
    """The YARN user that jobs of this namespace of Kubernetes run as when they name nobody; empty where no rule is for it."""
    return next(
        (user for rule in _guarding(namespace, rules) for user in _users(rule, namespace)),
        "",
    )


def _ruleless(namespace: str) -> FieldProblem:
    reason = (
        f"no rule of the policy is for namespace {namespace}, so no job runs in it: the controller's setting `policy` needs "
        f"one, such as {{namespace: {namespace}, users: [{namespace}]}}"
    )
    return FieldProblem(field="metadata.namespace", value=namespace, reason=reason)


def _guarding(namespace: str, rules: Rules) -> list[PolicyRule]:
    """The rules for a namespace of Kubernetes. Those for an owner's files are never meant there."""
    return [rule for rule in rules if not rule.owner and _covers(rule, namespace)]


def _covers(rule: PolicyRule, namespace: str) -> bool:
    return not rule.namespace or fnmatchcase(namespace, rule.namespace)


def _users(rule: PolicyRule, namespace: str) -> list[str]:
    return [user.replace("{namespace}", namespace) for user in rule.users]


def _allowed_in(queue: str, naming: list[PolicyRule]) -> bool:
    return any(not rule.queues or queue in rule.queues for rule in naming)
