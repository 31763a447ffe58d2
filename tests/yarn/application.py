"""One application as the ResourceManager has it: its master's conversation, its asks, and what lives of it.

Lives here: the state, and how much of it a restart of the ResourceManager leaves. Never here: a rule of who gets what.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from trainmaster.hadoop.containers import Allocated, CompletedContainer, GrantedContainer, ResourceAsk
from trainmaster.hadoop.values import ApplicationState, FinalStatus, NodeReport, Resource

NOT_REGISTERED = -1
"""AMRMClientUtils.PRE_REGISTER_RESPONSE_ID"""

Key = tuple[int, int]
"""priority and allocation request id (SchedulerRequestKey)"""


class Stage(Enum):
    """RMContainerState, as far as it matters."""

    ALLOCATED = auto()
    """the scheduler has it; no answer told of it yet"""
    ACQUIRED = auto()
    """told, with the token to start it"""
    RUNNING = auto()
    """its NodeManager has told that it was started"""


@dataclass
class Container:
    """A live container as the ResourceManager has it (RMContainerImpl)."""

    id: str
    application: str
    node: str
    http: str
    size: Resource
    priority: int
    number: int
    """its allocation request id"""
    stage: Stage = Stage.ALLOCATED
    acquired_at: float = 0.0
    lost: bool = False
    """with its node, for which the ResourceManager has waited long enough: another may run in its place"""
    asked: tuple[ResourceAsk, ...] = ()
    """the lines that it was granted for; one that ends before anybody was told of it stands asked for again"""
    token: bytes = b""
    """made when it is told, and told by registers as well; a restarted ResourceManager has it no more"""

    def granted(self) -> GrantedContainer:
        return GrantedContainer(
            self.id, self.node, self.http, self.size, self.priority, self.number, self.token
        )


@dataclass
class Application:
    """One application with its only attempt."""

    id: str
    user: str = "u"
    queue: str = "default"
    priority: int = 0
    tags: frozenset[str] = frozenset()
    state: ApplicationState = ApplicationState.NEW
    words: str = ""
    final: FinalStatus = FinalStatus.UNDEFINED
    accepted: bool = False
    """whether the scheduler took it: then there is an attempt"""
    number: int = NOT_REGISTERED
    """response id of the last answer"""
    last: Allocated = field(default_factory=lambda: Allocated(0))
    pinged_at: float = 0.0
    ran_on: set[str] = field(default_factory=set)
    """nodes to be told when it is over (RMAppImpl.ranNodes)"""
    active: bool = False
    """whether its queue's share for masters has let it in: if not, it gets no container, and nobody says so"""

    # The scheduler's, all of it forgotten by a restart.
    asks: dict[Key, dict[str, ResourceAsk]] = field(default_factory=dict)
    """by key and place"""
    blacklist: set[str] = field(default_factory=set)
    live: dict[str, Container] = field(default_factory=dict)
    fresh: list[Container] = field(default_factory=list)
    """allocated, and not told yet"""
    missed: dict[Key, int] = field(default_factory=dict)
    """by scheduler key: nodes that were passed over in the hope of the one asked for"""
    ends: list[CompletedContainer] = field(default_factory=list)
    """not told yet"""
    told_nodes: set[str] = field(default_factory=set)
    """whose NM token was handed out (NMTokenSecretManagerInRM.appAttemptToNodeKeyMap)"""
    pending_releases: set[str] = field(default_factory=set)
    """given back while their NodeManagers had not come back yet (SchedulerApplicationAttempt.pendingRelease)"""
    node_news: dict[str, NodeReport] = field(default_factory=dict)

    # What tests look at.
    acknowledged: list[str] = field(default_factory=list)
    """containers whose ends were told in an answer that was followed by another call"""
    told: list[CompletedContainer] = field(default_factory=list)
    """every end that was handed out"""
    finals: list[FinalStatus] = field(default_factory=list)
    strange_releases: list[str] = field(default_factory=list)
    """released, though they are not its own"""

    @property
    def registered(self) -> bool:
        return self.number != NOT_REGISTERED

    def forget(self, now: float) -> None:
        """A restart of the ResourceManager: only what its state store keeps is left (RMStateStore).

        An application that goes on is ACCEPTED until its master registers again (RMAppRecoveredTransition), and its silence
        is counted anew (AMLivelinessMonitor).
        """
        self.state, self.number, self.pinged_at, self.active = (
            ApplicationState.ACCEPTED,
            NOT_REGISTERED,
            now,
            False,
        )
        self.last = Allocated(NOT_REGISTERED)
        self.clear()

    def clear(self) -> None:
        """What only the scheduler knew is gone."""
        for each in (self.asks, self.blacklist, self.live, self.missed, self.told_nodes):
            each.clear()
        for more in (self.fresh, self.ends, self.pending_releases, self.node_news):
            more.clear()
