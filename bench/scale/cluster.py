"""The stand-in's ResourceManager and NodeManagers as one piece of state: what is granted where, and how it ended.

The rules are those of Hadoop 3.4.2, each with the class it comes from. Accelerated is time alone: what is asked for is granted
at the next `schedule`, where a real node would have to beat first. Never here: a socket, or how a message is laid out.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import chain

from bench.scale.rpc import RefusedCallError
from bench.scale.values import Application, Ask, Container, Line, Node, Size, Step
from trainmaster.hadoop import refusals

LEAST = Size(1024, 1)
"""yarn.scheduler.minimum-allocation-*; a master that needs no container is charged one all the same"""
MASTERS = 0.1
"""yarn.scheduler.capacity.maximum-am-resource-percent"""
APPLICATIONS = 10_000
"""yarn.scheduler.capacity.maximum-applications"""
ABORTED = -100
"""ContainerExitStatus.ABORTED: released, its node lost, or its application over"""
HOSTS = 250
"""in one of the networks 127.a.b.0/24 that the nodes are spread over"""


class Cluster:
    """All of it. Times are monotonic seconds."""

    def __init__(self, nodes: int, size: Size, rack: int = 40) -> None:
        """`size` is that of each node, `rack` the number of nodes in one."""
        self.born = int(time.time() * 1000)
        """the cluster's timestamp: part of every id"""
        self.size = size
        made = (Node(_host(n), f"/rack-{n // rack}", size.copy(), size.copy()) for n in range(nodes))
        self.nodes = {node.host: node for node in made}
        self.applications: dict[int, Application] = {}
        self._share = max(1, int(MASTERS * nodes * size.memory / LEAST.memory))
        self._active: set[int] = set()
        """applications that may be granted containers: as many as the masters' share allows"""
        self._inactive: deque[Application] = deque()
        self._asking: dict[int, Application] = {}
        """active ones with something asked for"""
        self._open = dict(self.nodes)
        """nodes with room, the least recently used first"""
        self._ids = 0

    # --- applications

    def new_id(self) -> int:
        self._ids += 1
        return self._ids

    def submit(self, application: Application) -> None:
        """Taken on, unless it is known: a second submission passes (ClientRMService.submitApplication)."""
        if application.number in self.applications:
            return
        application.submitted_at = time.monotonic()
        self.applications[application.number] = application
        if len(self._active) + len(self._inactive) >= APPLICATIONS:
            application.over, application.diagnostics = (
                "FAILED",
                "the queue already has its most applications",
            )
            return
        self._inactive.append(application)
        self._activate()

    def finish(self, application: Application, status: str) -> None:
        """Over: what it held is free, and nobody is told of ends any more (CapacityScheduler.doneApplicationAttempt)."""
        application.over = status
        for container in list(application.containers.values()):
            self.end(container, ABORTED, "Container of an application that is over")
        application.ends.clear()
        application.grants.clear()
        application.asks.clear()
        self._asking.pop(application.number, None)
        self._active.discard(application.number)
        self._activate()

    def _activate(self) -> None:
        """In the order of submission, as far as the masters' share reaches (AbstractLeafQueue.activateApplications)."""
        while self._inactive and len(self._active) < self._share:
            application = self._inactive.popleft()
            if not application.over:
                self._active.add(application.number)
                self._note_asks(application)

    # --- asks

    def ask(self, application: Application, line: Line, where: str, size: Size, count: int) -> None:
        """Numbers are absolute; that of `*` is how many in all (AppSchedulingInfo.updateResourceRequests)."""
        ask = application.asks.setdefault(line, Ask(size))
        ask.size = size
        if where == "*":
            ask.count = count
            if not count:
                application.asks.pop(line)
        else:
            ask.places[where] = count
        self._note_asks(application)

    def checked(self, size: Size) -> Size:
        """Raised to a multiple of the least; one that no node of today can hold makes the whole call fail (SchedulerUtils)."""
        largest = self.size if self.nodes else Size(0, 0)  # ClusterNodeTracker.getMaxAllowedAllocation
        rounded = Size(-(-size.memory // LEAST.memory) * LEAST.memory, max(size.vcores, LEAST.vcores))
        if not rounded.fits(largest):
            raise RefusedCallError(
                refusals.INVALID_ASK, f"Invalid resource request! Requested {size}, allowed {largest}"
            )
        return rounded

    def _note_asks(self, application: Application) -> None:
        if application.asks and application.number in self._active:
            self._asking[application.number] = application
        else:
            self._asking.pop(application.number, None)

    # --- grants

    def schedule(self) -> None:
        """Grant what there is room for, applications in order of priority and age (FifoOrderingPolicy)."""
        for application in sorted(self._asking.values(), key=lambda a: (-a.priority, a.number)):
            for line in sorted(application.asks):
                self._serve(application, line)
            self._note_asks(application)

    def _serve(self, application: Application, line: Line) -> None:
        ask = application.asks[line]
        while ask.count and (node := self._place(application, ask)):
            self._grant(application, line, ask, node)
        if not ask.count:
            application.asks.pop(line)

    def _place(self, application: Application, ask: Ask) -> Node | None:
        """A host that was asked for if it has room, else any: an ask that relaxes its place gets one in the end."""
        near = (self.nodes.get(host) for host, count in ask.places.items() if count)
        candidates = chain(filter(None, near), self._open.values())
        fits, avoided = ask.size.fits, application.avoided
        return next((node for node in candidates if fits(node.free) and node.host not in avoided), None)

    def _grant(self, application: Application, line: Line, ask: Ask, node: Node) -> None:
        application.made += 1
        container = Container(application.made, application, node, ask.size, line)
        application.containers[container.number] = container
        application.grants.append(container)
        node.containers[application.number, container.number] = container
        node.free.take(ask.size)
        self._open.pop(node.host)
        self._sort_in(node)
        ask.count -= 1
        for place in (node.host, node.rack):
            if ask.places.get(place):
                ask.places[place] -= 1

    def _sort_in(self, node: Node) -> None:
        if LEAST.fits(node.free) and node.host in self.nodes:
            self._open.setdefault(node.host, node)

    # --- ends

    def end(self, container: Container, code: int, words: str) -> None:
        """Its process is over, or it was given back: the room is free, and the master is told once (RMAppAttemptImpl)."""
        application, node = container.application, container.node
        if application.containers.pop(container.number, None) is None:
            return
        node.containers.pop((application.number, container.number))
        container.step, container.exit, container.diagnostics = Step.ENDED, code, words
        node.free.give_back(container.size)
        self._sort_in(node)
        application.ends.append(container)

    def succeed(self, group: str) -> int:
        """All processes end with 0 of the applications whose names begin so; how many these were."""
        live = (a for a in self.applications.values() if not a.over and a.name.startswith(group))
        ended = [c for a in live for c in a.containers.values() if c.step is Step.STARTED]
        for container in ended:
            self.end(container, 0, "")
        return len(ended)

    def lose(self, application: Application) -> int:
        """All nodes that run something of it are lost at once, with that alone; how many containers went with them.

        (RMNodeImpl.DeactivateNodeTransition. The nodes are back at once: it is the master that is to be busy.)
        """
        lost = list(application.containers.values())
        for container in lost:
            self.end(container, ABORTED, "Container released on a *lost* node")
        return len(lost)


def _host(number: int) -> str:
    """An address of the loopback network: no two nodes share one, and no name has to be looked up."""
    return f"127.{10 + number // (HOSTS * HOSTS)}.{number // HOSTS % HOSTS}.{number % HOSTS + 1}"
