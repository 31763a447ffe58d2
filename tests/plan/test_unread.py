"""Jobs that run by a declaration which this version can't read: kept alive, written down, ended, and nothing more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from plan.build import World, declared, job
from trainmaster.api import reasons
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import FieldProblem, ReplicaState
from trainmaster.master.codec import decode, encode
from trainmaster.plan.decide import begun, raised
from trainmaster.plan.ends import Cause
from trainmaster.plan.memory import Memory
from trainmaster.plan.unread import outline
from trainmaster.plan.values import AppState, Finish, Forget, Kill, Open, Start, Stop, Terminate

PROBLEM = FieldProblem(field="spec.elastic", value="", reason="no such field", line=4)
NEWER: dict[str, Any] = {"elastic": {"min": 1}}


def newer(memory: Memory, spec: dict[str, Any] | None = None, **outside: Any) -> Memory:
    """The memory as a newer version would have written it: its document has what this one can't read."""
    document = json.loads(memory.document)
    document["spec"] |= NEWER if spec is None else spec
    return replace(memory, document=json.dumps(document | outside))


def rolled_back(world: World, spec: dict[str, Any] | None = None, **outside: Any) -> World:
    """An older controller takes over: neither the declaration nor what is remembered of it can be read."""
    world.memory = raised(newer(world.memory, spec, **outside), 2)
    world.declared = replace(
        world.declared, job=None, problems=(PROBLEM,), generation=world.declared.generation + 1
    )
    world.seen = replace(world.seen, application=AppState.NONE, containers={})
    world.decides()
    return world


def taken_up(world: World, spec: dict[str, Any] | None = None) -> World:
    """The same, and it registers: what runs is listed."""
    containers = world.seen.containers
    return rolled_back(world, spec).sees(application=AppState.REGISTERED, containers=containers)


def rolled_forward(world: World, job: TrainingJob) -> World:
    """A controller that can read it takes over with what was remembered meanwhile."""
    document = World(job).memory.document
    world.memory = raised(replace(decode(encode(world.memory)), document=document), 3)
    return world.declares(job, problems=())


def test_what_runs_is_taken_up_and_shown_as_it_runs() -> None:
    world = rolled_back(World(job("TensorFlow", worker=2, ps=1)).runs())
    assert world.told_names == ["Open"]
    world = taken_up(World(job("TensorFlow", worker=2, ps=1)).runs())
    assert not world.plan.actions
    assert not world.plan.asks
    assert world.status.state == "Running"
    assert {name: role.running for name, role in world.status.roles.items()} == {"worker": 2, "ps": 1}


def test_only_what_can_not_be_read_of_a_declaration_is_left_out_of_account() -> None:
    whole = job("TensorFlow", worker=2, ps=1, spec={"queue": "gpu", "priority": 3})
    begun_with = World(whole).registers().memory
    priority = replace(begun_with.application, priority=3)
    read = outline(newer(replace(begun_with, application=priority), NEWER | {"roles": _with_newer(whole)}))
    assert read == whole


def _with_newer(whole: TrainingJob) -> dict[str, Any]:
    """Its roles, with a field that isn't known in one of them."""
    roles = whole.model_dump(mode="json", by_alias=True, exclude_unset=True)["spec"]["roles"]
    return roles | {"ps": roles["ps"] | {"affinity": "rack"}}


def test_its_status_says_which_field_can_not_be_read_and_that_it_is_stuck() -> None:
    world = taken_up(World(job(worker=2)).runs())
    accepted = world.condition("Accepted")
    assert (accepted.status, accepted.reason) == ("False", reasons.INVALID)
    assert "line 4: spec.elastic: no such field" in accepted.message
    assert "kept alive" in accepted.message
    assert world.condition("Stalled").status == "True"
    assert not world.is_true("Reconciling")
    assert world.status.errors == (PROBLEM,)
    assert world.status.observed_generation == world.declared.generation


def test_ends_are_written_down_uncharged_and_nothing_follows() -> None:
    world = taken_up(World(job(worker=2, policy={"backoff": {"base": 0}})).runs()).ends("worker-0", 1)
    assert world.memory.charged == 0
    assert world.memory.verdict is None
    assert (not world.plan.asks, world.plan.actions) == (True, ())
    shown = world.shown("worker-0")
    assert shown.state is ReplicaState.ENDED
    assert shown.last_exit is not None
    assert (shown.last_exit.code, shown.last_exit.cause) == (1, Cause.UNJUDGED.value)
    assert world.status.roles["worker"].running == 1
    assert world.later(100_000).memory.verdict is None


def test_an_end_that_is_told_again_is_written_down_once() -> None:
    world = taken_up(World(job(worker=2)).runs()).ends("worker-0", 1)
    before = world.memory
    world.ends("worker-0", -9999, container=world.replica("worker-0").container)
    assert world.memory == before


