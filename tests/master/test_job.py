"""The laws of one job's master, on a YARN and a journal with teeth, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from master.office import Office, job
from master.virtual import virtual
from trainmaster.api import reasons
from trainmaster.errors import DeniedError, RefusedError
from trainmaster.hadoop.refusals import INVALID_TOKEN
from trainmaster.hadoop.values import ApplicationState, FinalStatus
from trainmaster.master.job import JobMaster
from trainmaster.plan.values import AppState


def container(master: JobMaster, index: int = 0) -> str:
    return master.memory.replicas[index].container


# --- the way there and back


@virtual
async def test_a_job_starts_ends_and_leaves_nothing_open() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        heart = master.contact.heart
        for index in range(2):
            office.yarn.exits(container(master, index), 0)
        await office.until(lambda: master.memory.finished)
        await asyncio.sleep(1)
        assert office.yarn.only.finals == [FinalStatus.SUCCEEDED]
        assert master.contact.heart is None
        assert heart.master.closed, "no socket of a finished job stays open"
        assert office.store.memory().verdict.succeeded


@virtual
async def test_a_finished_job_costs_nothing_while_idle() -> None:
    async with Office() as office:
        masters = [office.drive(job(worker=1), uid=f"u{i}") for i in range(50)]
        await office.running(50)
        for master in masters:
            office.yarn.exits(container(master), 0)
        await office.until(lambda: all(m.memory.finished for m in masters))
        await asyncio.sleep(10)
        calls, passes, turns = sum(office.yarn.calls.values()), office.passes, _turns()
        await asyncio.sleep(3600)
        assert (sum(office.yarn.calls.values()), office.passes) == (calls, passes)
        assert _turns() - turns < 10


@virtual
async def test_the_life_of_a_job_without_failures_takes_five_records() -> None:
    """Its id, its token, its containers, its verdict, its end: how its other processes ended rides along."""
    async with Office() as office:
        master = office.drive(job("TensorFlow", ps=3, worker=1))
        await office.running(4)
        office.yarn.exits(container(master, 3), 0)
        await office.until(lambda: master.memory.finished)
        await asyncio.sleep(100)
        assert office.store.writes == 5
        assert [r.last_exit.code for r in office.store.memory().replicas] == [-105] * 3 + [0]


@virtual
async def test_ends_are_written_within_a_second_though_the_job_cannot_be_closed() -> None:
    async with Office() as office:
        master = office.drive(job("TensorFlow", ps=1, worker=1))
        await office.running(2)
        office.yarn.refuse["finish"] = RefusedError("java.lang.NullPointerException", "null")
        office.yarn.exits(container(master, 1), 0)
        await office.until(lambda: master.memory.verdict)
        await office.until(lambda: office.store.memory().replicas[0].last_exit, within=2)
        assert not master.memory.finished


@virtual
async def test_a_deleted_job_that_never_had_a_record_leaves() -> None:
    async with Office() as office:
        master = office.drive(None)
        await office.until(lambda: "uid" in office.shown)
        master.declare(replace(master.declared, deleted=True))
        await office.until(lambda: master.over)
        await asyncio.wait_for(office.tasks[0], 1)
        assert office.went == ["uid"]
        assert office.store.writes == 0


@virtual
async def test_a_deleted_jobs_record_is_not_written_anew_while_it_is_removed() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        master.declare(replace(master.declared, deleted=True))
        while not master.over:
            master.nudge()
            await asyncio.sleep(0.001)
        await asyncio.sleep(10)
        assert office.store.records == {}


@virtual
async def test_put_down_leaves_the_job_running_and_no_task_and_it_is_taken_up() -> None:
    async with Office() as office:
        office.drive(job(worker=2))
        await office.running(2)
    started = list(office.yarn.started)
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(job(worker=2), memory=office.store.memory())
        await successor.until(lambda: master.contact.sight.state is AppState.REGISTERED)
        await asyncio.sleep(30)
        assert list(office.yarn.started) == started, "what runs goes on, and nothing is started twice"
        assert len(successor.yarn.running()) == 2
        assert master.memory.restarts == 0


# --- ends and the journal


@virtual
async def test_an_end_is_never_acknowledged_before_it_is_written() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2, policy={"backoff": {"base": "0s"}}))
        await office.running(2)
        lost = container(master)
        office.store.fail = 5
        office.yarn.exits(lost, 1)
        while office.store.fail:
            assert lost not in office.yarn.only.acknowledged
            await asyncio.sleep(0.01)
        await office.until(lambda: lost in office.yarn.only.acknowledged)
        assert office.store.memory().charged == 1


@virtual
async def test_an_end_that_was_pulled_by_a_dead_controller_is_told_again_and_counted_once() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2, policy={"backoff": {"base": "0s"}}))
        await office.running(2)
        lost = container(master)
        office.store.down = True
        office.yarn.exits(lost, 1)
        await office.until(lambda: master.contact.sight.ends)
    office.store.down = False
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(job(worker=2), memory=office.store.memory())
        await successor.until(lambda: len(successor.yarn.running()) == 2)
        await asyncio.sleep(30)
        assert master.memory.charged == 1


@virtual
async def test_while_the_store_is_away_heartbeats_go_on_and_nothing_spins() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        office.store.down = True
        office.yarn.exits(container(master), 1)
        before, started, turns = office.yarn.calls["allocate"], len(office.yarn.started), _turns()
        await asyncio.sleep(600)
        assert office.yarn.calls["allocate"] - before >= 100, "at least every six seconds"
        assert _turns() - turns < 20_000
        assert len(office.yarn.started) == started
        office.store.down = False
        await office.running(2)


@virtual
async def test_a_pass_that_raises_hurts_no_other_job_and_is_made_again() -> None:
    async with Office() as office:
        real, broken = office.desk.policy, {"uid-bad"}

        def policy(declared: Any, of: Any) -> str:
            if declared.uid in broken:
                raise ZeroDivisionError
            return real(declared, of)

        office.desk.policy = policy
        office.drive(job(worker=1), uid="uid-bad")
        office.drive(job(worker=1), uid="uid-good")
        await office.running(1)
        turns = _turns()
        await asyncio.sleep(600)
        assert _turns() - turns < 20_000
        broken.clear()
        await office.running(2)


# --- the lease


@virtual
async def test_without_the_lease_there_are_only_signs_of_life() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2, policy={"activeDeadline": "30s"}))
        await office.running(2)
        office.lease.ours = False
        calls, turns, writes = office.yarn.calls.copy(), _turns(), office.store.writes
        office.yarn.exits(container(master), 1)
        office.yarn.beats.clear()
        await asyncio.sleep(300)  # well beyond its deadline, which is due all the while
        assert _turns() - turns < 10_000, "what is due must not make it spin"
        assert not any(call.asks or call.releases for call in office.yarn.beats)
        assert office.store.writes == writes
        assert office.yarn.calls.keys() - calls.keys() == set()
        assert 250 < office.yarn.calls["allocate"] - calls["allocate"] < 700


@virtual
async def test_an_hour_without_the_lease_ends_no_training() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        office.lease.ours, office.store.down = False, True
        await asyncio.sleep(3600)
        office.lease.ours, office.store.down = True, False
        for index in range(2):
            office.yarn.exits(container(master, index), 0)
        await office.until(lambda: master.memory.finished)
        assert (len(office.yarn.applications), len(office.yarn.started), master.memory.restarts) == (1, 2, 0)


@virtual
async def test_a_lease_that_comes_back_wakes_those_who_waited_for_it() -> None:
    async with Office() as office:
        office.lease.ours = False
        office.drive(job(worker=1))
        await asyncio.sleep(60)
        assert not office.yarn.calls
        office.lease.ours = True
        await office.running(1)


@virtual
async def test_a_deposed_master_registers_only_when_it_leads() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        office.yarn.only.number = 77  # another master has gone on with the application
        office.lease.ours = False
        registered = office.yarn.calls["register"]
        await asyncio.sleep(120)
        assert office.yarn.calls["register"] == registered
        office.lease.ours = True  # it was only away for a while, and nobody else leads
        await office.until(lambda: master.contact.sight.state is AppState.REGISTERED)
        assert office.yarn.calls["register"] == registered + 1
        assert len(office.yarn.running()) == 1


# --- YARN's ways


@virtual
async def test_asks_survive_a_restart_of_the_resourcemanager() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2, policy={"backoff": {"base": "0s"}}))
        await office.running(2)
        office.yarn.away.add("rm")
        office.yarn.exits(container(master), 1)
        await asyncio.sleep(5)
        office.yarn.restart()
        office.yarn.away.clear()
        await office.running(2)
        assert master.memory.charged == 1


@virtual
async def test_a_rolled_token_is_written_once_and_brings_no_haste() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        office.yarn.rolled = office.yarn.only.id.encode() + b"/rolled"
        office.store.fail = 2
        calls, writes = office.yarn.calls["allocate"], office.store.writes
        await asyncio.sleep(100)
        assert office.yarn.calls["replaced"] == 1
        assert office.store.writes - writes == 3
        assert office.yarn.calls["allocate"] - calls < 250
        assert master.contact.sight.state is AppState.REGISTERED


@virtual
async def test_a_user_whom_yarn_does_not_let_in_is_tried_with_patience() -> None:
    async with Office() as office:
        kind = "org.apache.hadoop.security.authorize.AuthorizationException"
        office.yarn.refuse["new"] = DeniedError(kind, "c is not allowed to impersonate u")
        master = office.drive(job(worker=1))
        await asyncio.sleep(60)
        assert 30 < office.yarn.calls["new"] < 70
        assert "impersonate" in master.contact.sight.words
        office.yarn.refuse.clear()
        await office.running(1)


@virtual
async def test_an_application_that_yarn_forgot_before_it_had_a_token_is_submitted_again() -> None:
    async with Office() as office:
        real, lost = office.yarn.called, []

        def called(method: str, side: str = "rm") -> None:
            real(method, side)
            if method == "report" and office.yarn.applications and not lost:
                lost.append(office.yarn.applications.popitem())

        office.yarn.called = called
        office.drive(job(worker=1))
        await office.running(1)
        assert office.yarn.calls["submit"] == 2


@virtual
async def test_an_application_that_nobody_registered_in_time_is_submitted_anew() -> None:
    """The store was away for so long that its token could not be written down: no fault of the job, nor YARN's refusal."""
    async with Office() as office:
        real = office.yarn.called

        def called(method: str, side: str = "rm") -> None:
            real(method, side)
            office.store.down = office.store.down or (method == "submit" and not office.yarn.applications)

        office.yarn.called = called
        master = office.drive(job(worker=1))
        await asyncio.sleep(600)
        assert not office.yarn.only.registered
        office.yarn.only.state = ApplicationState.FAILED
        office.store.down = False
        await office.running(1)
        assert len(office.yarn.applications) == 2
        assert master.memory.lost_applications == 1
        assert master.memory.charged == 0


