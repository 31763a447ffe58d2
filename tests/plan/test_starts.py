"""Lives of jobs as sentences: the start, replacements, and job-wide restarts."""

from __future__ import annotations

import pytest

from plan.build import THROUGH_NEW, World, job
from trainmaster.plan.gang import GIVE_BACK_WAIT
from trainmaster.plan.values import Limits, Release, Start, Stop

FREE = {"backoff": {"base": 0}}
"""a runPolicy without waits"""

# --- the first start


def test_a_job_is_opened_asked_for_bound_and_started() -> None:
    world = World(job(worker=2, ps=1))
    assert world.told_names == ["Open"]
    world.registers()
    assert world.asked == {"worker-0", "worker-1", "ps-0"}
    world.grants("worker-0", "worker-1", "ps-0")
    assert {str(s.key) for s in world.told(Start)} == {"worker-0", "worker-1", "ps-0"}
    assert world.status.state == "Starting"
    assert world.starts().status.state == "Running"
    assert world.status.workers_summary == "2/2"


def test_the_start_is_written_twice_by_the_brain() -> None:
    """At first sight, and with generation and ports; the shell adds id and token."""
    world = World(job(worker=2)).runs()
    assert [m.started_generation for m in world.writes] == [0, 1]
    assert all(r.ports for r in world.writes[-1].replicas)


def test_nothing_starts_before_all_are_granted() -> None:
    world = World(job(worker=3)).registers().grants("worker-0", "worker-1")
    assert not world.told(Start)
    assert not any(r.bound for r in world.memory.replicas)
    assert world.condition("Queued").message == "2 of 3 containers are granted"
    assert world.shown("worker-0").state == "Allocated"
    assert len(world.grants("worker-2").told(Start)) == 3


def test_min_available_starts_some_and_the_rest_when_it_comes() -> None:
    world = World(job(worker=3, gang={"minAvailable": 2})).registers().grants("worker-0", "worker-2")
    assert len(world.told(Start)) == 2
    world.starts("worker-0", "worker-2")
    assert world.condition("Running").reason == "SomeRunning"
    assert world.asked == {"worker-1"}
    assert len(world.grants("worker-1").told(Start)) == 1


def test_min_available_does_not_split_a_framework_that_counts_its_peers() -> None:
    world = World(job("PyTorch", worker=3, gang={"minAvailable": 1})).registers().grants("worker-0")
    assert not world.told(Start)


def test_a_gang_that_is_not_complete_in_time_gives_all_back() -> None:
    world = World(job(worker=2)).registers().grants("worker-0").later(300)
    assert [r.container for r in world.told(Release)] == ["c1"]
    assert world.asked == set()
    assert "GangTimeout" in world.heard
    assert GIVE_BACK_WAIT <= world.memory.gang_not_before - world.now < 2 * GIVE_BACK_WAIT
    assert world.condition("Queued").reason == "GangTimeout"
    late = world.grants("worker-1", run=1)
    assert [r.container for r in late.told(Release)] == ["c1", "c2"]
    assert world.plan.wake_at is not None
    world.obeys().later(world.plan.wake_at - world.now)
    assert world.asked == {"worker-0", "worker-1"}
    assert {a.run for a in world.plan.asks} == {2}


def test_a_job_waits_for_its_turn() -> None:
    world = World(job(worker=1)).sees(may_ask=False).registers()
    assert world.asked == set()
    assert world.condition("Queued").reason == "WaitingForTurn"
    assert world.sees(may_ask=True).asked == {"worker-0"}


def test_hosts_are_named_for_a_few_seconds_only() -> None:
    world = World(job(worker=2)).registers()
    assert {a.host for a in world.plan.asks} == {"a", "b"}
    assert {a.host for a in world.later(5).plan.asks} == {""}


def test_an_ask_that_yarn_refuses_is_told() -> None:
    world = World(job(worker=1)).registers()
    world.sees(refused_asks={world.memory.replicas[0].key: "no such label"})
    assert "YARN refuses the ask for worker-0: no such label" in world.condition("Queued").message


def test_replicas_of_one_host_get_different_ports_and_none_that_is_taken() -> None:
    few = Limits(port_first=1, port_last=5)
    world = World(job(worker=4), limits=few).sees(taken_ports={"a": frozenset({3})}).runs()
    assert {p for r in world.memory.replicas for p in r.ports} == {1, 2, 4, 5}


# --- a replica is replaced alone


