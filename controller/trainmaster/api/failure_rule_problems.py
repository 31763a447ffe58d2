"""What is wrong with spec.failureRules: roles that there aren't, contradictions, and rules that are never reached.

Lives here: rules about rules, with the field that is to blame. Never here: what follows on a failure (plan/ruling.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

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
    reaches = [_reach(spec, rule) for rule in rules]
    for at, rule in enumerate(rules):
        path = f"spec.failureRules[{at}]"
        yield from _roles(spec, rule, path)
        yield from _contradictions(rule, path)
        over = next((i for i in range(at) if _covers(reaches[i], reaches[at])), None)
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


@dataclass(frozen=True, slots=True)
class _Reach:
    """The failures that a rule matches, worked out once: each rule is compared with all before it."""

    roles: Set[str]
    causes: Set[FailureCause]
    codes: Set[int]
    """exit codes, with 0 for having none"""
    stderr: str | None


def _reach(spec: Spec, rule: FailureRule) -> _Reach:
    causes = frozenset(rule.causes or FailureCause)
    return _Reach(frozenset(rule.roles or spec.roles), causes, _codes(rule), rule.stderr)


def _covers(earlier: _Reach, later: _Reach) -> bool:
    """Whether the later one never gets to see a failure."""
    words = earlier.stderr in (None, later.stderr)
    wider = earlier.roles >= later.roles and earlier.causes >= later.causes
    return words and wider and earlier.codes >= later.codes


def _codes(rule: FailureRule) -> Set[int]:
    if rule.exit_codes is None:
        return frozenset(range(LARGEST_CODE + 1))
    return frozenset(filter(rule.exit_codes.match, range(1, LARGEST_CODE + 1)))
