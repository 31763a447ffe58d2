"""Who tries the network with whom: each with two others on different nodes, so that one bad node is named alone."""

from __future__ import annotations

import random

import pytest

from plan.build import World, cluster, job, key
from trainmaster.plan.memory import Key, ReplicaMemory
from trainmaster.plan.pairs import CONNECTS, LISTENS, PEERS, SIDE, paired
from trainmaster.plan.values import Start

TRY = {"nodeCheck": {"command": "try", "pairs": True}}


def on(*hosts: str) -> list[ReplicaMemory]:
    """One replica on each; its first port is its index."""
    return [ReplicaMemory(Key("worker", at), host=host, ports=(at,)) for at, host in enumerate(hosts)]


def partners(replicas: list[ReplicaMemory]) -> dict[int, list[int]]:
    """By index of a replica, whom it has in each round."""
    told = paired(replicas)
    return {
        place.index: [int(one.rpartition(":")[2]) for one in each[PEERS].split(",")]
        for place, each in told.items()
    }


def named(replicas: list[ReplicaMemory], bad: str) -> set[str]:
    """The nodes that fail with all of their partners, where the network of one is broken."""
    host = [r.host for r in replicas]
    found = partners(replicas).items()
    return {host[me] for me, others in found if all(bad in (host[me], host[one]) for one in others)}


@pytest.mark.parametrize("each", [1, 2, 3])
@pytest.mark.parametrize("count", [4, 6, 7, 10])
def test_one_bad_node_is_named_alone(count: int, each: int) -> None:
    replicas = on(*(f"n{number}" for number in range(count) for _ in range(each)))
    left = {r.host for r in replicas if r.key.index not in partners(replicas)}
    assert len(partners(replicas)) == len(replicas) - len(replicas) % 2
    for bad in {r.host for r in replicas} - left:
        assert named(replicas, bad) == {bad}


def test_whoever_is_placed_how_has_partners_elsewhere_or_none_at_all() -> None:
    chance = random.Random(5)
    some = 0
    for _ in range(500):
        replicas = on(*(f"n{chance.randrange(8)}" for _ in range(chance.randrange(1, 30))))
        host, found = [r.host for r in replicas], partners(replicas)
        some += bool(found)
        for me, others in found.items():
            assert len({host[me], *(host[one] for one in others)}) == 3
            assert all(found[one][turn] == me for turn, one in enumerate(others))
    assert some > 50


@pytest.mark.parametrize("hosts", [(), ("a",), ("a", "b"), ("a", "b", "c"), ("a", "a", "a", "b", "c", "d")])
def test_on_too_few_nodes_nobody_has_a_partner(hosts: tuple[str, ...]) -> None:
    assert paired(on(*hosts)) == {}


def test_of_a_pair_one_waits_for_the_others_call() -> None:
    told = paired(on("a", "b", "c", "d"))
    sides = [told[key(f"worker-{index}")][SIDE] for index in range(4)]
    assert sides == [LISTENS, LISTENS, CONNECTS, CONNECTS]


def gang(spec: dict[str, object]) -> World:
    world = World(job("Generic", {"backoff": {"base": 0}}, spec=spec, worker=4))
    world.registers().sees(cluster=cluster(*"abcde"))
    for number, node in enumerate("abcd"):
        world.grants(f"worker-{number}", node=node)
    return world


def test_processes_of_a_gang_are_told_of_their_partners() -> None:
    told = [start.environment for start in gang(TRY).told(Start)]
    assert len({each[PEERS] for each in told}) == 4
    assert all(PEERS not in start.environment for start in gang({}).told(Start))


def test_who_begins_while_others_run_has_none() -> None:
    world = gang(TRY).starts().later(1).ends("worker-1", 1).grants("worker-1", node="e")
    assert [PEERS in start.environment for start in world.told(Start)] == [False]
