"""What is counted of a job's life: once for each thing that happened, whoever drives it, and in the time it really took."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from master.controllers import controller
from master.folder import Folder
from master.office import Office, container, job
from master.virtual import until, virtual
from trainmaster.api.job import TrainingJob
from trainmaster.master.job import JobMaster
from trainmaster.master.kubeflow import Kubeflow
from trainmaster.master.life import Life
from trainmaster.master.lives import Lives
from trainmaster.plan.memory import ApplicationMemory, Memory, PastRun, Verdict
from yarn.wires import Yarn

CREATED = "training_operator_jobs_created_total"
ENDS = "trainmaster_jobs_finished_total"
NOW = 1_000_000.0


def pytorch(workers: int = 2, **policy: object) -> TrainingJob:
    """A gang: one process that ends restarts all."""
    return job("PyTorch", policy=policy, spec={"queue": "gpu"}, worker=workers)


async def ends(office: Office, master: JobMaster, code: int) -> None:
    for replica in list(master.memory.replicas):
        office.yarn.exits(replica.container, code)
    await office.until(lambda: master.memory.finished)


@virtual
async def test_an_end_is_counted_with_how_why_where_and_what_it_was() -> None:
    async with Office() as office:
        master = office.drive(pytorch())
        await office.running(2)
        await ends(office, master, 0)
        reason = master.memory.verdict.reason
        labels = {"queue": "gpu", "framework": "PyTorch", "reason": reason}
        assert office.counted(ENDS, result="Succeeded", **labels) == 1
        assert office.counted("trainmaster_job_duration_seconds_count", result="Succeeded") == 1
        spent = office.counted("trainmaster_job_duration_seconds_sum", result="Succeeded")
        assert spent == pytest.approx(master.memory.verdict.at - master.memory.active_since)


@virtual
async def test_a_job_that_is_accepted_may_end_in_every_way_so_that_the_first_end_is_an_increase() -> None:
    async with Office() as office:
        office.drive(pytorch())
        await office.running(2)
        labels = {"queue": "gpu", "framework": "PyTorch"}
        for result, reason in (
            ("Succeeded", "JobSucceeded"),
            ("Failed", "BackoffLimitExceeded"),
            ("Deleted", "Deleted"),
        ):
            assert office.registry.get_sample_value(ENDS, {"result": result, "reason": reason, **labels}) == 0


def test_a_run_counts_that_was_over_in_the_very_pass_that_began_the_next_one() -> None:
    registry = CollectorRegistry()
    application = ApplicationMemory("application_1_1", "t", "alice", "gpu")
    before = Memory("u", "vision", "mnist", application=application, active_since=NOW - 60)
    over = PastRun(0, Verdict(True, "JobSucceeded", "it is done", NOW))
    told: list[tuple[int, str]] = []
    life = Life(
        Lives(registry),
        Kubeflow(registry, wanted=False),
        before,
        lambda memory, verdict: told.append((memory.rerun, verdict.reason if verdict else "")),
    )
    life.changed(before, replace(before, application=None, rerun=1, past_runs=(over,), active_since=0.0), NOW)
    assert told == [(0, "JobSucceeded")]
    labels = {"result": "Succeeded", "reason": "JobSucceeded", "queue": "gpu", "framework": ""}
    assert registry.get_sample_value(ENDS, labels) == 1
    assert registry.get_sample_value("trainmaster_job_duration_seconds_sum", {"result": "Succeeded"}) == 60


@virtual
async def test_an_end_counts_once_though_another_controller_closes_the_job() -> None:
    async with Office() as office:
        master = office.drive(pytorch(backoffLimit=0))
        await office.running(2)
        office.yarn.exits(container(master), 3)
        await office.until(lambda: office.store.memory().verdict)
        counted = [_ends(office)]
    async with Office(office.yarn, office.store) as later:
        taken = later.drive(pytorch(backoffLimit=0), later.store.memory())
        await later.until(lambda: taken.memory.finished)
        counted.append(_ends(later))
    async with Office(office.yarn, office.store) as last:
        last.drive(pytorch(backoffLimit=0), last.store.memory())
        await last.until(lambda: "uid" in last.shown)
        counted.append(_ends(last))
    assert sum(counted) == 1


@virtual
async def test_a_declaration_counts_as_created_once_whoever_leads() -> None:
    """Of a suspended job nothing is journalled: only its source knows that it was there before."""
    folder, yarn, registry = Folder(), Yarn(), CollectorRegistry()
    folder.put("known", job(policy={"suspend": True}, worker=1))
    folder.put("new", job(policy={"suspend": True}, worker=1))
    folder.jobs["known"] = replace(folder.jobs["known"], known=True)
    folder.put("second", job(policy={"suspend": True}, worker=1))
    folder.jobs["second"] = replace(folder.jobs["second"], duplicate_of="new.yaml")
    async with controller(folder, yarn, registry):
        await until(lambda: len(folder.shown) == 3)
        found = [s for f in registry.collect() for s in f.samples if s.name == CREATED]
        assert sum(each.value for each in found) == 1


async def suspend_and_resume(
    office: Office, master: JobMaster, suspended: TrainingJob, resumed: TrainingJob
) -> None:
    master.declare(replace(master.declared, job=suspended, generation=2))
    await office.until(lambda: master.memory.suspended)
    await office.running(0)
    master.declare(replace(master.declared, job=resumed, generation=3))
    await office.running(2)


def _ends(office: Office) -> float:
    families = office.registry.collect()
    return sum(s.value for family in families for s in family.samples if s.name == ENDS)


@virtual
async def test_each_run_counts_and_a_deletion_before_the_end_is_an_end_as_well() -> None:
    async with Office() as office:
        master = office.drive(pytorch())
        await office.running(2)
        await ends(office, master, 0)
        again = replace(master.declared, job=pytorch(rerun=1), generation=2)
        master.declare(again)
        await office.running(2)
        assert office.counted("trainmaster_submit_to_running_seconds_count") == 2
        master.declare(replace(again, deleted=True))
        await office.until(lambda: master.over)
        labels = {"queue": "gpu", "framework": "PyTorch"}
        assert office.counted(ENDS, result="Deleted", reason="Deleted", **labels) == 1
        assert _ends(office) == 2


@virtual
async def test_a_restart_of_the_gang_is_no_second_start_after_the_submission() -> None:
    async with Office() as office:
        master = office.drive(pytorch())
        await office.running(2)
        office.yarn.exits(container(master), 3)
        await office.until(lambda: master.memory.charged == 1)
        await office.running(2)
        assert master.memory.started_at
        assert office.counted("trainmaster_submit_to_running_seconds_count") == 1
        assert office.counted("trainmaster_queue_wait_seconds_count", queue="gpu") == 1
    async with Office(office.yarn, office.store) as later:
        taken = later.drive(pytorch(), later.store.memory())
        await later.running(2)
        later.yarn.exits(container(taken), 3)
        await later.until(lambda: taken.memory.charged == 2)
        await later.running(2)
        assert later.counted("trainmaster_submit_to_running_seconds_count") == 0


@virtual
async def test_restarts_are_counted_by_cause_and_by_whether_they_are_charged() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        office.yarn.exits(container(master), 3)
        await office.running(2)
        office.yarn.preempt(container(master, 1))
        await office.until(lambda: master.memory.replicas[1].replacements)
        await office.running(2)
        name = "trainmaster_restarts_total"
        assert office.counted(name, cause="Retryable", charged="true") == 1
        assert office.counted(name, cause="Preempted", charged="false") == 1
        assert office.counted(name, cause="Preempted", charged="true") == 0
        assert office.counted("training_operator_jobs_restarted_total", **KUBEFLOW) == 2


KUBEFLOW = {"job_namespace": "default", "framework": "generic"}


@virtual
async def test_the_time_until_a_lost_process_runs_again_counts_from_its_end() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2, policy={"backoff": {"base": "20s"}}))
        await office.running(2)
        office.yarn.exits(container(master), 3)
        await office.until(lambda: master.memory.charged == 1)
        assert office.counted("trainmaster_replacement_seconds_count") == 0
        await office.running(2)
        assert office.counted("trainmaster_replacement_seconds_count") == 1
        assert 20 <= office.counted("trainmaster_replacement_seconds_sum") < 25


@virtual
async def test_who_runs_again_only_since_the_job_is_resumed_is_no_replacement() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2, policy={"backoff": {"base": "20s"}}))
        await office.running(2)
        office.yarn.exits(container(master), 3)
        await office.until(lambda: master.memory.charged == 1)
        await suspend_and_resume(office, master, job(worker=2, policy={"suspend": True}), job(worker=2))
        assert office.counted("trainmaster_replacement_seconds_count") == 0


@virtual
async def test_a_gang_is_waited_for_from_the_asking_until_all_is_there() -> None:
    async with Office() as office:
        office.drive(pytorch())
        await office.running(2)
        assert office.counted("trainmaster_gang_wait_seconds_count") == 1
        wait = office.counted("trainmaster_gang_wait_seconds_sum")
        assert 0 < wait <= office.counted("trainmaster_queue_wait_seconds_sum", queue="gpu")


@virtual
async def test_a_resumed_job_waits_anew() -> None:
    async with Office() as office:
        master = office.drive(pytorch())
        await office.running(2)
        await suspend_and_resume(office, master, pytorch(suspend=True), pytorch())
        assert office.counted("trainmaster_queue_wait_seconds_count", queue="gpu") == 2
        assert office.counted("trainmaster_submit_to_running_seconds_count") == 2


@virtual
async def test_kubeflows_names_count_ends_and_deletions() -> None:
    async with Office() as office:
        good, bad = (
            office.drive(job(worker=1, policy={"backoffLimit": 0}), uid=uid) for uid in ("good", "bad")
        )
        await office.running(2)
        office.yarn.exits(container(good), 0)
        office.yarn.exits(container(bad), 3)
        await office.until(lambda: good.memory.finished and bad.memory.finished)
        good.declare(replace(good.declared, deleted=True))
        await office.until(lambda: good.over)
        for what in ("successful", "failed", "deleted"):
            assert office.counted(f"training_operator_jobs_{what}_total", **KUBEFLOW) == 1, what


@virtual
async def test_a_take_up_counts_with_the_leader_that_takes_up_and_is_no_new_job() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    counted = []
    for _ in range(2):
        folder.lease.ours = True
        async with controller(folder, yarn, registry := CollectorRegistry()):
            await until(yarn.running)
            await asyncio.sleep(5)
        names = ("trainmaster_take_ups_total", "training_operator_jobs_created_total")
        counted.append([registry.get_sample_value(name, _labels(name)) or 0 for name in names])
    assert counted == [[0, 1], [1, 0]]


def _labels(name: str) -> dict[str, str]:
    return KUBEFLOW if name.startswith("training_operator") else {}


@virtual
async def test_the_age_of_the_masters_token_outlives_its_controller() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        given = master.memory.application.token_at
        assert given
        assert master.beat[1] >= given
    async with Office(office.yarn, office.store) as later:
        taken = later.drive(job(worker=1), later.store.memory())
        await later.running(1)
        assert taken.memory.application.token_at == given
