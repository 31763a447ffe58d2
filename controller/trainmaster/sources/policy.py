"""Who may run as whom. Pure.

The owner of a file is who its store says; everybody runs as himself, and rules let some run as others. Nobody is special,
also not the user of the controller's process: what YARN's own queue rights say, YARN checks.
A namespace by itself vouches for nobody where files are owned: anybody may write any namespace into his file. It does where a
source has no owners and guards namespaces instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from trainmaster.api.status import FieldProblem
from trainmaster.settings import PolicyRule


def may_run_as(
    owner: str, namespace: str, user: str | None, queue: str, rules: Iterable[PolicyRule]
) -> FieldProblem | None:
    """Why a job of this owner and namespace may not run as `user` in `queue`; None when it may."""
    if not user or user == owner:
        return None
    matching = [rule for rule in rules if _is_for(rule, owner, namespace) and user in rule.users]
    if any(not rule.queues or queue in rule.queues for rule in matching):
        return None
    where = f" in queue {queue}" if matching else ""
    reason = (
        f"{owner} may not run jobs of namespace {namespace} as {user}{where}: no rule of the policy allows it"
    )
    return FieldProblem(field="spec.user", value=user, reason=reason)


def _is_for(rule: PolicyRule, owner: str, namespace: str) -> bool:
    return rule.owner == owner and rule.namespace in ("", namespace)
