"""The ResourceManager: the applications, how they and their containers end, what time brings, and what a restart leaves.

What users say to it is in clients.py, what masters say in masters.py, and its side of the nodes in tracking.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from trainmaster.hadoop.containers import CompletedContainer
from trainmaster.hadoop.values import ApplicationState, FinalStatus
from yarn.application import Application, Container, Stage
from yarn.scheduler import Scheduler
from yarn.tracking import COMPLETED, EXPIRED, Tracking


@dataclass
class Options:
    """What an administrator sets, and of which release it is."""

    version: str = "3.4.2"
    node_expiry: float = 600.0
    """yarn.nm.liveness-monitor.expiry-interval-ms"""
    application_expiry: float = 900.0
    """yarn.am.liveness-monitor.expiry-interval-ms"""
    allocation_expiry: float = 600.0
    """yarn.resourcemanager.rm.container-allocation.expiry-interval-ms"""
    keeps: int = 1000
    """finished applications that it remembers (yarn.resourcemanager.max-completed-applications)"""
    settles: float = 10.0
    """seconds after a restart in which nothing is granted (yarn.resourcemanager.work-preserving-recovery.scheduling-wait-ms)"""


@dataclass
class ResourceManager:
    """The active one, and what its state store keeps over a restart."""

    scheduler: Scheduler
    options: Options = field(default_factory=Options)
    up: bool = True
    at: float = 0.0
    """the time now; cluster.py sets it"""
    life: int = 1
    """rises with each restart (ResourceManager.getClusterTimeStamp)"""
    began_at: float = float("-inf")
    am_key: int = 1
    next_am_key: int | None = None
    nm_key: int = 1
    applications: dict[str, Application] = field(default_factory=dict)
    tracking: Tracking = field(init=False)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.tracking = Tracking(self.scheduler, self.applications, self.ends)

    # --- ends

    def ends(self, container: Container, code: int, words: str) -> None:
        """A container is over for the ResourceManager; its node is told to kill it (RMContainerImpl.KillTransition)."""
        known = self.applications[container.application]
        node = self.tracking.nodes.get(container.node)
        if node and container.id not in node.completed:
            node.to_clean[container.id] = None
        self.scheduler.let_go(known, container)
        if not known.state.over:
            known.ends.append(CompletedContainer(container.id, code, words))

    def over(
        self, known: Application, state: ApplicationState, words: str, final: FinalStatus = FinalStatus.FAILED
    ) -> None:
        """Only the nodes that are there hear of it (RMAppImpl.FinalTransition, RMNodeCleanAppEvent)."""
        known.state, known.words, known.final = state, words, final
        for container in list(known.live.values()):
            self.ends(container, *COMPLETED)
        for address in known.ran_on & self.tracking.nodes.keys():
            self.tracking.nodes[address].over[known.id] = None
        known.clear()
        queue = self.scheduler.queues.get(known.queue)
        if queue and known in queue.applications:
            queue.applications.remove(known)
            queue.activate(self.scheduler.minimum.memory)
        self._forget_old()

    def _forget_old(self) -> None:
        """RMAppManager.checkAppNumCompletedLimit."""
        over = [id_ for id_, each in self.applications.items() if each.state.over]
        for id_ in over[: max(0, len(over) - self.options.keeps)]:
            del self.applications[id_]

    def preempt(self, container: Container, code: int, words: str) -> None:
        """CapacityScheduler.markContainerForKillable."""
        self.ends(container, code, words)

    # --- time

    def check_masters(self) -> None:
        """AMLivelinessMonitor: silent ones are given up; with one attempt their application has failed."""
        for known in list(self.applications.values()):
            if (
                known.accepted
                and not known.state.over
                and self._past(known.pinged_at, self.options.application_expiry)
            ):
                self.over(
                    known, ApplicationState.FAILED, f"ApplicationMaster for attempt of {known.id} timed out"
                )

    def check_nodes(self) -> None:
        """NMLivelinessMonitor. A node that hasn't come back since a restart isn't known, so it can't get lost."""
        for node in list(self.tracking.nodes.values()):
            if self._past(node.beaten_at, self.options.node_expiry):
                self.tracking.lose(node)

    def check_grants(self) -> None:
        """ContainerAllocationExpirer: what was told and not started."""
        for known in list(self.applications.values()):
            for container in list(known.live.values()):
                idle = container.stage is Stage.ACQUIRED
                if idle and self._past(container.acquired_at, self.options.allocation_expiry):
                    self.ends(container, *EXPIRED)

    def _past(self, since: float, patience: float) -> bool:
        return self.at - since > patience

    @property
    def ready(self) -> bool:
        """RMContextImpl.isSchedulerReadyForAllocatingContainers."""
        return self.at - self.began_at >= self.options.settles

    def restart(self) -> None:
        """Killed and started again, with recovery on: nodes come back one by one, and all that the scheduler knew is forgotten.

        The keys of masters' tokens are kept (RMStateStore), those of NM tokens are new.
        """
        self.up, self.life, self.began_at, self.nm_key = True, self.life + 1, self.at, self.nm_key + 1
        self.scheduler.places.clear()
        for queue in self.scheduler.queues.values():
            queue.used = type(queue.used)()
        self.tracking = Tracking(self.scheduler, self.applications, self.ends)
        for known in self.applications.values():
            if known.accepted and not known.state.over:
                known.forget(self.at)
        for queue in self.scheduler.queues.values():
            queue.activate(self.scheduler.minimum.memory)
