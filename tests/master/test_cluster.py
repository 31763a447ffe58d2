"""The one picture of the cluster: what is made of YARN's answers, and how little is made anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from trainmaster.errors import UnavailableError
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.proto import yarn_client_pb2 as pb
from trainmaster.hadoop.proto.yarn_pb2 import NS_RUNNING, NodeIdProto, NodeReportProto, ResourceProto
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import RestQueue, RestUser, Share
from trainmaster.hadoop.values import NewApplication, NodeReport, NodeState, QueueState, Resource
from trainmaster.master import cluster_picture
from trainmaster.master.cluster import ClusterView
from trainmaster.master.cluster_picture import ClusterPicture, picture_of
from trainmaster.plan.bounds import of_partition, of_queue
from trainmaster.plan.values import Size

LARGE, HALF = Resource(8192, 8, 2), Resource(4096, 4, 1)


def node(name: str, used: Resource = HALF, **more: Any) -> NodeReport:
    report = NodeReport(f"{name}:45454", f"{name}:8042", "/r", NodeState.RUNNING, used, LARGE, 1, "")
    return replace(report, **more)


def queue(path: str, **more: Any) -> RestQueue:
    name = path.rpartition(".")[2]
    one = RestQueue(name, path, True, QueueState.RUNNING, None, LARGE, LARGE, HALF, 0, 0)
    return replace(one, **more)


def picture(
    nodes: list[NodeReport] | None = None, *queues: RestQueue, before: ClusterPicture | None = None
) -> ClusterPicture:
    nodes = [node("a")] if nodes is None else nodes
    return picture_of(nodes, queues, Size(8192, 8, 2), before or ClusterPicture())


def test_sums_are_by_partition_and_bounds_by_queue() -> None:
    gpu = queue("root.gpu", label="gpu", labelled={"gpu": Share(LARGE, HALF)}, pending=3)
    users = (RestUser("u", HALF, HALF), RestUser("new", Resource(), Resource()), RestUser("all", HALF, LARGE))
    plain = queue("root.plain", users=users)
    made = picture([node("a"), node("b"), node("g", labels=("gpu",))], gpu, plain)
    assert made.nodes.totals == {"": Size(16384, 16, 4), "gpu": Size(8192, 8, 2)}
    known = made.bounds.known
    assert known[of_partition("")].left == Size(8192, 8, 2)
    assert known[of_queue("root.plain")].left == Size(4096, 4, 1)
    assert known[of_queue("root.gpu", "gpu")].held_back == 3
    assert made.bounds.chain("root.plain", "u") == ("user u in root.plain", "queue root.plain ", "partition ")
    for user in ("new", "all"):
        assert made.bounds.chain("root.plain", user) == ("queue root.plain ", "partition ")
    assert made.bounds.chain("root.gpu", "u") == ("queue root.gpu gpu", "partition gpu")
    assert (made.of_queue("gpu").queue, made.of_queue("gpu").total) == ("root.gpu", Size(8192, 8, 2))


def test_what_one_node_gave_out_beyond_what_it_has_is_free_nowhere_else() -> None:
    """The default resource calculator counts memory alone."""
    made = picture([node("a", Resource(1024, 99, 0)), node("b", Resource())])
    assert made.nodes.frees[""] == Size(15360, 8, 4)


def test_vcores_that_the_scheduler_does_not_heed_bound_nothing() -> None:
    """A larger gang than all nodes have vcores is granted by the default resource calculator."""
    reports, full = [node("a", Resource(1024, 99, 0))], queue("root.full", used=Resource(1024, 99, 0))
    heeded = picture(reports, full)
    unheeded = picture_of(reports, [full], Size(8192, 8, 2), heeded, vcores=False)
    gang = Size(4096, 400)
    assert heeded.of_queue("root.full").lacks(gang, [])
    assert not unheeded.of_queue("root.full").lacks(gang, [])
    known = unheeded.bounds.known
    assert all(gang.fits(known[name].left) for name in (of_partition(""), of_queue("root.full")))
    assert str(known[of_partition("")].most) == "8192 MiB, 2 GPU"


@pytest.mark.parametrize(
    ("wanted", "creating", "found"),
    [
        ("root.users.alice", {"users"}, True),
        ("users.alice", {"users"}, True),
        ("root.users.team.alice", {"users"}, True),
        ("root.alice", {"root"}, True),
        ("root.ml.alice", {"root"}, False),
        ("root.users.alice", set(), False),
        ("nowhere", {"users"}, False),
        ("default", {"users"}, True),
        ("default", set(), False),
    ],
)
def test_a_queue_that_is_made_on_first_submission_is_not_refused(
    wanted: str, creating: set[str], found: bool
) -> None:
    paths = ("root", "root.users", "root.ml", "root.ml.vision")
    queues = [queue(p, creates=p.rpartition(".")[2] in creating) for p in paths]
    assert picture(None, *queues).of_queue(wanted).queue_found is found


def test_another_scheduler_tells_no_queues_so_any_may_be_there() -> None:
    assert picture().of_queue("anything").queue_found


def test_only_nodes_of_which_something_new_is_told_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = cluster_picture._node
    monkeypatch.setattr(cluster_picture, "_node", lambda r, v: made.append(r.host) or make(r, v))
    reports = [node(f"n{i}") for i in range(1000)]
    first = picture(reports)
    reports[7] = node("n7", Resource())
    second = picture(reports, before=first)
    assert len(made) == 1001
    assert made[-1] == "n7"
    assert second.nodes.by_host["n7"].free == Size(8192, 8, 2)
    assert second.nodes.by_host["n8"] is first.nodes.by_host["n8"]


async def test_a_report_that_comes_in_the_same_bytes_is_the_same() -> None:
    def answer(used: int) -> pb.GetClusterNodesResponseProto:
        return pb.GetClusterNodesResponseProto(
            nodeReports=[
                NodeReportProto(
                    nodeId=NodeIdProto(host=name, port=1),
                    node_state=NS_RUNNING,
                    used=ResourceProto(memory=used if name == "a" else 1),
                    capability=ResourceProto(memory=9),
                )
                for name in "ab"
            ]
        )

    rm = ResourceManager(parse({"yarn.resourcemanager.address": "127.0.0.1:1"}), "u")
    answers = [answer(1), answer(2)]
    rm._rpc = cast("Any", type("Rpc", (), {"call": lambda *_: _next(answers)}))
    before, after = await rm.cluster_nodes(), await rm.cluster_nodes()
    assert after[0].used.memory == 2
    assert after[1] is before[1]


async def _next(answers: list[Any]) -> Any:
    return answers.pop(0)


# --- looks


class Said:
    """A ResourceManager as both its RPC and its REST."""

    def __init__(self) -> None:
        self.nodes, self.told, self.down = [node("a")], [queue("root.a"), queue("root.b")], False

    async def new_application(self) -> NewApplication:
        return NewApplication("application_1_1", LARGE)

    async def cluster_nodes(self) -> tuple[NodeReport, ...]:
        if self.down:
            raise UnavailableError("away")
        return tuple(self.nodes)

    async def queues(self) -> tuple[RestQueue, ...]:
        return tuple(self.told)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def view(said: Said) -> ClusterView:
    return ClusterView(cast("Any", said), cast("Any", said))


def told(view: ClusterView) -> Callable[[str], bool]:
    changed = view.changed_terms()
    assert changed is not None
    return changed


async def test_a_failed_look_changes_nothing_and_says_so(said: Said, view: ClusterView) -> None:
    assert view.of_queue("root.a") is None
    await view.look()
    seen_at, known = view.seen_at, view.of_queue("root.a")
    said.down, said.nodes = True, []
    await view.look()
    assert (view.up, view.seen_at, view.of_queue("root.a")) == (False, seen_at, known)


async def test_what_is_free_changes_no_terms_and_a_queue_that_stops_changes_its_own(
    said: Said, view: ClusterView
) -> None:
    await view.look()
    assert told(view)("root.a"), "before it nothing was known"
    assert view.changed_terms() is None
    said.nodes = [node("a", Resource())]
    await view.look()
    assert not told(view)("root.a")
    said.told[0] = queue("root.a", state=QueueState.STOPPED)
    await view.look()
    changed = told(view)
    assert (changed("root.a"), changed("root.b"), changed("root.new")) == (True, False, False)


async def test_growth_is_a_node_or_a_larger_one(said: Said, view: ClusterView) -> None:
    grown = []
    for nodes in (
        [node("a")],
        [node("a", Resource())],
        [node("a"), node("b")],
        [node("b")],
        [node("a"), node("b")],
        [node("a", total=Resource(9000, 8, 2)), node("b")],
    ):
        said.nodes = nodes
        await view.look()
        grown.append(view.growth)
    assert grown == [1, 1, 2, 2, 3, 4]
