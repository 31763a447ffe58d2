"""Who may run as whom: a row per rule of the policy."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.settings import PolicyRule
from trainmaster.sources.policy import may_run_as, may_run_in, refusal, user_of_namespace

RULES = (
    PolicyRule(owner="robot", users=("alice", "bob")),
    PolicyRule(namespace="vision", users=("vision-svc",), queues=("gpu",)),
    PolicyRule(owner="carol", namespace="nlp", users=("nlp-svc",)),
    PolicyRule(owner="erin", namespace="team-*", users=("{namespace}",)),
    PolicyRule(namespace="vision", users=("dave", "vision-svc"), queues=("default", "gpu")),
    PolicyRule(namespace="team-*", users=("{namespace}", "shared")),
    PolicyRule(namespace="idle", users=()),
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
        ("dave", "vision", "vision-svc", "gpu", False),  # anybody may write a namespace into his file
        ("", "vision", "vision-svc", "gpu", False),
        ("carol", "nlp", "nlp-svc", "any", True),
        ("carol", "vision", "nlp-svc", "any", False),
        ("dave", "nlp", "nlp-svc", "any", False),
        ("erin", "team-a", "team-a", "any", True),
        ("erin", "team-a", "team-b", "any", False),
        ("erin", "other", "other", "any", False),
    ],
)
def test_owners_of_files(owner: str, namespace: str, user: str | None, queue: str, allowed: bool) -> None:
    problem = may_run_as(owner, namespace, user, queue, RULES)
    assert (problem is None) == allowed
    if problem is not None:
        assert problem.field == "spec.user"
        assert namespace in problem.reason


@pytest.mark.parametrize(
    ("namespace", "user", "queue", "field", "words"),
    [
        ("vision", None, "gpu", "", ""),
        ("vision", None, "default", "", ""),  # the second rule lets the same user in
        ("vision", None, "prod", "spec.queue", "as vision-svc in queue prod: the policy lets it use gpu, default"),
        ("vision", "dave", "default", "", ""),
        ("vision", "root", "gpu", "spec.user", "as root: the policy lets it run as vision-svc, dave"),
        ("team-a", None, "any", "", ""),
        ("team-a", "team-a", "any", "", ""),
        ("team-a", "shared", "any", "", ""),
        ("team-a", "team-b", "any", "spec.user", "namespace team-a may not run jobs as team-b"),
        ("nlp", "nlp-svc", "any", "metadata.namespace", "users: [nlp]"),  # that rule is for files of carol's
        ("other", None, "any", "metadata.namespace", "no rule of the policy is for namespace other"),
        ("other", "alice", "any", "metadata.namespace", "setting `policy`"),
        ("idle", None, "any", "metadata.namespace", "namespace: idle"),
    ],
)  # fmt: skip
def test_namespaces_of_kubernetes(
    namespace: str, user: str | None, queue: str, field: str, words: str
) -> None:
    problem = may_run_in(namespace, user, queue, RULES)
    assert (problem.field if problem else "") == field
    assert words in (problem.reason if problem else "")


@pytest.mark.parametrize(
    ("namespace", "user"),
    [("vision", "vision-svc"), ("team-a", "team-a"), ("nlp", ""), ("other", ""), ("idle", "")],
)
def test_whom_a_namespace_stands_for(namespace: str, user: str) -> None:
    assert user_of_namespace(namespace, RULES) == user


@pytest.mark.parametrize(
    ("source", "user", "reason"),
    [
        ("folder", "vision-svc", "dave may not run jobs of namespace vision as vision-svc"),
        ("folder", None, ""),
        ("kubernetes", "vision-svc", ""),
        ("kubernetes", "hdfs", "namespace vision may not run jobs as hdfs"),
    ],
)
def test_the_source_says_who_vouches(source: str, user: str | None, reason: str) -> None:
    declared = Declared(source, "vision", "mnist", "uid", "vision/mnist", owner="dave")
    spec = {"queue": "gpu", "roles": {"worker": {"command": "true"}}} | ({"user": user} if user else {})
    job = TrainingJob.model_validate({"metadata": {"name": "mnist", "namespace": "vision"}, "spec": spec})
    problem = refusal(declared, job, RULES)
    assert (problem.reason if problem else "").startswith(reason)
    assert (problem is None) == (not reason)


def test_without_rules_everybody_is_himself_and_no_namespace_is_anybody() -> None:
    assert may_run_as("alice", "x", "bob", "q", ()) is not None
    assert may_run_as("alice", "x", "alice", "q", ()) is None
    assert may_run_in("x", None, "q", ()) is not None


def test_a_rule_for_everybody_is_no_rule() -> None:
    with pytest.raises(ValidationError, match="everybody"):
        PolicyRule(users=("hdfs",))