@virtual
async def test_an_application_that_the_scheduler_did_not_take_is_refused() -> None:
    async with Office() as office:
        office.yarn.away.add("queue")
        master = office.drive(job(worker=1))
        await office.until(lambda: master.memory.finished)
        assert master.memory.verdict.reason == reasons.SUBMISSION_REFUSED
        assert office.yarn.calls["submit"] == 1


@virtual
async def test_a_java_exception_of_an_unknown_kind_says_nothing() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        for method in ("allocate", "finish"):
            office.yarn.refuse[method] = RefusedError("java.lang.NullPointerException", "null")
        before = office.yarn.calls["allocate"]
        await asyncio.sleep(100)
        assert office.yarn.calls["allocate"] - before < 200
        del office.yarn.refuse["allocate"]
        office.yarn.exits(container(master), 0)
        await asyncio.sleep(60)
        assert 10 < office.yarn.calls["finish"] < 80
        del office.yarn.refuse["finish"]
        await office.until(lambda: master.memory.finished)
        assert master.memory.restarts == 0


@virtual
async def test_a_lost_application_is_submitted_anew_and_nothing_of_the_old_is_given_back_to_the_new() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        old = office.yarn.only
        old.state = ApplicationState.FAILED
        old.live.clear()
        master.contact.releases.add(f"container_{old.id}_000099")
        await office.until(lambda: len(office.yarn.applications) == 2)
        await office.running(2)
        assert master.memory.restarts == 1
        assert not master.contact.sight.missing


