"""Who pays for an end, and what is made of containers that nobody sees."""

from __future__ import annotations

import pytest

from plan.build import World, cluster, job
from trainmaster.plan.ends import Cause
from trainmaster.plan.values import AppState, ContainerState, Limits, Open, Release, Start

FREE = {"backoff": {"base": 0}}
"""a runPolicy without waits"""

# --- who pays


def test_infrastructure_is_not_charged_until_the_sixth_in_ten_minutes() -> None:
    world = World(job("Generic", {"backoffLimit": 1, "backoff": {"base": 0}}, worker=1)).runs()
    for n in range(5):
        world.ends("worker-0", -100)
        assert world.memory.charged == 0
        assert world.plan.wake_at is None or n > 0 or world.asked == {"worker-0"}
        world.later(40).grants("worker-0").starts()
    world.ends("worker-0", -100)
    assert world.memory.charged == 1


def test_infrastructure_ends_long_past_do_not_count() -> None:
    world = World(job("Generic", worker=1)).runs()
    for _ in range(8):
        world.ends("worker-0", -102).later(300).grants("worker-0").starts()
    assert world.memory.charged == 0


def test_a_taken_port_is_replaced_by_another_and_charged_the_sixth_time() -> None:
    world = World(job("Generic", FREE, worker=1)).runs()
    used = set()
    for _ in range(5):
        used.add(world.replica("worker-0").ports)
        world.ends("worker-0", 75).grants("worker-0").starts()
        assert world.memory.charged == 0
    assert len(used) == 5
    assert world.ends("worker-0", 75).memory.charged == 1


def test_what_never_ran_is_tried_on_another_node() -> None:
    world = World(job("Generic", worker=1)).runs().ends("worker-0", -1000, "no space left on device")
    assert world.plan.avoid == {"a"}
    assert {a.host for a in world.plan.asks} == {"b"}
    assert world.memory.charged == 0


def test_memory_is_charged_and_says_what_was_asked() -> None:
    world = (
        World(job("Generic", worker=1)).runs().ends("worker-0", -104, "2.0 GB of 1 GB physical memory used")
    )
    last = world.shown("worker-0").last_exit
    assert last is not None
    assert last.message.endswith("2.0 GB of 1 GB physical memory used; it had asked for 1024 MiB")
    assert world.memory.charged == 1


@pytest.mark.parametrize(
    ("policy", "code", "state"),
    [
        ("Never", 1, "Failed"),
        ("Never", 137, "Failed"),
        ("Never", -1000, "Restarting"),
        ("Never", 75, "Restarting"),
        ("Never", 0, "Succeeded"),
        ("OnFailure", 1, "Restarting"),
        ("OnFailure", 0, "Succeeded"),
        ("Always", 1, "Restarting"),
        ("Always", 0, "Restarting"),
        ("ExitCode", 1, "Failed"),
        ("ExitCode", 137, "Restarting"),
        ("ExitCode", -102, "Restarting"),
        ("ExitCode", 0, "Succeeded"),
    ],
)
def test_a_restart_policy_decides_on_an_exit(policy: str, code: int, state: str) -> None:
    world = World(job(worker=1, roles={"worker": {"restartPolicy": policy}})).runs().ends("worker-0", code)
    assert world.status.state == state


def test_the_backoff_limit_ends_the_job_with_exit_node_and_log() -> None:
    world = World(job("Generic", {"backoffLimit": 1, "backoff": {"base": 0}}, worker=2)).runs()
    world.ends("worker-0", 137).grants("worker-0").starts().ends("worker-1", 3)
    verdict = world.memory.verdict
    assert verdict is not None
    assert verdict.reason == "BackoffLimitExceeded"
    assert verdict.message == (
        "worker-1 ended on a: exit code 3; the job's 1 restarts (backoffLimit) are used up."
        " Log: http://a:8042/ws/v1/node/containers/c2/logs"
    )
    assert world.shown("worker-1").state == "Failed"


