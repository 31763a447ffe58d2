"""Who may look at an application and end it, in YARN's words."""

from __future__ import annotations

import pytest

from trainmaster.api.acls import Acl, Acls, together
from trainmaster.api.job import TrainingJob
from trainmaster.master.acls import acls_in, acls_of
from trainmaster.master.opening import submission
from trainmaster.plan.memory import ApplicationMemory, Memory
from trainmaster.settings import AclRule


@pytest.mark.parametrize(
    ("texts", "all_of_them"),
    [
        ([], ""),
        (["", ""], ""),
        (["alice"], "alice"),
        (["alice,bob ml", "bob,carol ops, ml"], "alice,bob,carol ml,ops"),
        ([" ops"], " ops"),
        (["alice", " ops"], "alice ops"),
        (["alice ops", "*"], "*"),
    ],
)
def test_several_are_one(texts: list[str], all_of_them: str) -> None:
    assert together(texts) == all_of_them


def job(**acls: Acl) -> TrainingJob:
    spec = {"roles": {"worker": {"command": "true"}}, "acls": Acls(**acls)}
    return TrainingJob.model_validate({"metadata": {"name": "a"}, "spec": spec})


RULES = (
    AclRule(view="auditor", modify=" ops"),
    AclRule(namespace="team-*", view=" {namespace}-members"),
    AclRule(namespace="other", view="mallory", modify="mallory"),
)


def test_the_job_and_all_rules_for_its_namespace_count() -> None:
    named = job(view=Acl(users=("bob",), groups=("ml",)), modify=Acl(users=("bob",)))
    assert acls_of("team-a", named, RULES) == ("bob,auditor ml,team-a-members", "bob ops")
    assert acls_of("team-a", job(), ()) == ("", "")
    assert acls_of("team-a", None, RULES) == ("auditor team-a-members", " ops")


def test_what_was_submitted_stands_in_the_record_and_goes_for_containers_as_well() -> None:
    """Whoever takes over submits the same, and a NodeManager shows logs by what the launch says."""
    application = ApplicationMemory("application_1_0001", view_acl="bob ml", modify_acl="bob")
    known = submission(application, Memory("uid", "team-a", "a"), "")
    assert (known.view_acl, known.modify_acl) == ("bob ml", "bob")
    assert acls_in(application, "trainmaster") == ("bob,trainmaster ml", "bob")
    assert acls_in(application, "") == ("bob ml", "bob")
    assert acls_in(None, "trainmaster") == ("trainmaster", "")
