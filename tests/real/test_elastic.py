"""A node goes under an elastic gang, and comes back: the job trains on with what is left, and then with all again."""

from __future__ import annotations

from typing import Any

from rare import at_one_door, rare
from real.cluster import until
from real.rooms import Room, eager
from trainer.ledger import Entry, Ledger, trainer_role
from trainmaster.api.status import ConditionType as C
from trainmaster.local.cluster import LocalHadoop

pytestmark = at_one_door("kubernetes")
NODES = 2


def elastic(ledger: Ledger, replicas: int = NODES) -> dict[str, Any]:
    """One fits on each node."""
    role = trainer_role(ledger.folder, replicas, steps=4000, echo="TRAINMASTER_REPLICAS")
    large = {"resources": {"memory": "5Gi"}, "restartScope": "Job", "terminationGracePeriod": "0s"}
    return role | large | {"elastic": {"min": 1, "patience": "2s", "growAfter": "2s"}}


def told(ledger: Ledger, number: int) -> list[Entry]:
    """Those that run, and were told of so many."""
    return [e for e in ledger.running() if e.echo == {"TRAINMASTER_REPLICAS": str(number)}]


def test_it_starts_with_what_is_granted(room: Room, ledger: Ledger) -> None:
    room.controller()
    room.drop("part", eager(worker=elastic(ledger, NODES + 1)))
    status = room.until_true("part", C.RUNNING)
    assert (status.roles["worker"].wanted, status.workers_summary) == (NODES, f"{NODES}/{NODES}")
    assert "2 of 3:" in status.roles["worker"].resized
    assert len(until(lambda: found if len(found := told(ledger, NODES)) == NODES else None)) == NODES
    room.delete("part")
    until(lambda: not ledger.running())


@rare(
    "tests/master/test_elastic.py::test_it_trains_on_with_fewer_where_a_node_goes_and_grows_where_it_is_back"
)
def test_a_node_goes_and_comes_back(room: Room, ledger: Ledger, hadoop: LocalHadoop) -> None:
    room.controller()
    room.drop("elastic", eager(worker=elastic(ledger)))
    replicas = room.until_true("elastic", C.RUNNING).roles["worker"].replicas
    assert len({replica.node for replica in replicas}) == NODES
    rpc = [node.rpc.partition(":")[0] for node in hadoop.addresses.nodes]
    lost = f"nodemanager-{rpc.index(replicas[1].node) + 1}"
    steps = until(lambda: ledger.steps("worker-0"))

    hadoop.kill(lost)
    until(lambda: ledger.running("worker-1"))[0].kill()  # the whole machine is gone, its processes too
    status = room.until("elastic", lambda s: s.roles["worker"].wanted == 1 and s.is_true(C.RUNNING))
    assert "1 of 2: all of today's nodes have" in status.roles["worker"].resized
    assert len(until(lambda: told(ledger, 1))) == 1
    until(lambda: len(ledger.steps("worker-0")) > len(steps) + 10)

    hadoop.start(lost)
    status = room.until("elastic", lambda s: s.workers_summary == "2/2" and s.is_true(C.RUNNING))
    assert len(until(lambda: found if len(found := told(ledger, 2)) == NODES else None)) == NODES
    assert (status.roles["worker"].wanted, status.roles["worker"].resized, status.restarts) == (2, "", 0)
    assert ledger.twice() == []
    assert [step for step, _ in ledger.steps("worker-0")] == list(range(1, len(ledger.steps("worker-0")) + 1))
    room.delete("elastic")
    until(lambda: not ledger.running())