def test_max_restarts_is_of_one_replica() -> None:
    limits = {"worker": {"maxRestarts": 1}}
    world = World(job("Generic", {"backoffLimit": 9, **FREE}, worker=2, roles=limits)).runs()
    world.ends("worker-0", 1).grants("worker-0").starts().ends("worker-1", 1).grants("worker-1").starts()
    assert world.memory.verdict is None
    verdict = world.ends("worker-1", 1).memory.verdict
    assert verdict is not None
    assert verdict.reason == "MaxRestartsExceeded"


def test_an_end_told_twice_is_counted_once() -> None:
    world = World(job("Generic", FREE, worker=1)).runs().ends("worker-0", 1).ends("worker-0", 1)
    assert world.memory.charged == 1
    world.grants("worker-0").starts().ends("worker-0", 1, container="c1")
    assert world.memory.charged == 1
    assert world.replica("worker-0").bound


# --- not seen is not gone


def test_unseen_is_not_gone_until_the_node_would_be() -> None:
    world = World(job("Generic", worker=1)).runs().vanishes("worker-0")
    assert world.shown("worker-0").state == "Unseen"
    assert world.condition("Running").reason == "NodeUnseen"
    assert not world.is_true("Restarting")
    assert world.plan.wake_at == world.now + 600
    assert world.later(599).replica("worker-0").bound
    assert not world.later(1).replica("worker-0").bound
    assert world.asked == {"worker-0"}
    assert world.memory.charged == 0


def test_what_is_seen_again_was_never_gone() -> None:
    world = World(job("Generic", worker=1)).runs()
    listed = world.seen.containers
    world.vanishes("worker-0").later(500).sees(containers=listed).vanishes("worker-0").later(500)
    assert world.replica("worker-0").bound


def test_nothing_is_decided_on_absence_while_yarn_is_away() -> None:
    world = World(job("Generic", worker=1)).runs().says(AppState.AWAY).vanishes("worker-0").later(5000)
    assert world.replica("worker-0").bound
    assert not world.plan.actions
    assert world.plan.asks == ()


def test_a_bound_container_that_can_not_be_started_is_given_back() -> None:
    world = World(job("Generic", worker=1)).registers().grants("worker-0")
    world.turns(ContainerState.UNSTARTABLE, "worker-0")
    assert [r.container for r in world.told(Release)] == ["c1"]
    assert world.asked == {"worker-0"}
    assert world.memory.charged == 0


def test_a_container_nobody_was_asked_about_is_let_be() -> None:
    world = World(job("Generic", worker=1)).runs().turns(ContainerState.UNKNOWN, "worker-0")
    assert not world.plan.actions
    assert world.shown("worker-0").state == "Starting"


def test_status_says_running_only_of_what_was_seen_to_run() -> None:
    world = World(job(worker=2)).registers().grants("worker-0", "worker-1")
    world.turns(ContainerState.STARTING, "worker-0", "worker-1")
    assert world.status.roles["worker"].running == 0
    assert world.starts("worker-0").status.roles["worker"].running == 1
    assert world.status.state == "Starting"


def test_a_crash_between_write_and_act_changes_nothing() -> None:
    world = World(job(worker=1)).registers().grants("worker-0")
    again = world.decides()
    assert [type(a) for a in again.actions] == [Start]
    assert len(world.writes) == 2


def test_without_a_cluster_nothing_is_opened() -> None:
    world = World(job(worker=1)).sees(cluster=None)
    assert not world.told(Open)
    assert world.sees(cluster=cluster()).told(Open)


def test_while_a_restart_waits_the_cause_is_said_where_people_look() -> None:
    """The condition Ready takes the words of what is waited for, and `get` shows the same."""
    world = (
        World(job("PyTorch", worker=2, policy={"backoff": {"base": "60s"}}))
        .runs()
        .ends("worker-0", 1)
        .later(5)
    )
    assert "worker-0" in world.condition("Queued").message
    assert "asked for again in" in world.condition("Queued").message
    assert "worker-0" in world.condition("Ready").message


