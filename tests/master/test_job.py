"""The life of one job's master, on a YARN and a journal with teeth, in virtual time."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from typing import Any
from weakref import ref

import pytest

from master.office import Office, container, job
from master.virtual import run, turns, virtual
from trainmaster.errors import RefusedError
from trainmaster.hadoop.values import FinalStatus
from trainmaster.master.desk import LONGEST_BEAT
from trainmaster.plan.values import AppState, Limits

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
        calls, passes, turned = sum(office.yarn.calls.values()), office.passes, turns()
        await asyncio.sleep(3600)
        assert (sum(office.yarn.calls.values()), office.passes) == (calls, passes)
        assert turns() - turned < 10


@virtual
async def test_a_master_that_is_done_is_freed_without_the_collector() -> None:
    """With a few jobs a second that would be gigabytes until it comes round."""
    async with Office() as office:
        gone = ref(office.drive(job(worker=2)))
        await office.running(2)
        gc.disable()
        try:
            office.tasks.pop().cancel()
            await asyncio.sleep(0)
            await office.masters.pop("uid").close()
            await asyncio.sleep(60)
            assert gone() is None
        finally:
            gc.enable()


@virtual
async def test_a_hundred_jobs_start_with_four_decisions_and_three_records_each() -> None:
    """That there is a job, that it may ask, that it was granted what it asked for, that it runs."""
    async with Office() as office:
        for number in range(100):
            office.drive(job(worker=1), uid=f"u{number}")
        await office.running(100)
        assert (office.passes, office.store.writes) == (400, 300)
        once = ("new", "submit", "report", "register", "start")
        assert {method: office.yarn.calls[method] for method in once} == dict.fromkeys(once, 100)


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
async def test_ends_are_written_in_time_though_the_job_cannot_be_closed() -> None:
    async with Office() as office:
        master = office.drive(job("TensorFlow", ps=1, worker=1))
        await office.running(2)
        office.yarn.refuse["finish"] = RefusedError("java.lang.NullPointerException", "null")
        office.yarn.exits(container(master, 1), 0)
        await office.until(lambda: master.memory.verdict)
        await office.until(lambda: office.store.memory().replicas[0].last_exit, within=8)
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
        before, started, turned = office.yarn.calls["allocate"], len(office.yarn.started), turns()
        await asyncio.sleep(600)
        assert office.yarn.calls["allocate"] - before >= 100, "at least every six seconds"
        assert turns() - turned < 20_000
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
        turned = turns()
        await asyncio.sleep(600)
        assert turns() - turned < 20_000
        broken.clear()
        await office.running(2)


@pytest.mark.parametrize(("waiting", "beats"), [(1, 10), (40, 400), (200, 400), (4000, 400)])
def test_jobs_that_wait_beat_often_enough_together_for_a_hundred_starts_a_second(
    waiting: int, beats: int
) -> None:
    """Each start waits for up to two heartbeats; with fewer than 200 a second these are what starts wait for."""

    async def together() -> None:
        async with Office() as office:
            office.desk.beating.expecting.update(f"u{number}" for number in range(waiting))
            assert waiting / office.desk.fast_beat == pytest.approx(beats)

    run(together)


@virtual
async def test_a_job_that_holds_nothing_beats_rarely_where_many_do_and_at_once_when_it_has_something_to_say() -> (
    None
):
    async with Office() as office:
        master = office.drive(job(worker=1, policy={"backoff": {"base": "600s"}}))
        await office.running(1)
        office.desk.beating.idle.update(f"u{number}" for number in range(3000))
        await asyncio.sleep(20)
        before = office.yarn.calls["allocate"]
        await asyncio.sleep(100)
        assert office.yarn.calls["allocate"] - before == pytest.approx(100 / office.desk.calm_beat, abs=2)
        office.yarn.exits(container(master), 1)
        await office.until(lambda: master.memory.charged == 1)
        await asyncio.sleep(20)
        before = office.yarn.calls["allocate"]
        await asyncio.sleep(100)
        assert office.yarn.calls["allocate"] - before == pytest.approx(100 / LONGEST_BEAT, abs=2)
        await office.until(lambda: len(office.yarn.running()) == 1, 700)


@pytest.mark.parametrize("gone", [True, False], ids=["deleted", "scaled down"])
def test_a_job_beats_calmly_while_processes_have_time_to_end_in(gone: bool) -> None:
    """An hour of it, at most: fast heartbeats of all these jobs would slow down those that wait for containers."""
    run(lambda: _leaves(gone))


async def _leaves(gone: bool) -> None:
    async with Office() as office:
        before, after = (job(worker=n, grace=600, spec={"scaling": "Live"}) for n in (2, 1))
        master = office.drive(before)
        await office.running(2)
        for _, process in office.yarn.processes():
            process.deaf = True
        master.declare(replace(master.declared, deleted=gone, job=before if gone else after))
        await asyncio.sleep(20)
        calls = office.yarn.calls["allocate"]
        await asyncio.sleep(100)
        assert office.yarn.calls["allocate"] - calls == pytest.approx(100 / office.desk.calm_beat, abs=2)
        assert not office.desk.beating.expecting
        await office.until(lambda: len(office.yarn.running()) == (0 if gone else 1), 600)
        await office.until(lambda: master.over or not gone, 20)


@virtual
async def test_a_job_beats_calmly_while_what_it_was_granted_waits_for_processes_that_have_time() -> None:
    async with Office(limits=Limits(in_place=False)) as office:
        roles = {"worker": {"restartScope": "Job"}}
        master = office.drive(job(policy={"backoff": {"base": 0}}, roles=roles, worker=2, grace=600))
        await office.running(2)
        for _, process in office.yarn.processes():
            process.deaf = True
        office.yarn.exits(container(master), 1)
        await asyncio.sleep(20)
        assert master.memory.gathering
        calls = office.yarn.calls["allocate"]
        await asyncio.sleep(100)
        assert office.yarn.calls["allocate"] - calls == pytest.approx(100 / office.desk.calm_beat, abs=2)
        await office.until(lambda: master.memory.started_generation == 2, 600)
