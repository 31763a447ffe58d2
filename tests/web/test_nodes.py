"""What /api/nodes tells: what each node holds, who avoids it and why; and of others' jobs no name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observe.pictures import NOW, fleet, picture, remembers
from trainmaster.api.status import ResourceStatus
from trainmaster.master.picture import Picture
from trainmaster.observe.gpus.values import GpuPicture
from trainmaster.plan.avoidance import avoiding
from trainmaster.plan.cluster import NO_LIMIT, Node, Size
from trainmaster.plan.health import CalledBad, Told, garbled
from trainmaster.plan.suspects import Suspect, Witness
from trainmaster.settings import ViewRule
from trainmaster.web.access import Viewer
from trainmaster.web.nodes import nodes_json
from web.serving import serving

NO_GPUS = GpuPicture()
BIG = Size(65536, NO_LIMIT, 8)


def holding(name: str, host: str, number: int, namespace: str = "vision") -> Picture:
    shown = picture(name, namespace=namespace)
    granted = ResourceStatus(memory_mib=1024, vcores=1, gpus=2)
    role = shown.status.roles["worker"]
    replicas = tuple(
        role.replicas[0].model_copy(update={"index": i, "node": host, "granted": granted})
        for i in range(number)
    )
    roles = {"worker": role.model_copy(update={"replicas": replicas})}
    return replace(shown, status=shown.status.model_copy(update={"roles": roles}))


def node(host: str) -> Node:
    return Node(host, "/rack", Size(32768, -NO_LIMIT, 4), BIG)


ANYBODY = Viewer(everything=True)
OF_VISION = Viewer("alice", (ViewRule(users=("*",), namespaces=("vision",)),))
SAID = (Witness("vision/mnist", "GpuFault", 2, NOW), Witness("speech/bert", "NodeCheckFailed", 1, NOW))
AVOIDS = {"avoided": avoiding((), "n1", NOW - 60, "GpuFault")}
FLEET = fleet(
    remembers(holding("mnist", "n2", 2), **AVOIDS),
    remembers(holding("bert", "n2", 1, namespace="speech"), **AVOIDS),
    nodes=(node("n1"), node("n2"), node("n3")),
    suspects=(Suspect("n1", 2, SAID),),
    called_bad=(CalledBad("n3", "dcgm", "Xid 79", NOW - 90, False),),
    node_sources={
        "dcgm": Told({"n3": (NOW - 90, "Xid 79")}, NOW),
        "gpud": garbled("it isn't written in JSON"),
    },
    cleared={"n3": NOW - 9},
)


def rows(viewer: Viewer = ANYBODY) -> dict[str, Any]:
    return {row["host"]: row for row in nodes_json(FLEET, viewer, NO_GPUS, NOW)["nodes"]}


def test_each_node_tells_what_it_holds_of_ours_and_what_is_free() -> None:
    found = rows()["n2"]
    assert found["ours"] == {"containers": 3, "memoryMiB": 3072, "vcores": 3, "gpus": 6}
    assert found["jobs"] == [
        {"job": "speech/bert", "containers": 1},
        {"job": "vision/mnist", "containers": 2},
    ]
    assert found["total"] == {"memoryMiB": 65536, "gpus": 8}, (
        "no vcores where the scheduler doesn't heed them"
    )
    assert found["free"] == {"memoryMiB": 32768, "gpus": 4}


def test_a_suspect_comes_with_its_evidence_and_whoever_avoids_it() -> None:
    found = rows()["n1"]
    assert (found["suspect"]["jobs"], found["suspect"]["avoided"]) == (2, True)
    assert [each["job"] for each in found["suspect"]["evidence"]] == ["vision/mnist", "speech/bert"]
    [first, second] = found["avoidedBy"]
    assert first == {"job": "vision/mnist", "cause": "GpuFault", "times": 1, "until": "2025-06-15T15:15:40Z"}
    assert second["job"] == "speech/bert"


def test_of_jobs_that_a_viewer_may_not_see_only_their_number_is_told() -> None:
    found = rows(OF_VISION)
    assert "bert" not in str(found)
    assert [each["job"] for each in found["n1"]["suspect"]["evidence"]] == ["vision/mnist"]
    assert (found["n1"]["avoidingJobs"], found["n1"]["suspect"]["jobs"]) == (2, 2)
    assert found["n2"]["ours"]["containers"] == 3


def test_what_is_called_bad_comes_with_who_says_so_and_why() -> None:
    found = rows()["n3"]
    assert found["calledBad"] == [
        {"host": "n3", "source": "dcgm", "why": "Xid 79", "since": "2025-06-15T15:05:10Z", "avoided": False}
    ]
    assert found["cleared"] == "2025-06-15T15:06:31Z"
    [dcgm, gpud] = nodes_json(FLEET, ANYBODY, NO_GPUS, NOW)["sources"]
    assert (dcgm["nodes"], dcgm["trouble"]) == (1, "")
    assert (gpud["name"], gpud["trouble"]) == ("gpud", "it isn't written in JSON")


def test_a_node_that_is_gone_is_told_while_jobs_have_something_there() -> None:
    gone = replace(FLEET, nodes=())
    told = {row["host"]: row for row in nodes_json(gone, ANYBODY, NO_GPUS, NOW)["nodes"]}
    assert told.keys() == {"n1", "n2"}
    assert not told["n2"]["inCluster"]


def test_whoever_is_over_avoids_nobody() -> None:
    over = fleet(remembers(picture("mnist"), closing_since=NOW, **AVOIDS), nodes=(node("n1"),))
    [row] = nodes_json(over, ANYBODY, NO_GPUS, NOW)["nodes"]
    assert (row["avoidedBy"], row["avoidingJobs"]) == ([], 0)


async def test_it_is_served_as_json_and_bad_nodes_stand_on_the_page() -> None:
    async with serving(FLEET) as client:
        told = await (await client.get("/api/nodes")).json()
        page = await (await client.get("/")).text()
    assert [row["host"] for row in told["nodes"]] == ["n1", "n2", "n3"]
    assert "dcgm calls this node bad: Xid 79. It is not left alone" in page