# --- GPUs that are said to have failed

BROKEN = "Exit code: 1\nLast 4096 bytes of stderr :\nRuntimeError: CUDA error: unknown error\n"


def gpu_fails(world: World, *nodes: str, every: float = 7200.0) -> list[int]:
    """Restarts charged after each of its ends, on these nodes one after the other."""
    charged = []
    for node in nodes:
        world.grants("worker-0", node=node).starts().later(every).ends("worker-0", 1, BROKEN)
        charged.append(world.memory.charged)
    return charged


def with_gpus() -> World:
    world = World(job("Generic", FREE, worker=1))
    return world.sees(cluster=cluster("a", "b", "c", "d", "e", "f")).registers()


def test_a_gpu_that_fails_again_and_again_is_charged_the_fourth_time_a_day() -> None:
    assert gpu_fails(with_gpus(), "a", "a", "a", "a", "a") == [0, 0, 0, 1, 2]


def test_a_program_that_finds_broken_gpus_on_a_third_node_is_taken_for_the_broken_one() -> None:
    world = with_gpus()
    assert gpu_fails(world, "a", "b", "c", "d") == [0, 0, 1, 2]
    assert [one.host for one in world.memory.gpu_faults] == ["a", "b"]


@pytest.mark.parametrize("wait", [0, 2])
@pytest.mark.parametrize(("nodes", "free"), [("abcdefgh", 2), ("aabbaabb", 3), ("aaaaaaaa", 3)])
def test_gpus_that_fail_at_once_are_charged_as_if_one_after_the_other(
    nodes: str, free: int, wait: float
) -> None:
    """The second of a moment is judged by what was made of the first. What comes with a charged one is one failure with it."""
    world = World(
        job("Generic", {**FREE, "backoffLimit": 100}, worker=8), limits=Limits(first_cause_wait=wait)
    )
    world.sees(cluster=cluster(*nodes)).registers()
    for index, node in enumerate(nodes):
        world.grants(f"worker-{index}", node=node)
    world.starts().later(100).all_end({f"worker-{index}": 1 for index in range(8)}, BROKEN)
    assert world.memory.charged == (1 if wait else 8 - free)
    causes = [r.last_exit.cause for r in world.memory.replicas if r.last_exit]
    assert causes.count(Cause.GPU_FAULT) == free


def test_infrastructure_that_is_charged_at_last_is_so_beside_another_that_is_free() -> None:
    world = World(job("Generic", FREE, worker=2), limits=Limits(first_cause_wait=2)).runs()
    for _ in range(5):
        world.later(10).ends("worker-1", -100).later(80).runs()
    assert world.memory.charged == 0
    world.later(10).all_end({"worker-0": -100, "worker-1": -100})
    assert world.memory.charged == 1


def test_gpus_that_failed_long_ago_do_not_count() -> None:
    assert gpu_fails(with_gpus(), "a", "b", "a", "b", "a", "b", every=14 * 3600) == [0] * 6


def test_what_a_rule_says_of_broken_gpus_is_as_it_was() -> None:
    rule = {"action": "Restart", "causes": ["GpuFault"], "charged": False}
    world = World(job("Generic", FREE, spec={"failureRules": [rule]}, worker=1)).registers()
    assert gpu_fails(world, "a", "b", "c", "a", "b", "c") == [0] * 6


def test_a_run_that_begins_anew_has_its_gpu_faults_free_again() -> None:
    world = World(job("Generic", {**FREE, "backoffLimit": 0}, worker=1)).registers()
    gpu_fails(world, "a", "a", "a", "a")
    world.closes()
    assert world.memory.finished
    world.declares(job("Generic", {**FREE, "backoffLimit": 0, "rerun": 1}, worker=1))
    assert world.memory.gpu_faults == ()
