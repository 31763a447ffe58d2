"""Running a job again: what begins anew, what is kept of the run before, and what an edit of a job that has ended does."""

from __future__ import annotations

from typing import Any

from plan.build import World, job
from trainmaster.api.job import TrainingJob
from trainmaster.plan.memory import PastRun
from trainmaster.plan.values import AppState, Limits, Open, Start


def wanted(rerun: int = 0, worker: int = 2, spec: dict[str, Any] | None = None, **policy: Any) -> TrainingJob:
    return job(worker=worker, policy={"backoffLimit": 0, "rerun": rerun, **policy}, spec=spec)


def failed(rerun: int = 0) -> World:
    """A job that ran, failed, and was cleaned up after."""
    world = World(wanted(rerun)).runs().ends("worker-1", 3)
    world.obeys()
    world.seen = world.seen.__class__(cluster=world.seen.cluster)
    return world.says(AppState.CLOSED)


def test_what_has_ended_stays_ended_whatever_is_edited() -> None:
    world = failed().declares(wanted(worker=5, suspend=True))
    assert not world.plan.actions
    assert world.status.state == "Failed"


def test_a_raised_number_runs_it_again_with_its_counters_at_zero() -> None:
    world = failed().declares(wanted(1))
    assert world.told(Open)
    assert world.status.state == "Queued"
    assert world.heard[-1] == "Rerun" or "Rerun" in world.heard
    world.runs()
    assert (world.status.state, world.status.restarts, world.status.rerun) == ("Running", 0, 1)
    assert [r.last_exit for r in world.memory.replicas] == [None, None]


def test_it_runs_again_by_what_is_declared_now() -> None:
    world = failed().declares(wanted(1, worker=3, spec={"queue": "other"}))
    assert world.memory.begun_with["spec.queue"] == "other"
    world.registers().grants(*world.asked)
    assert {s.environment["TRAINMASTER_REPLICAS"] for s in world.told(Start)} == {"3"}


def test_of_the_run_before_verdict_application_and_logs_are_kept() -> None:
    world = failed().declares(wanted(1))
    (run,) = world.status.earlier_runs
    assert (run.rerun, run.state, run.reason) == (0, "Failed", "BackoffLimitExceeded")
    assert run.message.startswith("worker-1 ended on a: exit code 3")
    assert run.application_ids == ("application_1_0001",)
    assert [(log.role, log.index, log.code) for log in run.logs] == [("worker", 1, 3), ("worker", 0, -105)]
    assert run.logs[0].log_url == "http://a:8042/ws/v1/node/containers/c2/logs"
    assert world.status.earlier_application_ids == ("application_1_0001",)


def test_the_same_number_runs_nothing_twice() -> None:
    world = failed().declares(wanted(1)).runs().ends("worker-0", 3)
    world.obeys().says(AppState.CLOSED)
    world.declares(wanted(0)).declares(wanted(1))
    assert not world.told(Open)
    world.declares(wanted(2))
    assert [run.rerun for run in world.status.earlier_runs] == [0, 1]


def test_what_failed_in_the_run_before_is_no_cause_in_the_next() -> None:
    """Though it fails within the moment in which ends belong together."""
    world = failed()
    world.limits = Limits(first_cause_wait=1000)
    world.declares(wanted(1, backoffLimit=5)).runs().ends("worker-0", 3).later(1000)
    assert world.memory.charged == 1
    assert world.memory.verdict is None


def test_ten_earlier_runs_are_kept() -> None:
    world = failed()
    for rerun in range(1, 15):
        world.declares(wanted(rerun)).runs().ends("worker-0", 3)
        world.obeys().says(AppState.CLOSED)
    assert [run.rerun for run in world.status.earlier_runs] == list(range(4, 14))


def test_a_number_that_is_raised_before_the_end_changes_nothing() -> None:
    world = World(wanted()).runs().declares(wanted(1))
    assert not world.plan.actions
    world.ends("worker-1", 3).obeys().says(AppState.CLOSED)
    assert world.declares(wanted(1)).status.state == "Failed"


def test_it_waits_until_the_run_before_is_cleaned_up() -> None:
    world = World(wanted()).runs().ends("worker-1", 3).declares(wanted(1))
    assert not world.told(Open)
    world.obeys().says(AppState.CLOSED)
    assert world.later(0).told(Open)


def test_runs_of_containers_go_on_above_those_of_the_run_before() -> None:
    world = failed()
    before = {r.key: r.run for r in world.memory.replicas}
    world.declares(wanted(1))
    assert all(r.run > before[r.key] for r in world.memory.replicas)


def test_a_job_that_is_declared_with_a_number_begins_with_it() -> None:
    world = World(wanted(7)).runs()
    assert (world.status.rerun, world.status.earlier_runs) == (7, ())


def test_after_its_time_to_live_it_can_still_run_again() -> None:
    world = World(wanted(ttlAfterFinished="1s")).runs().ends("worker-1", 3)
    world.obeys().says(AppState.CLOSED).later(5)
    assert world.memory.expired
    assert world.declares(wanted(1, ttlAfterFinished="1s")).told(Open)
    assert [type(p) for p in world.memory.past_runs] == [PastRun]


# --- queues


def test_an_application_is_opened_only_in_a_queue_that_was_looked_at() -> None:
    world = World(wanted(suspend=True)).sees(queue="default").declares(wanted(spec={"queue": "nosuch"}))
    assert not world.told(Open)
    assert world.plan.wake_at is not None
    assert world.plan.wake_at <= world.now + 0.1
    assert world.sees(queue="nosuch").told(Open)
