"""Ends of jobs as sentences: success, deletion, suspension, deadlines, time to live."""

from __future__ import annotations

import pytest

from plan.build import World, cluster, declared, job
from trainmaster.plan.decide import begun, decide, raised
from trainmaster.plan.values import AppState, ContainerState, Finish, Forget, Open, Seen, Stop

FREE = {"backoff": {"base": 0}}


def reason(world: World) -> str:
    assert world.memory.verdict is not None
    return world.memory.verdict.reason


# --- success


@pytest.mark.parametrize(
    ("framework", "success", "roles", "ends", "succeeded"),
    [
        ("TensorFlow", None, {"chief": 1, "worker": 2}, ["worker-0"], False),
        ("TensorFlow", None, {"chief": 1, "worker": 2}, ["chief-0"], True),
        ("TensorFlow", None, {"worker": 2, "ps": 1}, ["worker-1"], False),
        ("TensorFlow", None, {"worker": 2, "ps": 1}, ["worker-0"], True),
        ("PyTorch", None, {"master": 1, "worker": 2}, ["master-0"], True),
        ("Generic", None, {"worker": 2}, ["worker-0"], False),
        ("Generic", None, {"worker": 2}, ["worker-0", "worker-1"], True),
        ("Generic", "AnyWorker", {"worker": 2}, ["worker-1"], True),
        ("TensorFlow", "AllWorkers", {"worker": 2, "ps": 1}, ["worker-0"], False),
        ("TensorFlow", "AllWorkers", {"worker": 2, "ps": 1}, ["worker-0", "worker-1"], True),
    ],
)
def test_a_job_succeeds_when_those_that_decide_did(
    framework: str, success: str | None, roles: dict[str, int], ends: list[str], succeeded: bool
) -> None:
    world = World(job(framework, success=success, **roles)).runs()
    for name in ends:
        world.ends(name, 0)
    assert world.is_true("Succeeded") is succeeded


def test_after_success_the_parameter_servers_are_stopped_and_yarn_is_told() -> None:
    world = World(job("TensorFlow", worker=1, ps=2)).runs().ends("worker-0", 0)
    assert {s.container for s in world.told(Stop)} == {"c2", "c3"}
    assert not world.told(Finish)
    assert not world.is_true("Finished")
    assert world.plan.wake_at == world.now + 10
    world.obeys()
    assert world.told(Finish) == [Finish(succeeded=True, killed=False, message="worker-0 succeeded")]
    world.closes()
    assert world.condition("Finished").status == "True"
    assert world.shown("ps-0").state == "Stopped"
    assert world.shown("worker-0").state == "Succeeded"
    assert world.status.application_id == "application_1_0001"
    assert not world.plan.actions


def test_yarn_is_told_of_the_end_though_a_process_will_not_go() -> None:
    world = World(job("TensorFlow", worker=1, ps=1)).runs().ends("worker-0", 0).later(10)
    assert world.told(Finish)


# --- deletion


def test_deletion_stops_everything_and_then_forgets() -> None:
    world = World(job(worker=2)).runs().deletes()
    assert len(world.told(Stop)) == 2
    assert not world.told(Forget)
    world.obeys()
    assert world.told(Finish) == [Finish(succeeded=False, killed=True, message="the declaration was deleted")]
    assert world.closes().told_names == ["Forget"]


def test_a_job_without_an_application_is_forgotten_at_once() -> None:
    assert World(job(worker=1)).deletes().told_names == ["Forget"]


def test_a_job_that_is_just_being_opened_is_not_forgotten_yet() -> None:
    world = World(job(worker=1)).says(AppState.OPENING).deletes()
    assert world.told_names == []
    assert not world.registers().told(Forget)
    assert world.told(Finish)
    assert world.closes().told_names == ["Forget"]


def test_a_finished_job_is_forgotten_when_it_is_deleted() -> None:
    world = World(job(worker=1)).runs().ends("worker-0", 0).closes().deletes()
    assert world.told_names == ["Forget"]


def test_a_refused_or_second_declaration_is_forgotten_when_it_is_deleted() -> None:
    second = declared(job(worker=1), duplicate_of="other.yaml", deleted=True)
    plan = decide(second, begun(second), Seen(), 1.0)
    assert plan.actions == (Forget(),)
    refused = World(job(worker=1)).sees(cluster=cluster(queue_found=False)).deletes()
    assert refused.told_names == ["Forget"]


def test_a_deleted_application_is_taken_up_again_to_be_ended() -> None:
    world = World(job(worker=1)).runs().deletes()
    world.memory = raised(world.memory, 2)
    assert world.says(AppState.NONE).told_names == ["Open"]


def test_roles_that_leave_with_the_deletion_do_no_harm() -> None:
    world = World(job(worker=1, ps=1)).runs()
    world.declared = declared(job(worker=1), deleted=True)
    assert len(world.ends("ps-0", 1).told(Stop)) == 1


# --- suspend and resume


