"""What no node of today can hold, or all together: a stated reason with role and numbers, and no more than a wait."""

from __future__ import annotations

from typing import Any

import pytest

from plan.build import BIG, World, cluster, job
from trainmaster.plan.values import Cluster, Node, Size

PLAIN, GPUS = Size(2048, 4, 0), Size(1024, 64, 2)
LACKING: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"worker": 3},
        {"nodes": (PLAIN,)},
        "it wants 3072 MiB, 3 vcores (3 worker), and all of today's nodes have 2048 MiB, 4 vcores",
    ),
    (
        {"ps": 1, "worker": 2, "roles": {"worker": {"resources": {"memory": "3Gi"}}}},
        {"nodes": (PLAIN, PLAIN)},
        "role worker wants 3072 MiB, 1 vcores in one container, and the largest of today's nodes has 2048 MiB, 4 vcores",
    ),
    (
        {"ps": 1, "worker": 1, "roles": {"worker": {"resources": {"gpus": 1}}}},
        {"nodes": (PLAIN,)},
        "role worker wants 1024 MiB, 1 vcores, 1 GPU in one container, and the largest of today's nodes has"
        " 2048 MiB, 4 vcores, no GPU",
    ),
    (
        {"worker": 1, "roles": {"worker": {"resources": {"memory": "2Gi", "gpus": 2}}}},
        {"nodes": (PLAIN, GPUS, PLAIN)},
        "role worker wants 2048 MiB, 1 vcores, 2 GPU in one container, and the largest of today's nodes have"
        " 2048 MiB, 4 vcores, no GPU, or 1024 MiB, 64 vcores, 2 GPU",
    ),
    (
        {"worker": 1},
        {"nodes": (PLAIN,), "partition": "gpu"},
        "role worker wants 1024 MiB, 1 vcores in one container, and today there is no node in partition 'gpu'",
    ),
    ({"worker": 1}, {"nodes": ()}, "YARN has no running nodes"),
    (
        {"ps": 1, "worker": 3, "gang": {"minAvailable": 3}},
        {"nodes": (PLAIN,)},
        "it wants 3072 MiB, 3 vcores (the 3 smallest of 1 ps, 3 worker), and all of today's nodes have 2048 MiB, 4 vcores",
    ),
]


@pytest.mark.parametrize(("of", "has", "words"), LACKING)
def test_what_only_todays_nodes_lack_is_waited_for_and_told_with_role_and_numbers(
    of: dict[str, Any], has: dict[str, Any], words: str
) -> None:
    today = tuple(Node(f"n{i}", "/r", size, size) for i, size in enumerate(has["nodes"]))
    known = Cluster(BIG, nodes=today, partition=has.get("partition", ""))
    world = World(job(**of)).sees(cluster=known).registers()
    assert world.condition("Accepted").status == "True"
    assert world.condition("Queued").reason == "NoRoom"
    assert world.condition("Queued").message.endswith(words)
    assert world.status.state == "Queued"
    larger = world.sees(cluster=cluster("a", "b", size=BIG))
    assert larger.condition("Queued").reason != "NoRoom", "nodes come and go"


def test_a_replacement_that_todays_nodes_cannot_hold_is_told_while_the_others_run() -> None:
    large = job(ps=1, worker=2, framework="TensorFlow", roles={"worker": {"resources": {"gpus": 1}}})
    world = World(large).runs().ends("worker-1", 137)
    assert world.replica("worker-0").bound
    assert "role worker" not in world.condition("Running").message
    world.sees(cluster=cluster("a", size=PLAIN)).later(1)
    assert (
        "role worker wants 1024 MiB, 1 vcores, 1 GPU in one container,"
        " and the largest of today's nodes has 2048 MiB, 4 vcores, no GPU; worker-1 ended on a"
    ) in world.condition("Running").message