def test_a_killed_worker_comes_back_at_its_place_and_its_peers_stay() -> None:
    world = World(job("TensorFlow", FREE, worker=2, ps=1)).runs()
    before = world.replica("worker-1")
    world.ends("worker-1", 137)
    assert (world.memory.charged, world.replica("worker-1").run) == (1, 2)
    assert [(str(a.key), a.run, a.host) for a in world.plan.asks] == [("worker-1", 2, "a")]
    assert len(world.writes) == 3
    world.grants("worker-1", node="a")
    after = world.replica("worker-1")
    assert (after.host, after.ports) == (before.host, before.ports)
    assert world.told_names == ["Start"]
    assert len(world.writes) == 4
    world.starts("worker-1")
    assert (world.memory.generation, world.status.state, world.status.restarts) == (1, "Running", 1)


def test_peers_that_are_done_or_away_keep_their_numbers_in_the_environment() -> None:
    world = World(job("TensorFlow", FREE, worker=3, ps=1, success="AllWorkers")).runs()
    world.ends("worker-0", 0).all_end({"worker-1": 137, "worker-2": 137}).grants("worker-2")
    told = world.told(Start)[0].environment["TF_CONFIG"]
    assert '"type": "worker", "index": 1' in told, "worker-0 is the chief, and stays it when it is done"
    assert told.count(":2") >= 4


def test_a_worker_that_moved_restarts_a_tensorflow_job_uncharged() -> None:
    world = World(job("TensorFlow", FREE, worker=2, ps=1), limits=THROUGH_NEW).runs().ends("worker-1", 137)
    world.grants("worker-1", node="b")
    assert world.memory.generation == 2
    assert world.memory.charged == 1
    assert {s.container for s in world.told(Stop)} == {"c1", "c3"}
    assert world.asked == {"worker-0", "ps-0"}
    world.obeys().grants("worker-0", "ps-0", node="b")
    assert len(world.told(Start)) == 3
    assert world.replica("worker-1").container == "c4"


def test_a_worker_that_nobody_calls_may_move() -> None:
    world = World(job("Generic", FREE, worker=2)).runs().ends("worker-1", 137).grants("worker-1", node="b")
    assert world.told_names == ["Start"]


def test_a_replacement_waits_for_its_backoff() -> None:
    world = World(job(worker=2)).runs().ends("worker-0", 1)
    assert world.asked == set()
    assert world.shown("worker-0").state == "BackingOff"
    assert world.condition("Restarting").reason == "BackingOff"
    assert world.plan.wake_at == world.now + 10
    assert world.later(10).asked == {"worker-0"}


def test_a_late_container_of_an_old_run_is_stopped_and_never_taken() -> None:
    world = World(job("Generic", FREE, worker=1)).runs().ends("worker-0", 137).grants("worker-0", run=1)
    assert [r.container for r in world.told(Release)] == ["c2"]
    assert not world.replica("worker-0").bound


def test_one_grant_too_many_is_given_back() -> None:
    world = World(job(worker=2)).registers().grants("worker-0", "worker-0")
    assert [r.container for r in world.told(Release)] == ["c2"]


# --- a job-wide restart


def test_only_the_first_cause_is_charged_and_the_rest_are_its_consequences() -> None:
    world = World(job("PyTorch", FREE, master=1, worker=2), limits=THROUGH_NEW).runs()
    world.ends("worker-1", 137)
    assert (world.memory.charged, world.memory.generation) == (1, 2)
    assert {s.container for s in world.told(Stop)} == {"c1", "c2"}
    world.all_end({"master-0": 1, "worker-0": 1})
    assert world.memory.charged == 1
    last = world.shown("master-0").last_exit
    assert last is not None
    assert last.cause == "Consequence"
    world.grants("master-0", "worker-0", "worker-1", node="b")
    masters = {s.environment["MASTER_ADDR"] + s.environment["MASTER_PORT"] for s in world.told(Start)}
    assert len(masters) == 1
    assert {s.environment["TRAINMASTER_RUN"] for s in world.told(Start)} == {"2"}


def test_a_preempted_worker_is_the_cause_though_its_neighbour_is_heard_first() -> None:
    policy = {"restartPolicy": "ExitCode"}
    world = World(job("PyTorch", master=1, worker=1, roles={"master": policy, "worker": policy})).runs()
    world.all_end({"master-0": 1, "worker-0": -102})
    assert world.memory.verdict is None
    assert world.memory.charged == 0
    assert world.memory.generation == 2