@virtual
async def test_after_the_end_the_token_is_refused_and_that_means_nothing() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        office.yarn.exits(container(master), 0)
        await office.until(lambda: office.yarn.calls["finish"])
        office.yarn.refuse["allocate"] = DeniedError(INVALID_TOKEN, "not found in cache")
        await office.until(lambda: master.memory.finished, within=5)
        assert master.memory.verdict.succeeded
        assert len(office.yarn.applications) == 1


@virtual
async def test_an_application_whose_record_was_lost_is_ended_and_nothing_is_begun_anew() -> None:
    async with Office() as office:
        lost = await loses_its_record(office)
        master = office.drive(job(worker=2), lost_application=lost)
        await office.until(lambda: master.memory.finished)
        assert office.yarn.only.state is ApplicationState.KILLED
        assert master.memory.verdict.reason == reasons.TOKEN_LOST
        assert f"{lost}, which nobody can speak for: it was ended" in master.memory.verdict.message
        assert office.store.memory().finished


@virtual
async def test_a_status_that_names_the_application_of_another_job_ends_nothing() -> None:
    async with Office() as office:
        lost = await loses_its_record(office)
        master = office.drive(job(worker=2), uid="another", lost_application=lost)
        await office.until(lambda: master.memory.finished)
        assert master.memory.verdict.reason == reasons.TOKEN_LOST
        assert f"nothing was ended: {lost} is another job's" in master.memory.verdict.message
        assert office.yarn.only.state is ApplicationState.RUNNING
        assert not office.yarn.calls["kill"]


