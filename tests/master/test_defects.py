"""What once went wrong on YARN's own rules, each as the shortest story of it, told to a whole master on the simulated YARN."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from master.office import Office, container, job
from master.virtual import run, virtual
from trainmaster.api.job import TrainingJob
from trainmaster.hadoop.containers import LocalResource
from trainmaster.master.identity import RUN_BITS
from yarn.nodemanager import NodeManager
from yarn.resourcemanager import Options
from yarn.wires import LARGE, Yarn


@virtual
async def test_a_preempted_process_that_its_node_still_showed_is_replaced_all_the_same() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        await asyncio.sleep(30)  # so that its NodeManager is asked at once
        office.yarn.preempt(container(master))
        await asyncio.sleep(5)
        await office.until(lambda: len(office.yarn.running()) == 2, within=30)
        assert master.memory.charged == 0


@virtual
async def test_what_was_preempted_while_nobody_led_is_not_charged() -> None:
    """Its node has forgotten how it ended, and the first answer after a register only repeats an older one."""
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        lost = container(master)
        await asyncio.sleep(30)
    office.yarn.preempt(lost)
    await asyncio.sleep(5)
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(job(worker=2), memory=office.store.memory())
        await successor.until(lambda: len(successor.yarn.running()) == 2)
        await asyncio.sleep(30)
        assert master.memory.charged == 0
        assert master.memory.replicas[0].last_exit.code == -102


@virtual
async def test_processes_that_a_restarted_manager_gets_back_late_are_stopped() -> None:
    """The node was away when the ResourceManager came back, and for so long that others run in its processes' place."""
    async with Office(two_nodes()) as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        old = [replica.container for replica in master.memory.replicas]
        host = master.memory.replicas[0].node.partition(":")[0]
        office.yarn.cut(host)
        office.yarn.restart()
        await asyncio.sleep(700)
        assert master.memory.restarts
        office.yarn.mend(host)
        await office.until(lambda: not set(old) & set(office.yarn.running()), within=120)
        await asyncio.sleep(60)
        assert len(office.yarn.running()) == 2


@virtual
async def test_a_gang_whose_doubt_is_over_gets_its_turn() -> None:
    """Nothing else wakes it: nobody is before it in the line, and no time is waited for."""
    async with Office(two_nodes()) as office:
        master = office.drive(job("PyTorch", {"backoff": {"base": 0}}, master=1, worker=1))
        await office.running(2)
        await asyncio.sleep(30)
        office.yarn.cut("n1", rm=False)
        office.yarn.cut("n2", rm=False)
        office.yarn.preempt(container(master))
        await asyncio.sleep(60)
        for host in ("n1", "n2"):
            office.yarn.mend(host)
        await office.until(
            lambda: len(office.yarn.running()) == 2 and master.memory.started_generation == 2, 200
        )


@virtual
async def test_a_finished_job_asks_no_node_any_more() -> None:
    """Of a process that nobody could be asked about before the job was over."""
    async with Office(two_nodes()) as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        await asyncio.sleep(30)
        office.yarn.cut(master.memory.replicas[0].node.partition(":")[0])
        office.yarn.preempt(container(master))
        await asyncio.sleep(60)
        master.declare(
            replace(master.declared, job=job(worker=1, policy={"activeDeadline": 30}), generation=2)
        )
        await office.until(lambda: master.memory.finished, 1000)
        await asyncio.sleep(700)
        calls = office.yarn.calls["statuses"]
        await asyncio.sleep(3600)
        assert office.yarn.calls["statuses"] == calls


@virtual
async def test_a_grant_after_a_restart_in_the_middle_of_a_backoff_has_its_nodes_token() -> None:
    """Hadoop 3.3 forgets to whom it gave tokens only at a register that lists something alive."""
    async with Office(Yarn(options=Options("3.3.6"))) as office:
        master = office.drive(waits_a_minute())
        await office.running(1)
        office.yarn.exits(container(master), 1)
        await asyncio.sleep(5)
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(waits_a_minute(), memory=office.store.memory())
        await successor.until(lambda: len(successor.yarn.running()) == 1, within=200)
        assert (master.memory.charged, master.memory.replicas[0].replacements) == (1, 0)


