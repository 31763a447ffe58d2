"""What is wrong with spec.failureRules: roles that there aren't, contradictions, and rules that are never reached.

Lives here: rules about rules, with the field that is to blame. Never here: what follows on a failure (plan/ruling.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from trainmaster.api import messages
from trainmaster.api.failure_rules import LARGEST_CODE, FailureRule
from trainmaster.api.job import Spec
from trainmaster.api.status import FieldProblem
from trainmaster.api.words import FailureAction, FailureCause

YARNS_OWN = (
    FailureCause.NODE_LOST,
    FailureCause.NODE_UNHEALTHY,
    FailureCause.NODE_DECOMMISSIONED,
    FailureCause.PREEMPTED,
    FailureCause.NEVER_RAN,
    FailureCause.LOCALIZATION_FAILED,
    FailureCause.LOGS_TOO_LARGE,
)
"""causes of which no process has an exit code or last words"""


def failure_rule_problems(spec: Spec) -> Iterator[FieldProblem]:
    """All that is wrong with them, rule by rule."""
    rules = spec.failure_rules or ()
    for at, rule in enumerate(rules):
        path = f"spec.failureRules[{at}]"
        yield from _roles(spec, rule, path)
        yield from _contradictions(rule, path)
        over = next((i for i, earlier in enumerate(rules[:at]) if _covers(spec, earlier, rule)), None)
        if over is not None:
            yield FieldProblem(field=path, value="", reason=messages.NEVER_REACHED.format(earlier=over))


def _roles(spec: Spec, rule: FailureRule, path: str) -> Iterator[FieldProblem]:
    for i, role in enumerate(rule.roles or ()):
        if role not in spec.roles:
            yield FieldProblem(field=f"{path}.roles[{i}]", value=role, reason=messages.NO_ROLE_FOR_RULE)


def _contradictions(rule: FailureRule, path: str) -> Iterator[FieldProblem]:
    fails = rule.action is FailureAction.FAIL_JOB
    if fails and rule.charged is not None:
        yield FieldProblem(field=f"{path}.charged", value=_word(rule.charged), reason=messages.NO_RESTART)
    if fails and rule.avoid_node is not None:
        yield FieldProblem(
            field=f"{path}.avoidNode", value=_word(rule.avoid_node), reason=messages.NO_RESTART
        )
    if rule.action is FailureAction.IGNORE and rule.charged:
        yield FieldProblem(field=f"{path}.charged", value="true", reason=messages.IGNORED_AND_CHARGED)
    if rule.exit_codes or rule.stderr is not None:
        for i, cause in enumerate(rule.causes or ()):
            if cause in YARNS_OWN:
                yield FieldProblem(field=f"{path}.causes[{i}]", value=cause.value, reason=messages.NO_WORDS)


def _word(value: bool) -> str:
    return str(value).lower()


def _covers(spec: Spec, earlier: FailureRule, later: FailureRule) -> bool:
    """Whether the later one never gets to see a failure."""
    pairs: tuple[tuple[Set[object], Set[object]], ...] = (
        (set(earlier.roles or spec.roles), set(later.roles or spec.roles)),
        (set(earlier.causes or FailureCause), set(later.causes or FailureCause)),
        (_codes(earlier), _codes(later)),
    )
    return earlier.stderr in (None, later.stderr) and all(wide >= narrow for wide, narrow in pairs)


def _codes(rule: FailureRule) -> Set[object]:
    """The exit codes that it matches, with 0 for having none."""
    if rule.exit_codes is None:
        return frozenset(range(LARGEST_CODE + 1))
    return frozenset(code for code in range(1, LARGEST_CODE + 1) if rule.exit_codes.match(code))
