"""Edits of jobs that run, and applications that go astray."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from plan.build import THROUGH_NEW, World, cluster, job
from trainmaster.api.job import TrainingJob
from trainmaster.plan.decide import begun
from trainmaster.plan.values import (
    AppState,
    Kill,
    Open,
    Park,
    Prioritize,
    Reinitialise,
    Size,
    Start,
    Stop,
    Terminate,
)

FREE = {"backoff": {"base": 0}}


def reason(world: World) -> str:
    assert world.memory.verdict is not None
    return world.memory.verdict.reason


# --- edits


def test_a_live_edit_restarts_nothing() -> None:
    world = World(job(worker=2)).runs().declares(job(worker=2, policy={"backoffLimit": 9}))
    assert not world.plan.actions
    assert world.status.observed_generation == 2


def test_an_edited_command_restarts_the_job_once_uncharged() -> None:
    world = (
        World(job(worker=2), limits=THROUGH_NEW)
        .runs()
        .declares(job(worker=2, roles={"worker": {"command": "other"}}))
    )
    assert len(world.told(Stop)) == 2
    assert (world.memory.charged, world.memory.generation) == (0, 2)
    assert "SpecChanged" in world.heard
    world.obeys().runs()
    assert world.status.state == "Running"


ROLE = {"env": [{"name": "A", "value": "1"}]}


@pytest.mark.parametrize(
    ("edit", "stays"),
    [
        ({"roles": {"worker": {"command": "other"}}}, True),
        ({"roles": {"worker": ROLE}}, True),
        ({"spec": {"env": ROLE["env"], "checkpointPath": "hdfs:///c"}}, True),
        ({"roles": {"worker": {"resources": {"memory": "2Gi"}}}}, False),
        ({"roles": {"worker": {"files": [{"source": "hdfs:///train.py"}]}}}, False),
        ({"roles": {"worker": {"ports": 2, "command": "other"}}}, False),
        ({"spec": {"framework": "Custom"}}, False),
        ({"ps": 1}, False),
    ],
)
def test_an_edit_of_what_processes_are_told_keeps_their_containers(edit: dict[str, Any], stays: bool) -> None:
    world = World(job(worker=2)).runs().declares(job(**{"worker": 2, **edit}))
    assert (len(world.told(Park)), len(world.told(Stop))) == ((2, 0) if stays else (0, 2))
    assert (world.memory.charged, world.memory.generation) == (0, 2)


def _env(*variables: dict[str, object]) -> dict[str, Any]:
    return {"env": [*variables]}


KEY = {"name": "KEY", "valueFrom": {"file": "hdfs:///user/alice/key"}}
OTHER = {"name": "KEY", "valueFrom": {"file": "hdfs:///user/alice/other"}}
SECRET = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}}
PLAIN = {"name": "A", "value": "1"}


@pytest.mark.parametrize(
    ("before", "after", "stays"),
    [
        (_env(), _env(KEY), False),
        (_env(KEY), _env(OTHER), False),
        (_env(KEY), _env(PLAIN), False),
        (_env(SECRET), _env(KEY), False),
        (_env(KEY), _env(KEY, PLAIN), True),
        (_env(), _env(SECRET), True),
    ],
)
@pytest.mark.parametrize("all_", [False, True])
def test_a_value_that_a_file_holds_is_brought_to_a_new_container(
    before: dict[str, Any], after: dict[str, Any], stays: bool, all_: bool
) -> None:
    """YARN brings files when a container begins, and no more of them to one that goes on."""

    def said(env: dict[str, Any]) -> TrainingJob:
        return job(worker=1, spec=env) if all_ else job(worker=1, roles={"worker": env})

    world = World(said(before)).runs().declares(said(after))
    assert (len(world.told(Park)), len(world.told(Stop))) == ((1, 0) if stays else (0, 1))


def test_whoever_has_time_to_end_in_gets_another_container() -> None:
    """A process that is ended in its container has none, and could not write its checkpoint."""
    world = World(job(worker=2, grace=30)).runs()
    world.declares(job(worker=2, grace=30, roles={"worker": {"command": "other"}}))
    assert (len(world.told(Park)), len(world.told(Terminate))) == (0, 2)


def test_only_whoever_has_time_to_end_in_gets_another_container() -> None:
    """Peers that need none keep theirs, and nothing begins before the others have had their time."""
    roles: dict[str, Any] = {"ps": {"terminationGracePeriod": 0}, "worker": {"terminationGracePeriod": 30}}
    world = World(job("TensorFlow", roles=roles, worker=2, ps=1)).runs()
    edited = {**roles, "worker": {**roles["worker"], "command": "other"}}
    world.declares(job("TensorFlow", roles=edited, worker=2, ps=1))
    assert (len(world.told(Park)), len(world.told(Terminate)), len(world.told(Stop))) == (1, 2, 0)
    world.begins_anew("ps-0").grants("worker-0", "worker-1")
    assert not world.told(Start)
    assert not world.told(Reinitialise)
    world.all_end({"worker-0": 143, "worker-1": 143})
    assert (len(world.told(Start)), len(world.told(Reinitialise))) == (2, 1)
    assert world.memory.charged == 0


def test_an_edit_before_the_start_makes_old_grants_strays() -> None:
    world = World(job(worker=2)).registers().grants("worker-0")
    world.declares(job(worker=2, roles={"worker": {"resources": {"memory": "2Gi"}}}))
    assert world.told_names == ["Release"]
    assert {a.size for a in world.plan.asks} == {Size(2048, 1, 0)}


def test_a_new_priority_is_told_to_yarn_once_it_listens() -> None:
    world = World(job(worker=1)).runs().says(AppState.AWAY)
    assert world.declares(job(worker=1, spec={"priority": 7})).told(Prioritize) == []
    assert world.says(AppState.REGISTERED).told(Prioritize) == [Prioritize(7)]


def test_roles_in_another_order_are_the_same_roles() -> None:
    world = World(job("TensorFlow", worker=2, ps=1)).runs().declares(job("TensorFlow", ps=1, worker=2))
    assert not world.plan.actions
    assert world.memory.generation == 1


def test_an_edit_that_can_never_fit_stops_nothing() -> None:
    world = World(job(worker=2)).runs()
    world.declares(job(worker=2, roles={"worker": {"resources": {"memory": "900Gi"}}}))
    assert not world.plan.actions
    assert world.condition("Accepted").reason == "NeverFits"
    assert world.condition("Accepted").message.endswith("going on with the declaration before")
    assert world.heard.count("NeverFits") == 1
    assert world.later(5).heard.count("NeverFits") == 1
    assert world.declares(job(worker=2)).condition("Accepted").status == "True"


def test_an_edit_is_held_while_nobody_can_say_whether_it_fits() -> None:
    live = {"scaling": "Live"}
    world = World(job(worker=2, spec=live)).runs().sees(cluster=None).declares(job(worker=1, spec=live))
    assert not world.plan.actions
    assert world.condition("Reconciling").reason == "YarnAway"
    assert not world.is_true("Stalled")
    assert len(world.sees(cluster=cluster()).told(Stop)) == 1
    assert not world.is_true("Reconciling")


def test_an_immutable_field_stays_and_the_edit_is_shown() -> None:
    world = World(job(worker=1)).runs().declares(job(worker=1, spec={"queue": "other", "user": "bob"}))
    assert not world.plan.actions
    assert world.condition("Accepted").reason == "ImmutableField"
    assert [p.field for p in world.status.errors] == ["spec.queue", "spec.user"]
    assert world.heard.count("ImmutableField") == 2
    assert world.status.state == "Running"


def test_scaling_down_stops_and_up_again_takes_higher_runs() -> None:
    live = {"scaling": "Live"}
    world = World(job(worker=3, spec=live)).runs().declares(job(worker=1, spec=live))
    assert {s.container for s in world.told(Stop)} == {"c2", "c3"}
    world.obeys().declares(job(worker=2, spec=live))
    assert [(str(a.key), a.run) for a in world.plan.asks] == [("worker-1", 2)]


@pytest.mark.parametrize("framework", ["PyTorch", "TensorFlow", "Generic"])
@pytest.mark.parametrize("workers", [1, 3])
def test_scaling_restarts_whoever_was_told_the_number_of_its_peers(framework: str, workers: int) -> None:
    world = (
        World(job(framework, worker=2), limits=THROUGH_NEW).runs().declares(job(framework, worker=workers))
    )
    assert len(world.told(Stop)) == 2
    assert (world.memory.restarts, world.memory.charged) == (1, 0)
    world.obeys().grants(*world.asked)
    told = [start.environment for start in world.told(Start)]
    assert {env["TRAINMASTER_REPLICAS"] for env in told} == {str(workers)}
    assert {len(json.loads(env["TRAINMASTER_CLUSTER"])["worker"]) for env in told} == {workers}


def test_scaling_restarts_the_other_roles_too_for_they_hold_all_addresses() -> None:
    world = World(job(ps=1, worker=1), limits=THROUGH_NEW).runs().declares(job(ps=1, worker=2))
    assert len(world.told(Stop)) == 2


def test_what_has_ended_well_runs_again_with_the_new_number() -> None:
    world = World(job(worker=2)).runs().ends("worker-0", 0).declares(job(worker=3))
    assert world.obeys().asked == {"worker-0", "worker-2"}
    assert [park.container for park in world.told(Park)] == ["c2"]


@pytest.mark.parametrize("workers", [1, 3])
def test_scaling_keeps_the_containers_of_those_that_stay_and_need_no_time_to_end_in(workers: int) -> None:
    world = World(job("PyTorch", worker=2)).runs().declares(job("PyTorch", worker=workers))
    assert (len(world.told(Park)), len(world.told(Stop))) == (min(2, workers), 2 - min(2, workers))
    world.obeys().begins_anew("worker-0", *["worker-1"] * (workers > 1)).grants(*world.asked)
    told = [action.environment for action in (*world.told(Start), *world.told(Reinitialise))]
    assert [env["WORLD_SIZE"] for env in told] == [str(workers)] * workers
    assert world.memory.charged == 0


def test_who_would_leave_others_waiting_for_long_keeps_nobodys_container() -> None:
    """Others could use what is held meanwhile."""
    roles: dict[str, Any] = {"ps": {"terminationGracePeriod": 0}, "worker": {"terminationGracePeriod": 600}}
    world = World(job("TensorFlow", roles=roles, worker=1, ps=1)).runs()
    edited = {**roles, "worker": {**roles["worker"], "command": "other"}}
    world.declares(job("TensorFlow", roles=edited, worker=1, ps=1))
    assert (len(world.told(Park)), len(world.told(Terminate)), len(world.told(Stop))) == (0, 1, 1)


def test_where_scaling_is_live_only_new_processes_are_told_the_new_number() -> None:
    live = {"scaling": "Live"}
    world = World(job(worker=2, spec=live)).runs().declares(job(worker=3, spec=live))
    assert not world.told(Stop)
    world.grants("worker-2")
    assert [s.environment["TRAINMASTER_REPLICAS"] for s in world.told(Start)] == ["3"]


def test_scaling_what_does_not_run_yet_restarts_nothing() -> None:
    world = World(job(worker=2)).registers().grants("worker-0").declares(job(worker=3))
    assert world.memory.restarts == 0


def test_a_role_number_is_never_used_again() -> None:
    world = World(job(worker=1, ps=1)).runs().declares(job(worker=1)).declares(job(worker=1, eval=1))
    assert world.memory.role_numbers == {"worker": 0, "ps": 1, "eval": 2}


def test_what_runs_goes_on_by_the_last_good_declaration() -> None:
    world = World(job("Generic", FREE, worker=1)).runs().breaks("no such field").ends("worker-0", 1)
    assert world.asked == {"worker-0"}
    assert world.condition("Accepted").reason == "Invalid"
    assert "no such field" in world.condition("Accepted").message
    assert world.status.errors


def test_a_declaration_that_was_never_good_is_refused_and_its_status_stands_still() -> None:
    broken = World(job(worker=1))
    broken.memory = begun(broken.declared)
    first = broken.breaks().status
    assert first.state == "Refused"
    assert broken.later(100).status == first


def test_a_job_can_be_suspended_by_an_edit_that_is_not_taken_in_otherwise() -> None:
    world = World(job(worker=1)).runs()
    huge = {"worker": {"resources": {"memory": "900Gi"}}}
    world.declares(job(worker=1, roles=huge))
    assert not world.is_true("Accepted")
    assert not world.told(Stop)
    world.declares(job(worker=1, roles=huge, policy={"suspend": True}))
    assert len(world.told(Stop)) == 1
    assert world.condition("Suspended").reason == "Suspending"


# --- applications that go astray


def test_a_lost_application_is_opened_anew_three_times() -> None:
    world = World(job(worker=1))
    for n in range(1, 4):
        world.runs().sees(application=AppState.LOST, containers={}, application_words="expired")
        assert world.condition("Restarting").status == "True"
        assert world.told_names == ["Open"]
        assert (world.memory.lost_applications, world.memory.charged) == (n, 0)
        world.says(AppState.NONE)
    world.runs().sees(application=AppState.LOST, containers={})
    assert reason(world) == "ApplicationLost"
    assert world.condition("Finished").status == "True"


def test_an_application_that_was_lost_before_anything_ran_restarts_nothing() -> None:
    world = World(job(worker=2)).registers().says(AppState.LOST, "expired")
    assert world.memory.lost_applications == 1
    assert not world.is_true("Restarting")
    world.says(AppState.NONE).registers().grants("worker-0")
    assert not world.is_true("Restarting")


def test_a_job_that_was_killed_in_yarn_stays_so() -> None:
    world = World(job(worker=1)).runs().says(AppState.KILLED, "killed by user eve")
    assert reason(world) == "KilledOutside"
    assert "killed by user eve" in world.condition("Failed").message
    assert not world.told(Open)


def test_an_application_without_its_token_is_ended() -> None:
    world = World(job(worker=1)).registers()
    assert world.memory.application
    world.memory = replace(world.memory, application=replace(world.memory.application, token=""))
    world.says(AppState.TOKEN_LOST)
    assert world.told(Kill) == [Kill("application_1_0001")]
    assert reason(world) == "TokenLost"
    assert world.closes().condition("Finished").status == "True"


def test_an_application_whose_token_has_gone_out_of_date_is_ended_and_submitted_anew() -> None:
    world = World(job(worker=1)).runs().says(AppState.TOKEN_LOST, "the token is not known any more")
    assert world.told(Kill) == [Kill("application_1_0001")]
    assert world.memory.verdict is None
    world.says(AppState.CLOSED, "killed: its token was lost")
    assert world.told(Open)
    assert (world.memory.lost_applications, world.memory.charged) == (1, 0)


def test_a_full_queue_is_asked_again_and_a_refusal_that_stays_is_the_end() -> None:
    world = World(job(worker=1)).registers()
    world.says(AppState.REFUSED, "Queue root.default already has 5 applications, cannot accept submission")
    assert world.memory.verdict is None
    assert world.status.earlier_application_ids == ()
    assert not world.later(29).told(Open)
    assert world.plan.wake_at == world.now + 1
    assert world.later(1).told(Open)
    world.registers().says(AppState.REFUSED, "user alice cannot submit to queue default")
    assert reason(world) == "SubmissionRefused"
    assert "cannot submit" in world.condition("Failed").message


def test_nothing_is_opened_while_yarn_is_away() -> None:
    assert not World(job(worker=1)).says(AppState.AWAY).told(Open)