def test_suspension_gives_all_back_and_resuming_opens_a_new_application() -> None:
    running = job("Generic", FREE, worker=2)
    held = job("Generic", {**FREE, "suspend": True}, worker=2)
    world = World(running).runs().ends("worker-0", 1).runs()
    world.declares(held)
    assert len(world.told(Stop)) == 2
    assert world.condition("Suspended").reason == "Suspending"
    world.obeys()
    assert world.told(Finish)[0].killed
    world.sees(application=AppState.CLOSED, containers={})
    assert world.status.state == "Suspended"
    assert world.condition("Ready").status == "True"
    assert world.plan.actions == ()
    world.declares(running)
    assert world.told_names == ["Open"]
    assert world.status.earlier_application_ids == ("application_1_0001",)
    assert world.condition("Queued").status == "True"
    assert not world.is_true("Restarting")
    world.runs()
    assert (world.memory.charged, world.memory.generation, world.status.state) == (1, 2, "Running")


def test_resuming_before_the_end_still_ends_the_old_application() -> None:
    held = job(worker=1, policy={"suspend": True})
    world = World(job(worker=1)).runs().declares(held).declares(job(worker=1))
    assert not world.told(Open)
    world.obeys()
    assert world.told(Finish)
    world.sees(application=AppState.CLOSED, containers={})
    assert world.told_names == ["Open"]


def test_suspending_while_opening_waits_for_the_application() -> None:
    world = World(job(worker=1)).says(AppState.OPENING).declares(job(worker=1, policy={"suspend": True}))
    assert not world.is_true("Suspended")
    assert world.registers().told(Finish)
    assert world.closes().condition("Suspended").status == "True"


def test_a_job_that_is_born_suspended_waits_and_its_wait_does_not_count() -> None:
    held = job(worker=1, policy={"suspend": True, "pendingDeadline": "60s"})
    world = World(held).later(1000)
    assert world.status.state == "Suspended"
    world.declares(job(worker=1, policy={"pendingDeadline": "60s"}))
    assert world.told_names == ["Open"]
    assert reason(world.later(60)) == "PendingDeadlineExceeded"


def test_a_job_without_an_application_asks_for_no_container_and_so_waits_for_none() -> None:
    """Ten thousand suspended jobs were looked at a second time each, for nothing."""
    assert World(job(worker=2, policy={"suspend": True})).plan.wake_at is None


def test_a_suspended_job_can_be_deleted() -> None:
    world = World(job(worker=1)).runs().declares(job(worker=1, policy={"suspend": True})).obeys().closes()
    assert world.deletes().told_names == ["Forget"]


def test_suspending_after_the_end_changes_nothing() -> None:
    world = World(job(worker=1)).runs().ends("worker-0", 0).declares(job(worker=1, policy={"suspend": True}))
    assert world.status.state == "Succeeded"
    assert world.closes().declares(job(worker=1)).told_names == []


# --- deadlines and time to live


def test_the_active_deadline_counts_from_the_start() -> None:
    world = World(job(worker=1, policy={"activeDeadline": "100s"})).later(500).runs()
    assert world.plan.wake_at == world.now + 100
    assert reason(world.later(100)) == "ActiveDeadlineExceeded"
    assert world.told(Stop)


def test_the_pending_deadline_counts_from_when_the_job_was_first_seen() -> None:
    world = World(job(worker=1, policy={"pendingDeadline": "100s"}))
    assert world.plan.wake_at == world.now + 100
    world.later(99)
    assert world.memory.verdict is None
    assert reason(world.later(1)) == "PendingDeadlineExceeded"


def test_the_pending_deadline_ends_with_the_start() -> None:
    world = World(job(worker=1, policy={"pendingDeadline": "100s"})).runs().later(500)
    assert world.memory.verdict is None


def test_after_its_time_to_live_a_tombstone_is_left_that_never_trains_again() -> None:
    world = World(job(worker=1, policy={"ttlAfterFinished": "60s"})).runs().ends("worker-0", 0).closes()
    assert world.plan.wake_at == world.now + 60
    world.later(60)
    assert world.memory.expired
    assert world.memory.replicas == ()
    assert world.plan.wake_at is None
    assert world.declares(job(worker=3)).plan.actions == ()
    assert world.status.state == "Succeeded"
    assert world.deletes().told_names == ["Forget"]


def test_the_declaration_itself_is_removed_only_if_asked() -> None:
    policy = {"ttlAfterFinished": "60s", "ttlDeletesResource": True}
    world = World(job(worker=1, policy=policy)).runs().ends("worker-0", 0).closes().later(60)
    assert world.told_names == ["RemoveDeclaration"]


def test_a_job_that_is_declared_suspended_is_told_that_nothing_was_started() -> None:
    world = World(job(worker=1, policy={"suspend": True}))
    assert world.condition("Suspended").message == "nothing was started: it was declared suspended"
    assert [event.message for event in world.events] == ["Suspending: nothing was started"]


def test_a_status_says_nothing_of_what_the_job_has_never_been() -> None:
    world = World(job(worker=1)).registers()
    kept = {"Accepted", "Ready", "Stalled", "Reconciling"}
    assert {c.type for c in world.status.conditions} == kept | {"Queued"}
    world.grants("worker-0").turns(ContainerState.RUNNING, "worker-0")
    assert {c.type for c in world.status.conditions} == kept | {"Queued", "Starting", "Running"}
    assert not world.is_true("Queued")
