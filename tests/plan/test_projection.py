"""A status is made whole with each pass, and costs no more than what is new in it."""

from __future__ import annotations

from dataclasses import replace

from plan.build import World, job
from trainmaster.plan.values import AppState, HeldGpus


def test_rows_and_conditions_that_did_not_change_are_the_very_ones_of_the_status_before() -> None:
    world = World(job(worker=3)).runs()
    before = world.status
    world.ends("worker-1", 137)
    after = world.status
    rows = zip(before.roles["worker"].replicas, after.roles["worker"].replicas, strict=True)
    assert [old is new for old, new in rows] == [True, False, True]
    same = [old.type for old in before.conditions for new in after.conditions if old is new]
    assert same == [new.type for new in after.conditions if new in before.conditions]
    assert same


def test_no_reason_says_that_all_runs_while_nothing_does() -> None:
    policy = {"backoff": {"base": 10, "max": 40}}
    world = World(job(worker=1, policy=policy)).runs()
    assert world.condition("Queued").reason == "AllRunning"
    world.ends("worker-0", 1)
    assert _reasons(world, "Running", "Queued", "Starting", "Restarting") == {"BackingOff"}
    world.later(10)
    assert _reasons(world, "Running", "Queued", "Starting", "Restarting") == {"ReplicaRestart"}
    assert world.condition("Running").status == "False"


def test_while_its_application_is_being_opened_a_job_waits_for_nothing_else() -> None:
    assert _reasons(World(job(worker=1)), "Queued") == {"WaitingForApplication"}


def test_a_job_whose_user_we_may_not_speak_for_says_so_until_that_is_mended() -> None:
    world = World(job(worker=1))
    words = (
        "AuthorizationException: User: tm is not allowed to impersonate alice: add hadoop.proxyuser.tm.users"
    )
    for state in (AppState.AWAY, AppState.NONE, AppState.OPENING):
        world.sees(application=state, application_words=words, not_proxy=True)
        waits = world.condition("Queued")
        assert (waits.status, waits.reason) == ("True", "Denied")
        assert waits.message.startswith(words)
        assert not world.is_true("Failed"), "an administrator may add the line at any time"
    world.sees(application=AppState.AWAY, application_words="connection refused", not_proxy=False)
    assert _reasons(world, "Queued") == {"YarnAway"}


def test_what_cannot_be_asked_is_named_as_it_was_told() -> None:
    """It may be the NameNode or the KDC just as well as the ResourceManager, each failed call to which is told in one way."""
    world, away = World(job(worker=1)), "the ResourceManager can't be asked at present"
    for words, said in (
        ("the NameNode can't be asked for a token of HDFS: nn:8020: Connection refused", ""),
        ("Kerberos: no KDC of the realm answers", ""),
        ("rm:8030: Connection refused", away),
        ("rm:8030 closed the connection", away),
    ):
        world.sees(application=AppState.AWAY, application_words=words, not_proxy=False)
        waits = world.condition("Queued")
        assert (waits.reason, waits.message) == ("YarnAway", f"{said or words}; it is tried again")


def test_some_of_several_are_not_all() -> None:
    world = World(job(worker=2)).runs().ends("worker-0", 137)
    assert _reasons(world, "Running", "Queued") == {"SomeRunning"}


def _reasons(world: World, *conditions: str) -> set[str]:
    return {world.condition(each).reason for each in conditions}


def test_the_run_that_is_shown_is_that_of_the_container_it_has_or_waits_for_or_had_last() -> None:
    world = World(job(worker=2)).runs()
    assert [world.shown(name).run for name in ("worker-0", "worker-1")] == [1, 1]
    world.ends("worker-1", 137).later(300)
    assert world.shown("worker-1").run == 2
    world.grants("worker-1").starts("worker-1").all_end({"worker-0": 0, "worker-1": 0}).closes()
    assert world.status.state == "Succeeded"
    assert [world.shown(name).run for name in ("worker-0", "worker-1")] == [1, 2]


def test_what_was_stopped_at_the_end_shows_its_last_run_and_what_never_ran_shows_none() -> None:
    world = World(job(framework="TensorFlow", ps=1, chief=1)).runs().ends("chief-0", 0).obeys().closes()
    assert (world.shown("ps-0").state, world.shown("ps-0").run) == ("Stopped", 1)
    waits = World(job(worker=1)).registers()
    assert waits.shown("worker-0").run == 1
    waits.declares(job(worker=1, policy={"suspend": True})).closes()
    assert (waits.shown("worker-0").state, waits.shown("worker-0").run) == ("Stopped", 0)


def test_a_replica_shows_the_gpus_of_its_container_and_no_others() -> None:
    world = World(job(worker=2)).runs()
    first, second = world.status.roles["worker"].replicas
    gpus = {first.container: HeldGpus((0, 3), 90), "an older one": HeldGpus((1,))}
    shown = world.sees(gpus=gpus).status.roles["worker"].replicas
    assert [(r.gpu_numbers, r.gpu_percent) for r in shown] == [((0, 3), 90), ((), None)]
    assert shown[1] is second


def test_of_a_job_that_fits_no_replica_is_left_out() -> None:
    assert [role.omitted for role in World(job(worker=2)).runs().status.roles.values()] == [0]


def test_how_long_it_ran_counts_from_when_all_ran_to_the_end() -> None:
    world = World(job(worker=1), now=0.0).later(30).runs()
    assert (world.status.start_time, world.status.completion_time) == ("1970-01-01T00:00:30Z", None)
    assert world.status.running_time is None
    world.later(90.5).ends("worker-0", 0).later(5).closes()
    assert world.status.running_time == 90.5
    assert world.status.start_time == "1970-01-01T00:00:30Z"
    assert world.status.completion_time == "1970-01-01T00:02:00Z"


def test_no_condition_vanishes_with_the_controller_that_showed_it() -> None:
    """The times at which conditions changed aren't written for their own sake: who takes over may not know of them."""
    world = World(job(worker=2)).runs().ends("worker-0", 137)
    before = {condition.type for condition in world.status.conditions}
    world.memory = replace(world.memory, since={}, started_at=0.0)
    after = {condition.type for condition in world.vanishes("worker-1").status.conditions}
    assert before <= after
