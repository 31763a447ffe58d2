"""What the wires carry, as plain frozen values: resources, applications, nodes, queues.

Lives here: values only, in YARN's own terms. Never here: a protobuf, a socket, a decision. Names of
applications and containers are strings in YARN's printed form (ids.py); nodes are `host:port` of the
NodeManager's RPC. Tokens are serialised hadoop.common.TokenProto bytes, secret, and kept out of every repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Resource:
    """Resources of a container, a node or a queue: MiB, virtual cores, GPUs (resource type yarn.io/gpu)."""

    memory: int = 0
    vcores: int = 0
    gpus: int = 0


class ApplicationState(StrEnum):
    """YarnApplicationState of the ResourceManager's report."""

    NEW = "NEW"
    NEW_SAVING = "NEW_SAVING"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def over(self) -> bool:
        return self in (ApplicationState.FINISHED, ApplicationState.FAILED, ApplicationState.KILLED)


class FinalStatus(StrEnum):
    """FinalApplicationStatus: what the ApplicationMaster said when it left, or what YARN concluded."""

    UNDEFINED = "UNDEFINED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class NewApplication:
    """An id of our own, not yet submitted, and the largest single allocation that the scheduler's
    configuration allows."""

    id: str
    largest: Resource


@dataclass(frozen=True, slots=True)
class Submission:
    """An application whose ApplicationMaster is ourselves (unmanaged): YARN starts no process for it.

    It is submitted with keep_containers_across_application_attempts, one attempt and no lifetime; its user is
    that of the connection.
    """

    id: str
    name: str
    queue: str
    priority: int = 0
    tags: tuple[str, ...] = ()
    type: str = "TRAINMASTER"
    """shown in YARN's list of applications; at most 20 characters"""
    master: Resource = field(default=Resource(1, 1))
    """charged to the queue's ApplicationMaster share; the scheduler raises it to its minimum allocation"""
    node_label: str = ""
    """default node_label_expression of its asks; empty for the queue's own default"""
    view_acl: str = ""
    """`users groups` (Hadoop's form) that may see it and its logs, beside its owner"""
    modify_acl: str = ""
    """those that may end it"""
    tokens: bytes | None = field(default=None, repr=False)
    """Credentials in Hadoop's token storage format, for YARN to renew"""


@dataclass(frozen=True, slots=True)
class ApplicationReport:
    """getApplicationReport, as its owner sees it."""

    id: str
    name: str
    user: str
    queue: str
    host: str
    state: ApplicationState
    final_status: FinalStatus
    diagnostics: str
    tracking_url: str
    progress: float
    """0 to 1"""
    started_at: float
    """seconds since the epoch"""
    finished_at: float
    """seconds since the epoch; 0 while it goes on"""
    priority: int
    attempt: str
    """appattempt_..., empty before the first"""
    am_rm_token: bytes | None = field(default=None, repr=False)
    """only for the owner, and only while the attempt is LAUNCHED: from the scheduler's acceptance until the
    first register"""
    tags: frozenset[str] = frozenset()
    """those of its submission"""


class QueueState(StrEnum):
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    DRAINING = "DRAINING"


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """getQueueInfo. Shares are fractions of the parent queue, 0 to 1, of the default partition."""

    name: str
    path: str
    """empty before Hadoop 3.4, whose REST tells it all the same"""
    state: QueueState
    capacity: float
    maximum: float
    used: float
    """of its own capacity; above 1 where the queue borrows"""
    labels: tuple[str, ...]
    """node labels it may use; `*` for any"""


class NodeState(StrEnum):
    NEW = "NEW"
    RUNNING = "RUNNING"
    UNHEALTHY = "UNHEALTHY"
    DECOMMISSIONED = "DECOMMISSIONED"
    LOST = "LOST"
    REBOOTED = "REBOOTED"
    DECOMMISSIONING = "DECOMMISSIONING"
    SHUTDOWN = "SHUTDOWN"

    @property
    def usable(self) -> bool:
        return self in (NodeState.NEW, NodeState.RUNNING, NodeState.DECOMMISSIONING)


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One NodeManager as the ResourceManager knows it."""

    node: str
    """host:port of its RPC"""
    http: str
    """host:port of its web server; empty for a node that is gone"""
    rack: str
    state: NodeState
    used: Resource
    total: Resource
    containers: int
    health: str
    labels: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        return self.node.rpartition(":")[0]

    @property
    def words(self) -> str:
        """UNHEALTHY: 1/1 local-dirs have errors"""
        health = self.health.strip()[:300]
        return f"{self.state.value}: {health}" if health else self.state.value


@dataclass(frozen=True, slots=True)
class ClusterMetrics:
    """getClusterMetrics: numbers of NodeManagers."""

    nodes: int
    active: int
    lost: int
    unhealthy: int
    decommissioned: int