def waits_a_minute() -> TrainingJob:
    return job(worker=1, policy={"backoff": {"base": "60s"}})


@virtual
async def test_what_runs_goes_on_though_manager_and_controller_were_restarted_before_its_node_was_back() -> (
    None
):
    async with Office() as office:
        office.drive(job(worker=2))
        await office.running(2)
    started = list(office.yarn.started)
    office.yarn.cut("n1")
    office.yarn.restart()
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(job(worker=2), memory=office.store.memory())
        await asyncio.sleep(20)
        office.yarn.mend("n1")
        await asyncio.sleep(1500)
        assert list(office.yarn.started) == started
        assert len(office.yarn.running()) == 2
        assert master.memory.restarts == 0


@virtual
async def test_the_time_without_a_resourcemanager_makes_no_replica_lost() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        office.yarn.cut("n1")
        office.yarn.restart()
        await asyncio.sleep(60)
        office.yarn.away.add("rm")
        await asyncio.sleep(800)
        office.yarn.away.clear()
        await asyncio.sleep(5)
        office.yarn.mend("n1")
        await asyncio.sleep(120)
        assert (len(office.yarn.started), master.memory.restarts) == (2, 0)


@pytest.mark.parametrize("cause", ["an edit", "an application that was given up"])
def test_nothing_starts_beside_what_a_cut_off_node_still_runs(cause: str) -> None:
    async def story() -> None:
        async with Office(two_nodes()) as office:
            master = office.drive(job(worker=2))
            await office.running(2)
            await asyncio.sleep(30)
            office.yarn.cut(master.memory.replicas[0].node.partition(":")[0])
            if cause == "an edit":
                other = job(worker=2, roles={"worker": {"command": "train better"}})
                master.declare(replace(master.declared, job=other, generation=2))
            else:
                office.yarn.fail(office.yarn.only)
            await asyncio.sleep(300)
            assert not twice(office.yarn)
            await asyncio.sleep(700)
            for host in ("n1", "n2"):
                office.yarn.mend(host)
            await asyncio.sleep(300)
            assert len(office.yarn.running()) == 2
            assert not twice(office.yarn)

    run(story)


def twice(yarn: Yarn) -> list[int]:
    """Identities of which more than one process lives."""
    live = Counter(process.of.number >> RUN_BITS for _, process in yarn.processes())
    return [number for number, times in live.items() if times > 1]


def two_nodes() -> Yarn:
    return Yarn(*(NodeManager(host, LARGE) for host in ("n1", "n2")))


@virtual
async def test_a_grant_of_an_earlier_resourcemanager_that_is_refused_is_not_charged() -> None:
    """Its NodeManager has registered with the new one, and rejects what another has allocated."""
    async with Office() as office:
        gate = asyncio.Event()

        async def slow(*_: object) -> LocalResource:
            await gate.wait()
            return LocalResource("hdfs:///a.py", 1, 1)

        office.files = slow
        files = {"files": [{"source": "hdfs:///a.py", "name": "a.py"}]}
        master = office.drive(job(worker=1, spec=files, policy={"backoffLimit": 0}))
        await office.until(lambda: master.memory.started_generation)
        office.yarn.restart_node("n1")
        office.yarn.cut("n1", us=False)
        gate.set()
        await asyncio.sleep(5)
        office.yarn.mend("n1")
        await office.until(lambda: len(office.yarn.running()) == 1)
        assert (master.memory.charged, master.memory.verdict) == (0, None)


@virtual
async def test_a_grant_that_is_told_again_after_its_process_has_ended_is_not_charged() -> None:
    """The controller died before the next heartbeat, so that its successor gets the grant once more."""
    async with Office() as office:
        master = office.drive(job(worker=1, policy={"backoffLimit": 0}))
        await office.until(lambda: office.yarn.started)
        lost = container(master)
    office.yarn.preempt(lost)
    await asyncio.sleep(5)
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(job(worker=1), memory=office.store.memory())
        await successor.until(lambda: len(successor.yarn.running()) == 1, within=120)
        assert (master.memory.charged, master.memory.verdict) == (0, None)