@virtual
async def test_a_job_whose_record_was_lost_is_not_begun_anew_though_yarn_forgot_its_application_too() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1), lost_application="application_1_4711")
        await office.until(lambda: master.memory.finished)
        assert master.memory.verdict.reason == reasons.TOKEN_LOST
        assert not office.yarn.applications
        assert not office.yarn.calls["submit"]


@virtual
async def test_a_lost_application_is_ended_before_a_declaration_that_cannot_be_read_is_forgotten() -> None:
    async with Office() as office:
        lost = await loses_its_record(office)
        office.yarn.away.add("rm")
        master = office.drive(None, lost_application=lost, deleted=True)
        await asyncio.sleep(60)
        assert not master.over
        assert office.shown["uid"].application_id == lost
        office.yarn.away.clear()
        await office.until(lambda: master.over)
        assert office.yarn.only.state is ApplicationState.KILLED


async def loses_its_record(office: Office) -> str:
    """The id of the application of a job that ran, and of which the journal then knows nothing."""
    before = office.drive(job(worker=2))
    await office.running(2)
    office.tasks[0].cancel()
    office.store.records.clear()
    assert before.memory.application is not None
    return before.memory.application.id


# --- starts


@virtual
async def test_a_container_that_was_given_back_is_never_started() -> None:
    async with Office() as office:
        gate = asyncio.Event()

        async def slow(ref: Any, user: str) -> Any:
            await gate.wait()

        office.files = slow
        spec = {"files": [{"source": "hdfs:///a.py", "name": "a.py"}]}
        master = office.drive(job(worker=2, spec=spec))
        await office.until(lambda: office.yarn.applications and office.yarn.only.live)
        await asyncio.sleep(2)
        master.declare(replace(master.declared, deleted=True))
        await asyncio.sleep(3)
        gate.set()
        await office.until(lambda: master.over)
        assert office.yarn.calls["start"] == 0


@virtual
async def test_what_fails_while_starting_is_given_back_and_replaced() -> None:
    async with Office() as office:
        office.yarn.refuse["start"] = RefusedError("java.lang.NullPointerException", "null")
        master = office.drive(job(worker=1))
        await office.until(lambda: office.yarn.calls["start"])
        office.yarn.refuse.clear()
        await office.running(1)
        assert master.memory.charged == 0, "the node's trouble, not the user's"
        assert len(office.yarn.only.live) == 1


@virtual
async def test_a_start_whose_answer_got_lost_is_not_started_again_beside_it() -> None:
    async with Office() as office:
        office.yarn.answers_lost = 1
        master = office.drive(job(worker=1))
        await office.running(1)
        await asyncio.sleep(5)
        assert office.yarn.calls["start"] == 1
        assert master.memory.replicas[0].replacements == 0


@virtual
async def test_a_start_that_fails_in_a_way_nobody_foresaw_is_not_waited_for() -> None:
    async with Office() as office:
        office.yarn.refuse["start"] = ZeroDivisionError()
        office.drive(job(worker=1))
        await office.until(lambda: office.yarn.calls["start"])
        office.yarn.refuse.clear()
        await office.running(1)


@virtual
async def test_many_containers_of_one_node_are_stopped_in_one_call() -> None:
    async with Office() as office:
        master = office.drive(job(worker=40))
        await office.running(40)
        master.declare(replace(master.declared, deleted=True))
        await office.until(lambda: master.over)
        assert office.yarn.calls["stop"] <= 2


@virtual
async def test_a_thousand_containers_start_in_a_few_passes_with_heartbeats_between() -> None:
    async with Office() as office:
        office.drive(job("TensorFlow", worker=990, ps=10))
        await office.until(lambda: len(office.yarn.started) == 1000)
        assert office.passes < 20, "what trickles in is taken in together"
        assert 5 <= office.yarn.calls["allocate"] < 30


@virtual
async def test_a_node_that_can_not_be_asked_does_not_hold_up_the_end() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        office.yarn.away.add("nm")
        master.declare(replace(master.declared, deleted=True))
        await office.until(lambda: master.over, within=30)
        assert office.yarn.running() == []


@virtual
async def test_a_declaration_that_is_to_go_with_its_job_is_removed_without_haste() -> None:
    async with Office() as office:
        policy = {"ttlAfterFinished": "5s", "ttlDeletesResource": True}
        master = office.drive(job(worker=1, policy=policy))
        await office.running(1)
        office.yarn.exits(container(master), 0)
        await office.until(lambda: office.removed)
        before = office.removed
        await asyncio.sleep(10)
        assert office.removed - before <= 11


def _turns() -> int:
    return asyncio.get_running_loop().turns  # type: ignore[attr-defined]