@pytest.mark.parametrize(("code", "charged"), [(1, 1), (-102, 0), (137, 1)])
def test_what_ended_meanwhile_is_judged_once_it_can_be(code: int, charged: int) -> None:
    spec = job(worker=2, policy={"backoff": {"base": 0}})
    world = rolled_forward(taken_up(World(spec).runs()).ends("worker-0", code, "words of YARN"), spec)
    assert world.memory.charged == charged
    assert world.asked == {"worker-0"}
    assert world.replica("worker-0").last_exit.message.count("words of YARN") == (code < 0)
    assert world.later(1).memory.charged == charged


def test_success_meanwhile_is_success_once_it_can_be_judged() -> None:
    spec = job(worker=2)
    world = taken_up(World(spec).runs()).ends("worker-0", 0).ends("worker-1", 0)
    assert world.status.state != "Succeeded"
    world = rolled_forward(world, spec)
    assert world.status.state == "Succeeded"
    assert world.told(Finish)[0].succeeded


def test_a_gang_meanwhile_broken_starts_anew_once_it_can_be_judged() -> None:
    spec = job("PyTorch", worker=3, policy={"backoff": {"base": 0}})
    world = rolled_forward(taken_up(World(spec).runs()).all_end({"worker-0": 1, "worker-2": 1}), spec)
    assert world.memory.generation == 2
    assert world.memory.charged == 1


def test_a_deletion_ends_its_application_and_then_the_job() -> None:
    world = taken_up(World(job(worker=2)).runs()).deletes()
    assert {"Stop"} == set(world.told_names)
    world.obeys()
    assert world.told(Finish)[0].killed
    world.closes()
    assert world.told(Forget)


LATER: dict[str, Any] = {
    "worker": {"replicas": 1, "command": "train", "terminationGracePeriod": {"soft": "1h"}}
}
"""with a field that is written in another way"""


@pytest.mark.parametrize("spec", [None, {"roles": 3}, {"roles": LATER}])
def test_of_what_can_not_be_read_nobody_is_stopped_before_its_time(spec: dict[str, Any] | None) -> None:
    """Its launcher knows how long that is, and ends it."""
    world = taken_up(World(job(worker=1, grace=3600)).runs(), spec).deletes()
    assert [action.container for action in world.told(Terminate)] == ["c1"]
    world.later(3599)
    assert not world.told(Stop)
    assert world.later(2).told(Stop)


@pytest.mark.parametrize("spec", [None, {"roles": 3}])
def test_people_can_cut_short_the_time_that_its_processes_have_to_end_in(spec: dict[str, Any] | None) -> None:
    """And nothing else does: of what can't be read nobody knows how long a time its roles are granted."""
    world = taken_up(World(job(worker=1, grace=3600)).runs().deletes(), spec).later(600)
    assert not world.told(Stop)
    world.declared = replace(world.declared, at_once=True)
    world.decides()
    assert [action.container for action in world.told(Stop)] == ["c1"]


def test_a_deletion_right_after_the_take_over_registers_first() -> None:
    world = rolled_back(World(job(worker=2)).runs()).deletes()
    assert world.told(Open)
    assert not world.told(Forget)


def test_it_is_suspended_where_that_can_be_read() -> None:
    spec = job(worker=2)
    world = taken_up(World(spec).runs())
    world.declares(None, problems=(PROBLEM,), suspends=True).obeys()
    assert world.told(Finish)[0].killed
    world.closes()
    assert world.status.state == "Suspended"
    world.declares(None, problems=(PROBLEM,), suspends=False)
    assert not world.plan.actions
    assert world.status.state == "Suspended"
    rolled_forward(world, spec)
    assert world.told(Open)


def test_a_broken_declaration_of_a_job_that_is_remembered_well_can_suspend_it_too() -> None:
    world = World(job(worker=2)).runs().declares(None, problems=(PROBLEM,), suspends=True).obeys().closes()
    assert world.status.state == "Suspended"
    world.declares(None, suspends=False)
    assert world.status.state == "Suspended"
    world.declares(job(worker=2), problems=())
    assert world.told(Open)


def test_a_verdict_that_stands_is_carried_out() -> None:
    world = World(job(worker=1)).runs().ends("worker-0", 0)
    assert world.memory.verdict
    world = rolled_back(world)
    world.sees(application=AppState.REGISTERED)
    assert world.told(Finish)[0].succeeded
    world.closes()
    assert world.condition("Finished").status == "True"
    assert world.status.state == "Succeeded"


def test_a_job_that_had_ended_stays_so_and_can_be_forgotten() -> None:
    world = rolled_back(World(job(worker=1)).runs().ends("worker-0", 0).closes())
    assert world.status.state == "Succeeded"
    assert not world.plan.actions
    assert world.deletes().told(Forget)


def test_what_yarn_says_of_the_application_is_heard() -> None:
    world = rolled_back(World(job(worker=1)).runs()).says(AppState.KILLED, "words")
    assert world.memory.verdict is not None
    assert not world.told(Start)


def test_an_application_whose_token_went_out_of_date_is_ended() -> None:
    world = rolled_back(World(job(worker=1)).runs()).says(AppState.TOKEN_LOST, "words")
    assert world.told(Kill)
    assert not world.told(Start)


