"""What is kept of an object: enough to drive its job, and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sources.kubernetes.model import Model, spec
from trainmaster.api.goodput_status import GoodputStatus
from trainmaster.api.status import (
    Condition,
    ConditionType,
    JobStatus,
    ReplicaState,
    ReplicaStatus,
    RoleStatus,
)
from trainmaster.sources.kubernetes import showing
from trainmaster.sources.kubernetes.api import APPLY, JSON
from trainmaster.sources.kubernetes.objects import digest, seen_in, unreadable

NOTES = {"kubectl.kubernetes.io/last-applied-configuration": "the whole object once more"}


def test_a_spec_is_read_once_for_each_generation() -> None:
    model = Model()
    model.create()
    first = seen_in(model.document())
    model.edit(status={"state": "Running"})
    second = seen_in(model.document(), first)
    assert second.version != first.version
    assert second.job is first.job
    model.edit(spec=spec("another"))
    third = seen_in(model.document(), second)
    assert third.job != first.job


def test_the_same_version_is_the_same_object() -> None:
    model = Model()
    model.create()
    first = seen_in(model.document())
    assert seen_in(model.document(), first) is first


def test_notes_of_other_tools_are_not_kept() -> None:
    model = Model()
    model.create()
    plain = seen_in(model.document())
    noted = model.document()
    noted["metadata"] |= {"annotations": NOTES, "managedFields": [{}]}
    assert seen_in(noted) == plain


def test_an_object_of_another_program_is_a_broken_one() -> None:
    model = Model()
    model.create(spec={"training": "yes"}, status={"conditions": "none", "applicationId": None})
    seen = seen_in(model.document())
    assert seen.job is None
    assert {problem.field for problem in seen.problems} == {"spec.roles", "spec.training"}
    assert (seen.finished, seen.application) == (False, "")


def test_of_an_object_that_cannot_be_read_at_least_its_name_is_known() -> None:
    model = Model()
    model.create()
    seen = unreadable(model.document())
    assert (seen.namespace, seen.name, seen.uid, seen.job) == ("vision", "mnist", model.uid(), None)
    assert seen.problems


@pytest.mark.parametrize(
    ("conditions", "finished"),
    [
        ([], False),
        ([{"type": "Finished", "status": "False"}], False),
        ([{"type": "Succeeded", "status": "True"}], False),
        ([{"type": "Succeeded", "status": "True"}, {"type": "Finished", "status": "True"}], True),
    ],
)
def test_an_end_is_what_the_status_says_of_it(conditions: list[dict[str, str]], finished: bool) -> None:
    model = Model()
    model.create(status={"conditions": conditions, "applicationId": "application_1_0001"})
    seen = seen_in(model.document())
    assert (seen.finished, seen.application) == (finished, "application_1_0001")


def test_a_status_is_known_again_after_the_api_server_wrote_its_numbers_otherwise() -> None:
    status = _status(running_time=12.0)
    back = json.loads(json.dumps(showing.wire(status)).replace("12.0", "12"))
    assert digest(back) == digest(showing.wire(status))
    assert digest(showing.wire(_status(running_time=12.5))) != digest(back)


def test_no_status_is_no_digest() -> None:
    assert digest({}) == ""
    assert digest(showing.wire(JobStatus()))


def test_a_status_goes_to_the_very_version_that_was_seen() -> None:
    model = Model()
    model.create()
    seen = seen_in(model.document())
    kind, patch = showing.patch(seen, {"state": "Running"})
    assert kind == APPLY
    assert isinstance(patch, dict)
    assert patch["metadata"] == {"name": "mnist", "namespace": "vision", "resourceVersion": seen.version}
    assert patch["status"] == {"state": "Running"}


def test_the_status_of_an_object_that_can_not_be_applied_to_is_replaced() -> None:
    model = Model()
    model.create(spec={"roles": "none"})
    seen = seen_in(model.document())
    kind, patch = showing.patch(seen, {"state": "Refused"})
    assert kind == JSON
    assert patch == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": seen.version},
        {"op": "add", "path": "/status", "value": {"state": "Refused"}},
    ]


def condition(type_: str, status: str = "True") -> dict[str, str]:
    return {"type": type_, "status": status}


@pytest.mark.parametrize(
    ("found", "removed"),
    [
        ({"state": "Running", "conditions": [condition("Ready")]}, []),
        ({"state": "Running", "completionTime": "2026-01-01T00:00:00Z"}, ["completionTime"]),
        (
            {
                "conditions": [
                    condition("Failed"),
                    condition("Approved"),
                    condition("Ready"),
                    condition("Finished"),
                ]
            },
            ["conditions/3", "conditions/0"],
        ),
    ],
)
def test_what_somebody_wrote_beside_ours_is_taken_away_and_the_conditions_of_others_stay(
    found: dict[str, Any], removed: list[str]
) -> None:
    model = Model()
    model.create()
    seen = seen_in(model.document())
    patch = showing.clearing(seen, found, {"state": "Running", "conditions": [condition("Ready")]})
    assert [step["path"] for step in patch if step["op"] == "remove"] == [
        f"/status/{each}" for each in removed
    ]
    assert [step["value"] for step in patch if step["op"] == "test"] == ([seen.version] if removed else [])


def test_a_condition_of_others_makes_no_other_status_and_one_of_ours_does() -> None:
    model = Model()
    model.create(status={"state": "Running", "conditions": [condition("Ready")]})
    before = seen_in(model.document()).shown
    model.edit(status={"state": "Running", "conditions": [condition("Ready"), condition("Approved")]})
    assert seen_in(model.document()).shown == before
    model.edit(status={"state": "Running", "conditions": [condition("Ready"), condition("Failed")]})
    assert seen_in(model.document()).shown != before


def test_a_status_is_no_larger_than_an_object_may_be() -> None:
    replicas = tuple(
        ReplicaStatus(index=index, state=ReplicaState.RUNNING, node="n" * 200) for index in range(9000)
    )
    wire = showing.wire(JobStatus(roles={"worker": RoleStatus(wanted=9000, running=9000, replicas=replicas)}))
    assert len(json.dumps(wire)) < 600_000
    assert wire["roles"]["worker"]["running"] == 9000
    assert wire["roles"]["worker"]["omitted"] == 9000 - len(wire["roles"]["worker"]["replicas"])


def _status(running_time: float) -> JobStatus:
    accepted = Condition(
        type=ConditionType.ACCEPTED,
        status="True",
        reason="Accepted",
        message="accepted",
        last_transition_time="2026-01-02T03:04:05Z",
    )
    return JobStatus(conditions=(accepted,), running_time=running_time, roles={"ps": RoleStatus(wanted=1)})


def test_no_empty_map_is_shown_which_server_side_apply_would_make_null() -> None:
    goodput = GoodputStatus(time="2026-11-28T02:16:31Z", lost_by_node={"n1": 3})
    wire = showing.wire(JobStatus(goodput=goodput))
    assert wire["goodput"] == {"time": "2026-11-28T02:16:31Z", "lostByNode": {"n1": 3}}
    assert "roles" not in wire
