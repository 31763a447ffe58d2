"""What YARN has given away may still run: its NodeManager is asked until it says that it's over. In virtual time."""

from __future__ import annotations

import asyncio

from master.office import Office, container, job
from master.virtual import virtual
from trainmaster.api.status import ConditionType
from trainmaster.errors import DeniedError
from trainmaster.hadoop.values import Resource
from yarn.nodemanager import NodeManager
from yarn.wires import LARGE, Yarn


@virtual
async def test_a_preempted_process_that_its_node_still_runs_for_a_moment_is_replaced_once_it_is_over() -> (
    None
):
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        first = container(master)
        office.yarn.preempt(first)
        await office.until(lambda: container(master) not in ("", first))
        await office.until(lambda: office.yarn.running() == [container(master)])
        assert master.memory.charged == 0
        assert master.memory.replicas[0].survivors == ()


@virtual
async def test_a_new_controller_waits_for_what_an_earlier_one_saw_given_away() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        first = container(master)
        office.yarn.cut("n1", us=True, rm=True)
        office.yarn.preempt(first)
        await asyncio.sleep(20)
        assert [s.container for s in master.memory.replicas[0].survivors] == [first]
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(job(worker=1), memory=office.store.memory())
        await asyncio.sleep(60)
        assert successor.yarn.running() == [first]
        successor.yarn.mend("n1")
        # It has no token for that node, and YARN gives none without a container there; the node's web server wants none.
        await successor.until(lambda: successor.yarn.running() == [container(master)] != [first])


@virtual
async def test_an_application_that_yarn_lost_while_nobody_led_is_begun_anew_without_a_long_wait() -> None:
    async with Office() as office:
        office.drive(job(worker=2))
        await office.running(2)
    office.yarn.fail(office.yarn.only)
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(job(worker=2), memory=office.store.memory())
        await successor.until(
            lambda: (
                master.memory.lost_applications == 1
                and set(successor.yarn.running()) == {r.container for r in master.memory.replicas}
            )
        )
        assert master.memory.charged == 0


@virtual
async def test_at_rest_nobody_is_asked_anything() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        office.yarn.preempt(container(master))
        await asyncio.sleep(120)
        calls = office.yarn.calls.copy()
        await asyncio.sleep(120)
        assert {name for name, times in office.yarn.calls.items() if times != calls[name]} == {"allocate"}


@virtual
async def test_a_rolled_token_of_a_node_is_replaced_by_a_register() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        office.yarn.refuse["statuses"] = office.yarn.refuse["stop"] = DeniedError("InvalidToken", "rolled")
        registers = office.yarn.calls["register"]
        office.yarn.exits(container(master), 1)
        await asyncio.sleep(30)
        assert office.yarn.calls["register"] - registers <= 5, "not with each heartbeat"
        office.yarn.refuse.clear()
        await office.running(2)
        assert master.memory.charged == 1


@virtual
async def test_what_a_node_brings_to_a_restarted_resourcemanager_after_it_was_given_up_is_stopped() -> None:
    async with Office(Yarn(NodeManager("n1", LARGE), NodeManager("n2", LARGE))) as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        first, node = container(master), master.memory.replicas[0].host
        office.yarn.cut(node)
        office.yarn.restart()
        await office.until(lambda: container(master) not in ("", first), 800)
        await office.until(lambda: len(office.yarn.running()) == 2)
        office.yarn.mend(node)
        await office.until(lambda: office.yarn.running() == [container(master)])
        assert (master.memory.replicas[0].run, master.memory.charged) == (2, 0)


@virtual
async def test_a_gang_that_waited_for_a_silent_node_gathers_as_soon_as_that_has_spoken() -> None:
    one_each = (NodeManager(host, Resource(1500, 8)) for host in ("n1", "n2", "n3"))
    async with Office(Yarn(*one_each)) as office:
        gang = job(worker=2, roles={"worker": {"restartScope": "Job"}})
        master = office.drive(gang)
        await office.running(2)
        silent, other = master.memory.replicas[0], master.memory.replicas[1]
        assert silent.host != other.host
        office.yarn.cut(silent.host)
        office.yarn.exits(other.container, 137)
        await office.until(lambda: reason(office, "Queued") == "InDoubt")
        office.yarn.mend(silent.host)
        await office.until(lambda: len(office.yarn.running()) == 2)
        assert silent.container not in office.yarn.running()


def reason(office: Office, type_: str) -> str:
    found = office.shown["uid"].condition(ConditionType(type_))
    return found.reason if found else ""


@virtual
async def test_a_restart_of_the_resourcemanager_that_nobody_noticed_has_it_wait_for_its_nodes_anew() -> None:
    nodes = [NodeManager(host, LARGE) for host in ("n1", "n2")]
    async with Office(Yarn(*nodes)) as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        first = container(master)
        office.yarn.cut(office.yarn.granted[first].node.partition(":")[0])
        office.yarn.preempt(first)
        await asyncio.sleep(500)
        office.yarn.restart()
        await asyncio.sleep(300)
        assert office.yarn.running() == [first], "YARN has waited for its node for 300 s"
        await office.until(lambda: len(office.yarn.running()) == 2, within=400)
