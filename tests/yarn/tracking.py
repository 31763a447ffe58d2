"""The ResourceManager's side of its nodes: they register, heartbeat, get lost and come back.

ResourceTrackerService and RMNodeImpl. Never here: an application's master.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from trainmaster.hadoop.containers import NmState
from trainmaster.hadoop.values import NodeReport, NodeState
from yarn.application import Application, Container, Stage
from yarn.nodemanager import NodeManager, Process
from yarn.scheduler import Place, Scheduler

RELEASED = (-100, "Container released by application")
LOST = (-100, "Container released on a *lost* node")
PREEMPTED = (-102, "Container preempted by scheduler")
EXPIRED = (-100, "Container expired since it was unused")
COMPLETED = (-100, "Container of a completed application")
"""SchedulerUtils"""
NOT_REPORTED = "was running but not reported"


@dataclass
class Node:
    """A node that has registered (RMNodeImpl)."""

    place: Place
    beaten_at: float
    to_clean: dict[str, None] = field(default_factory=dict)
    over: dict[str, None] = field(default_factory=dict)
    """applications to be cleaned up there"""
    to_forget: dict[str, None] = field(default_factory=dict)
    """ends that their masters have taken in"""
    launched: set[str] = field(default_factory=set)
    completed: set[str] = field(default_factory=set)

    @property
    def has_news(self) -> bool:
        return bool(self.to_clean or self.over or self.to_forget)


@dataclass
class Tracking:
    """All nodes of one ResourceManager's life."""

    scheduler: Scheduler
    applications: dict[str, Application]
    ends: Callable[[Container, int, str], None]
    """a container is over"""
    nodes: dict[str, Node] = field(default_factory=dict)
    """by host:port"""
    inactive: dict[str, Node] = field(default_factory=dict)
    """lost ones (RMContext.getInactiveRMNodes)"""

    def report(self, node: Node, state: NodeState = NodeState.RUNNING) -> NodeReport:
        place = node.place
        return NodeReport(
            place.node, place.http, place.rack, state, place.used, place.total, len(place.containers), ""
        )

    def usable(self) -> list[NodeReport]:
        return [self.report(node) for node in self.nodes.values()]

    # --- register

    def register(self, nm: NodeManager, now: float) -> None:
        """ResourceTrackerService.registerNodeManager. At each of them the NM tokens for this node are handed out anew."""
        for application in self.applications.values():
            application.told_nodes.discard(nm.node)  # NMTokenSecretManagerInRM.removeNodeKey
        known = self.nodes.get(nm.node)
        if known:
            self._again(known, nm)
            known.beaten_at = now
            return
        place = Place(nm.host, nm.node, nm.http, nm.rack, nm.total)
        node = self.nodes[nm.node] = Node(place, now)
        self.scheduler.places[nm.host] = place
        if self.inactive.pop(nm.node, None) is None:
            self._recover(node, nm.processes.values())
        # A node that was LOST comes back without its containers (RMNodeImpl.AddNodeTransition): they are strangers at its next
        # heartbeat, and killed.
        for id_ in nm.applications:
            self.runs_on(id_, node)
        self._tell(node, NodeState.RUNNING)

    def _again(self, node: Node, nm: NodeManager) -> None:
        """A NodeManager that was restarted before anybody missed it (RMNodeImpl.ReconnectNodeTransition)."""
        if nm.applications:
            self._take_in(node, nm.processes.values())
            return
        for container in list(node.place.containers.values()):
            self.ends(container, *LOST)
        node.launched.clear()

    def _recover(self, node: Node, processes: Iterable[Process]) -> None:
        """AbstractYarnScheduler.recoverContainersOnNode."""
        for process in processes:
            container, application = process.of, self.applications.get(process.of.application)
            if application is None or application.state.over:
                if process.lives:
                    node.to_clean[container.id] = None
                continue
            if not process.lives:
                assert process.exit is not None
                self.told(application, node, container, process.exit, process.words)
                continue
            node.launched.add(container.id)
            container.stage, container.token = Stage.RUNNING, b""
            self.scheduler.hold(application, container, node.place)
            if container.id in application.pending_releases:
                application.pending_releases.discard(container.id)
                self.ends(container, *RELEASED)

    def runs_on(self, id_: str, node: Node) -> None:
        """RMNodeImpl.handleRunningAppOnNode: one that is over, or that nobody knows, is to be cleaned up there."""
        application = self.applications.get(id_)
        if application is None or application.state.over:
            node.over[id_] = None
        else:
            application.ran_on.add(node.place.node)

    # --- heartbeat

    def beat(self, nm: NodeManager, now: float) -> None:
        """ResourceTrackerService.nodeHeartbeat: the answer is made before the report is looked at."""
        node = self.nodes[nm.node]
        node.beaten_at = now
        told = (list(node.to_clean), list(node.over), list(node.to_forget))
        cleaned = set(node.to_clean)
        for each in (node.to_clean, node.over, node.to_forget):
            each.clear()
        self._take_in(node, [p for id_, p in nm.processes.items() if id_ not in cleaned])
        nm.clean(*told)

    def _take_in(self, node: Node, processes: Iterable[Process]) -> None:
        """RMNodeImpl.handleContainerStatus."""
        found = list(processes)
        for process in found:
            self.runs_on(process.of.application, node)
            if process.lives:
                self._launched(node, process)
            elif process.of.id not in node.completed:
                self._completed(node, process)
        self._lost(node, {p.of.id for p in found if p.state is not NmState.COMPLETE})

    def _launched(self, node: Node, process: Process) -> None:
        """SchedulerApplicationAttempt.containerLaunchedOnNode: a stranger is killed."""
        id_ = process.of.id
        if id_ in node.launched:
            return
        node.launched.add(id_)
        container = self._live(process.of)
        if container is None:
            node.to_clean[id_] = None
        else:
            container.stage = Stage.RUNNING

    def _completed(self, node: Node, process: Process) -> None:
        """An end that nobody waits for is forgotten on both sides (AbstractYarnScheduler.updateCompletedContainers)."""
        id_ = process.of.id
        node.completed.add(id_)
        node.launched.discard(id_)
        container = self._live(process.of)
        if container is None:
            node.to_forget[id_] = None
        else:
            self.ends(container, process.exit or 0, process.words)

    def _lost(self, node: Node, lives: set[str]) -> None:
        """RMNodeImpl.findLostContainers: what ran and isn't reported any more."""
        for id_ in list(node.launched - lives):
            node.launched.discard(id_)
            container = node.place.containers.get(id_)
            if container:
                self.ends(container, -100, f"Container {id_} {NOT_REPORTED} from {node.place.node}")

    def _live(self, container: Container) -> Container | None:
        application = self.applications.get(container.application)
        return application.live.get(container.id) if application else None

    def told(self, application: Application, node: Node, container: Container, code: int, words: str) -> None:
        """An end of which a restarted ResourceManager hears at a register (RMContainerImpl.ContainerRecoveredTransition)."""
        node.completed.add(container.id)
        self.scheduler.hold(application, container, node.place)
        self.ends(container, code, words)

    # --- loss

    def lose(self, node: Node) -> None:
        """It was silent for too long (NMLivelinessMonitor, CapacityScheduler.removeNode)."""
        del self.nodes[node.place.node]
        self.inactive[node.place.node] = node
        for container in list(node.place.containers.values()):
            container.lost = True
            self.ends(container, *LOST)
        del self.scheduler.places[node.place.host]
        self._tell(node, NodeState.LOST)

    def _tell(self, node: Node, state: NodeState) -> None:
        """All masters hear of nodes that come and go, with their next answers (DefaultAMSProcessor.handleNodeUpdates)."""
        for application in self.applications.values():
            if application.registered and not application.state.over:
                application.node_news[node.place.node] = self.report(node, state)
