"""Ends of jobs as sentences: success, deletion, suspension, deadlines, edits, and applications that go astray."""

from __future__ import annotations

import pytest

from plan.build import World, cluster, declared, job
from trainmaster.plan.decide import decide, fresh, raised
from trainmaster.plan.values import AppState, Finish, Forget, Kill, Open, Seen, Size, Stop

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
    assert (world.condition("Succeeded").status == "True") is succeeded


def test_after_success_the_parameter_servers_are_stopped_and_yarn_is_told() -> None:
    world = World(job("TensorFlow", worker=1, ps=2)).runs().ends("worker-0", 0)
    assert {s.container for s in world.told(Stop)} == {"c2", "c3"}
    assert not world.told(Finish)
    assert world.condition("Finished").status == "False"
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
    plan = decide(second, fresh(second), Seen(), 1.0)
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
    assert world.condition("Restarting").status == "False"
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
    assert world.condition("Suspended").status == "False"
    assert world.registers().told(Finish)
    assert world.closes().condition("Suspended").status == "True"


def test_a_job_that_is_born_suspended_waits_and_its_wait_does_not_count() -> None:
    held = job(worker=1, policy={"suspend": True, "pendingDeadline": "60s"})
    world = World(held).later(1000)
    assert world.status.state == "Suspended"
    world.declares(job(worker=1, policy={"pendingDeadline": "60s"}))
    assert world.told_names == ["Open"]
    assert reason(world.later(60)) == "PendingDeadlineExceeded"


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


# --- edits


def test_a_live_edit_restarts_nothing() -> None:
    world = World(job(worker=2)).runs().declares(job(worker=2, policy={"backoffLimit": 9}))
    assert not world.plan.actions
    assert world.status.observed_generation == 2


def test_an_edited_command_restarts_the_job_once_uncharged() -> None:
    world = World(job(worker=2)).runs().declares(job(worker=2, roles={"worker": {"command": "other"}}))
    assert len(world.told(Stop)) == 2
    assert (world.memory.charged, world.memory.generation) == (0, 2)
    assert "SpecChanged" in world.heard
    world.obeys().runs()
    assert world.status.state == "Running"


def test_an_edit_before_the_start_makes_old_grants_strays() -> None:
    world = World(job(worker=2)).registers().grants("worker-0")
    world.declares(job(worker=2, roles={"worker": {"resources": {"memory": "2Gi"}}}))
    assert world.told_names == ["Release"]
    assert {a.size for a in world.plan.asks} == {Size(2048, 1, 0)}


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
    world = World(job(worker=2)).runs().sees(cluster=None).declares(job(worker=1))
    assert not world.plan.actions
    assert len(world.sees(cluster=cluster()).told(Stop)) == 1


def test_an_immutable_field_stays_and_the_edit_is_shown() -> None:
    world = World(job(worker=1)).runs().declares(job(worker=1, spec={"queue": "other", "user": "bob"}))
    assert not world.plan.actions
    assert world.condition("Accepted").reason == "ImmutableField"
    assert [p.field for p in world.status.errors] == ["spec.queue", "spec.user"]
    assert world.heard.count("ImmutableField") == 2
    assert world.status.state == "Running"


def test_scaling_down_stops_and_up_again_takes_higher_runs() -> None:
    world = World(job("Generic", worker=3)).runs().declares(job("Generic", worker=1))
    assert {s.container for s in world.told(Stop)} == {"c2", "c3"}
    world.obeys().declares(job("Generic", worker=2))
    assert [(str(a.key), a.run) for a in world.plan.asks] == [("worker-1", 2)]


def test_scaling_restarts_a_framework_that_counts_its_peers() -> None:
    world = World(job("PyTorch", worker=2)).runs().declares(job("PyTorch", worker=3))
    assert len(world.told(Stop)) == 2
    assert len(world.asked) == 3


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
    broken.memory = fresh(broken.declared)
    first = broken.breaks().status
    assert first.state == "Refused"
    assert broken.later(100).status == first


# --- applications that go astray


def test_a_lost_application_is_opened_anew_three_times() -> None:
    world = World(job(worker=1))
    for n in range(1, 4):
        world.runs().sees(application=AppState.LOST, containers={}, application_words="expired")
        assert world.told_names == ["Open"]
        assert (world.memory.lost_applications, world.memory.charged) == (n, 0)
        world.says(AppState.NONE)
    world.runs().sees(application=AppState.LOST, containers={})
    assert reason(world) == "ApplicationLost"
    assert world.condition("Finished").status == "True"


def test_a_job_that_was_killed_in_yarn_stays_so() -> None:
    world = World(job(worker=1)).runs().says(AppState.KILLED, "killed by user eve")
    assert reason(world) == "KilledOutside"
    assert "killed by user eve" in world.condition("Failed").message
    assert not world.told(Open)


def test_an_application_without_its_token_is_ended() -> None:
    world = World(job(worker=1)).registers().says(AppState.TOKEN_LOST)
    assert world.told(Kill) == [Kill("application_1_0001")]
    assert reason(world) == "TokenLost"
    assert world.closes().condition("Finished").status == "True"


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
