"""From YARN's answers to the one picture of the cluster that all jobs share. Pure, and made in a thread: it takes a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainmaster.hadoop.rest import RestQueue, RestUser, Share
from trainmaster.hadoop.values import NodeReport, QueueState, Resource
from trainmaster.master.gpus import NO_GPUS, ClusterGpus, cluster_gpus
from trainmaster.plan.bounds import Bound, Bounds, of_partition, of_queue, of_user
from trainmaster.plan.cluster import NO_LIMIT, NOTHING
from trainmaster.plan.values import Cluster, Node, Nodes, Size

DEFAULT = "default"
"""the queue of a job that names none, which YARN may map to another one"""
ROOT = "root"


@dataclass(frozen=True)
class ClusterPicture:
    """One look."""

    nodes: Nodes = field(default_factory=Nodes)
    reports: Mapping[str, tuple[NodeReport, Node]] = field(default_factory=dict)
    """by NodeManager, to make only those nodes anew of which something new was told"""
    racks: Mapping[str, str] = field(default_factory=dict)
    largest: Size = NOTHING
    queues: Mapping[str, Cluster] = field(default_factory=dict)
    """by path and by name, as their jobs see them"""
    creating: frozenset[str] = frozenset()
    """parents, by path and by name, that make their queues when something is first submitted to them"""
    bounds: Bounds = field(default_factory=Bounds)
    vcores: bool = True
    """whether the scheduler heeds them"""
    gpus: ClusterGpus = NO_GPUS

    def of_queue(self, queue: str) -> Cluster:
        known = self.queues.get(queue)
        return known or Cluster(self.largest, queue_found=self._may_be_there(queue), nodes=self.nodes)

    def _may_be_there(self, queue: str) -> bool:
        """Whether YARN may take a job for a queue that isn't listed: then only the submission tells.

        Below a parent that creates its queues there is no need to be listed, at any depth (CapacitySchedulerQueueManager.
        createAutoQueue); and rules that map jobs to queues, of which YARN tells nothing, have a say about the default queue
        (CSMappingPlacementRule): they come with parents that create.
        """
        if not self.queues or (queue == DEFAULT and self.creating):
            return True
        parents = list(_parents(queue))
        nearest = next((path for path in parents if path in self.queues or path in self.creating), "")
        return nearest in self.creating

    def grew_since(self, before: ClusterPicture) -> bool:
        """Whether there are nodes that weren't there before, or one has more in all than it had."""
        was = before.nodes.by_host
        return any(
            node.host not in was or not node.total.fits(was[node.host].total)
            for node in self.nodes
            if was.get(node.host) is not node
        )


def picture_of(
    reports: Sequence[NodeReport],
    queues: Sequence[RestQueue],
    largest: Size,
    before: ClusterPicture,
    vcores: bool = True,
) -> ClusterPicture:
    usable = [report for report in reports if report.state.usable]
    known = before.reports if before.vcores is vcores else {}
    made = {report.node: (report, _made(report, known.get(report.node), vcores)) for report in usable}
    nodes = Nodes(node for _, node in made.values()).worked_out()
    return ClusterPicture(
        nodes,
        made,
        {report.host: report.rack for report in usable},
        largest,
        _clusters(queues, largest, nodes, vcores),
        frozenset(name for queue in queues if queue.creates for name in (queue.path, queue.name)),
        Bounds(dict(_bounds(queues, nodes, vcores)), {queue.path: queue.label for queue in queues}),
        vcores,
        cluster_gpus(reports),
    )


def _made(report: NodeReport, known: tuple[NodeReport, Node] | None, vcores: bool) -> Node:
    return known[1] if known and known[0] is report else _node(report, vcores)


def _node(report: NodeReport, vcores: bool) -> Node:
    total = size(report.total)
    free = total - size(report.used)
    label = next(iter(report.labels), "")
    return Node(report.host, report.rack, _heeded(free, vcores), _heeded(total, vcores), label)


def _heeded(room: Size, vcores: bool) -> Size:
    """Room as the scheduler has it: the default resource calculator gives out more vcores than there are."""
    return room if vcores else replace(room, vcores=NO_LIMIT)


def _clusters(queues: Iterable[RestQueue], largest: Size, nodes: Nodes, vcores: bool) -> dict[str, Cluster]:
    """By path, and by name: where two queues have the same, the first. The root takes no jobs itself."""
    found: dict[str, Cluster] = {}
    for queue in queues:
        if queue.path == ROOT:
            continue
        share = _share(queue, queue.label)
        # What getNewApplication tells is capped by the nodes of today; a queue tells what is configured.
        cluster = Cluster(
            size(queue.largest) if queue.largest else largest,
            queue_running=queue.state is QueueState.RUNNING,
            queue_maximum=_heeded(size(share.maximum), vcores) if share and share.maximum else None,
            nodes=nodes,
            queue=queue.path,
            partition=queue.label,
        )
        found[queue.path] = cluster
        found.setdefault(queue.name, cluster)
    return found


def _share(queue: RestQueue, label: str) -> Share | None:
    return queue.labelled.get(label) if label else Share(queue.maximum, queue.used)


def _bounds(queues: Sequence[RestQueue], nodes: Nodes, vcores: bool) -> Iterator[tuple[str, Bound]]:
    for partition, total in nodes.totals.items():
        name = f"the nodes labelled {partition!r}" if partition else "the cluster"
        yield of_partition(partition), Bound(name, total, nodes.frees[partition])
    labels = {"", *(queue.label for queue in queues)}
    for queue in queues:
        for label in labels:
            if (share := _share(queue, label)) and share.maximum:
                yield of_queue(queue.path, label), _bound(_name(queue), share, vcores, queue.pending)
        for user in queue.users:
            if _is_narrower(queue, user):
                share = Share(user.maximum, user.used)
                name = f"{user.name}'s share of {_name(queue)}"
                yield of_user(queue.path, user.name), _bound(name, share, vcores)


def _is_narrower(queue: RestQueue, user: RestUser) -> bool:
    """Whether a user may use less than the queue. It is told of the nodes without a label only."""
    known = user.maximum.memory > 0 and not queue.label
    return known and not (queue.maximum and size(queue.maximum).fits(size(user.maximum)))


def _bound(name: str, share: Share, vcores: bool, held_back: int = 0) -> Bound:
    most = size(share.maximum or Resource())
    return Bound(name, _heeded(most, vcores), _heeded(most - size(share.used), vcores), held_back)


def _name(queue: RestQueue) -> str:
    return f"queue {queue.path!r}"


def _parents(queue: str) -> Iterator[str]:
    """root.a.b: root.a, root"""
    parent = queue.rpartition(".")[0]
    while parent:
        yield parent
        parent = parent.rpartition(".")[0]


def size(resource: Resource) -> Size:
    return Size(resource.memory, resource.vcores, resource.gpus)
