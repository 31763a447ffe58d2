"""Who may run as whom: a row per rule of the policy."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trainmaster.settings import PolicyRule
from trainmaster.sources.policy import may_run_as

RULES = (
    PolicyRule(owner="robot", users=("alice", "bob")),
    PolicyRule(namespace="vision", users=("vision-svc",), queues=("gpu",)),
    PolicyRule(owner="carol", namespace="nlp", users=("nlp-svc",)),
)


@pytest.mark.parametrize(
    ("owner", "namespace", "user", "queue", "allowed"),
    [
        ("alice", "any", None, "any", True),
        ("alice", "any", "alice", "any", True),
        ("alice", "any", "bob", "any", False),
        ("root", "any", "bob", "any", False),
        ("robot", "any", "alice", "any", True),
        ("robot", "any", "carol", "any", False),
        ("", "vision", "vision-svc", "gpu", True),
        ("", "vision", "vision-svc", "default", False),
        ("", "other", "vision-svc", "gpu", False),
        ("dave", "vision", "vision-svc", "gpu", False),  # anybody may write a namespace into his file
        ("carol", "nlp", "nlp-svc", "any", True),
        ("carol", "vision", "nlp-svc", "any", False),
        ("dave", "nlp", "nlp-svc", "any", False),
    ],
)
def test_policy(owner: str, namespace: str, user: str | None, queue: str, allowed: bool) -> None:
    problem = may_run_as(owner, namespace, user, queue, RULES)
    assert (problem is None) == allowed
    if problem is not None:
        assert problem.field == "spec.user"
        assert namespace in problem.reason


def test_without_rules_everybody_is_himself() -> None:
    assert may_run_as("alice", "x", "bob", "q", ()) is not None
    assert may_run_as("alice", "x", "alice", "q", ()) is None


def test_a_rule_for_everybody_is_no_rule() -> None:
    with pytest.raises(ValidationError, match="everybody"):
        PolicyRule(users=("hdfs",))