def test_a_success_heard_with_a_failure_is_a_success() -> None:
    world = World(job("TensorFlow", chief=1, worker=2, ps=1)).runs()
    world.all_end({"worker-0": 1, "ps-0": 1, "chief-0": 0})
    assert world.memory.verdict is not None
    assert world.memory.verdict.succeeded
    assert world.memory.charged == 0


def test_the_first_verdict_stands() -> None:
    once = {"restartPolicy": "Never"}
    world = World(job(worker=2, roles={"worker": once})).runs().all_end({"worker-0": 3, "worker-1": 4})
    assert world.memory.verdict is not None
    assert world.memory.verdict.message.startswith("worker-0 ended on a: exit code 3")


def test_a_job_wide_restart_runs_again_what_was_done() -> None:
    world = World(job("PyTorch", FREE, master=1, worker=1)).runs().ends("worker-0", 0).ends("master-0", 137)
    assert world.asked == {"master-0", "worker-0"}


def test_nothing_of_the_new_generation_starts_while_the_old_one_lives() -> None:
    gang = job("PyTorch", FREE, master=1, worker=1)
    world = World(gang, limits=THROUGH_NEW).runs().ends("worker-0", 137)
    world.grants("worker-0", "master-0")
    assert not world.told(Start)
    assert world.shown("master-0").state == "Stopping"
    assert len(world.obeys().told(Start)) == 2


def test_a_container_that_is_no_longer_listed_may_still_live() -> None:
    """Its end was not heard: after a restart of the ResourceManager an empty list proves nothing."""
    gang = job("PyTorch", FREE, master=1, worker=1, gang={"timeout": "599s"})
    world = World(gang, limits=THROUGH_NEW).runs().ends("worker-0", 137)
    world.sees(containers={}).grants("worker-0", "master-0")
    assert not world.told(Start)
    assert len(world.ends("master-0", -100).told(Start)) == 2


# --- no free port


def test_a_gang_for_which_a_host_has_no_port_is_given_back_with_the_reason() -> None:
    world = World(job(worker=2), limits=Limits(port_first=20000, port_last=20000, first_cause_wait=0))
    world.registers().grants("worker-0", "worker-1")
    assert world.told_names == ["Release", "Release"]
    assert world.heard[-1] == "GangTimeout"
    assert "too few of the ports 20000 to 20000 are free on a" in world.events[-1].message
    assert world.condition("Queued").reason == "GangTimeout"


@pytest.mark.parametrize(("first", "last"), [(20000, 20000), (20000, 20001)])
def test_a_job_is_refused_whose_replica_wants_more_ports_than_there_are_for_all(
    first: int, last: int
) -> None:
    wants = job(roles={"worker": {"ports": last - first + 2}})
    world = World(wants, limits=Limits(port_first=first, port_last=last)).sees()
    assert not world.plan.actions
    assert world.condition("Accepted").reason == "NeverFits"
    assert world.condition("Accepted").message == (
        f"each replica of role worker wants {last - first + 2} ports,"
        f" and this controller gives out {last - first + 1}: its settings port_first ({first}) to port_last ({last})"
    )
    assert World(wants, limits=Limits(port_first=first, port_last=last + 1)).runs().is_true("Running")


def test_a_replacement_for_which_a_host_has_no_port_is_asked_for_elsewhere() -> None:
    world = World(job(worker=2), limits=Limits(port_first=20000, port_last=20001, first_cause_wait=0)).runs()
    world.ends("worker-0", -100).sees(taken_ports={"a": {20000, 20001}}).grants("worker-0")
    assert world.told_names == ["Release"]
    assert world.heard[-1] == "NoPorts"
    assert "worker-0: too few of the ports 20000 to 20001 are free on a" in world.events[-1].message
    world.obeys().later(10)
    assert world.plan.avoid == {"a"}
    assert [a.host for a in world.plan.asks] == ["b"]
    assert world.grants("worker-0", node="b").told(Start)


def test_a_replacement_on_the_same_host_keeps_its_ports_though_others_would_be_chosen_today() -> None:
    usual = World(job(worker=1)).runs().replica("worker-0").ports
    world = World(job(worker=1)).sees(taken_ports={"a": frozenset(usual)}).runs()
    before = world.replica("worker-0").ports
    world.sees(taken_ports={}).ends("worker-0", 137).later(300).grants("worker-0")
    assert world.replica("worker-0").ports == before != usual