def test_an_application_that_yarn_lost_is_opened_anew_only_when_the_declaration_can_be_read() -> None:
    spec = job("PyTorch", worker=2)
    world = rolled_back(World(spec).runs()).says(AppState.LOST, "expired").says(AppState.NONE)
    assert not world.told(Open)
    assert world.memory.lost_applications == 1
    assert world.status.state not in ("Running", "Failed")
    assert rolled_forward(world, spec).told(Open)


def test_a_job_that_waits_asks_for_nothing_and_says_why() -> None:
    world = taken_up(World(job(worker=2)).registers())
    assert not world.plan.asks
    assert world.condition("Queued").reason == reasons.INVALID
    world.later(100_000)
    assert not world.plan.asks
    assert not world.told(Open)


def test_a_stray_is_stopped_all_the_same() -> None:
    world = World(job(worker=2)).runs()
    world.grants("worker-0", run=1)
    live = world.seen.containers
    world = rolled_back(world).sees(application=AppState.REGISTERED, containers=live)
    assert len(world.plan.actions) == 1


@pytest.mark.parametrize(
    ("spec", "framework"),
    [
        ({}, "PyTorch"),
        ({"framework": "Later"}, "Generic"),
        ({"runPolicy": {"suspend": False, "later": [{"a": 1}]}}, "PyTorch"),
        ({"roles": {"worker": {"replicas": 2, "script": "x"}}}, "Generic"),
        ({"roles": ["worker"]}, "Generic"),
    ],
)
def test_whatever_can_not_be_read_does_not_keep_it_from_being_ended(
    spec: dict[str, Any], framework: str
) -> None:
    world = taken_up(World(job("PyTorch", worker=2)).runs(), NEWER | spec)
    assert world.status.roles["worker"].running == 2
    assert world.status.roles["worker"].asked.memory_mib == 0
    assert world.status.framework == ""
    world.deletes().obeys().closes()
    assert world.told(Forget)


@pytest.mark.parametrize("document", ["", "{", "[]", "null", '{"spec": null}'])
def test_a_document_that_is_none_does_no_harm(document: str) -> None:
    world = World(job(worker=2)).runs()
    live = world.seen.containers
    world.memory = replace(world.memory, document=document or " ")
    world.declares(None, problems=(PROBLEM,)).sees(containers=live)
    assert world.status.state == "Running"
    assert world.deletes().told_names == ["Terminate", "Terminate"]


def test_an_edit_that_can_be_read_takes_over() -> None:
    world = taken_up(World(job(worker=2)).runs())
    world.declares(job(worker=2), problems=())
    assert world.condition("Accepted").status == "True"
    assert not world.plan.actions
    world.declares(job(worker=3, spec={"scaling": "Live"}))
    assert world.asked == {"worker-2"}


def test_a_deletion_by_a_declaration_that_lacks_a_remembered_role_goes_through() -> None:
    world = taken_up(World(job(worker=2)).runs())
    world.declares(job(other=1), problems=(), deleted=True)
    assert world.told_names == ["Stop", "Stop"]


def test_what_was_never_accepted_is_refused_as_before() -> None:
    broken = declared(None, problems=(PROBLEM,))
    world = World(job(worker=1))
    world.declared, world.memory = broken, begun(broken)
    world.decides()
    assert world.status.state == "Refused"
    assert world.deletes().told(Forget)


def test_a_cause_of_another_version_is_read_as_unknown() -> None:
    world = World(job(worker=1, policy={"backoff": {"base": 0}})).runs().ends("worker-0", 1)
    record = encode(world.memory).replace(b'"Retryable"', b'"Hanging"')
    assert b"Hanging" in record
    last = decode(record).replicas[0].last_exit
    assert last is not None
    assert (last.cause, last.message) == (Cause.UNKNOWN, "exit code 1")


def test_what_yarn_loses_meanwhile_is_said_to_wait_until_it_can_be_read() -> None:
    spec = job(worker=2)
    world = taken_up(World(spec).runs()).sees(application=AppState.LOST, application_words="", containers={})
    said = world.events[-1].message
    assert said == "YARN lost the application; it is submitted anew once its declaration can be read"
    world.sees(application=AppState.NONE)
    assert world.told(Open) == []
    assert not world.is_true("Restarting")
    assert rolled_forward(world, spec).told(Open)


def test_that_a_finished_job_expires_changes_nothing_of_what_is_said_of_its_declaration() -> None:
    """What was edited after its end has other roles; of what it ran by only the time to live can be read."""
    ran = World(job(worker=1, chief=1, policy={"backoffLimit": 0, "ttlAfterFinished": 30})).runs()
    ended = ran.ends("chief-0", 3).obeys().closes()
    ended.memory = raised(newer(ended.memory), 2)
    ended.declares(job(worker=1))
    before = ended.condition("Accepted")
    ended.later(30)
    assert ended.memory.expired
    assert ended.condition("Accepted") == before
    assert ended.later(1).condition("Accepted") == before
