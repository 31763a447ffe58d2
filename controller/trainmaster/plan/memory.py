"""What the controller remembers of one job: the journal's record. Small, and enough to take the job up again.

Whatever can't be repeated harmlessly rests on something that stands here, written. YARN says what is alive; this says what we
decided about it. Status is made from this and from what is seen, and is never read back.
Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Key:
    """One replica's place in its job; it outlives the containers that fill it."""

    role: str
    index: int

    def __str__(self) -> str:
        return f"{self.role}-{self.index}"


class Cause(StrEnum):
    """What an end was judged to be; the first matching row of plan/classify.py."""

    SUCCEEDED = "Succeeded"
    STOPPED = "Stopped"
    """we asked for it"""
    CONSEQUENCE = "Consequence"
    """it died of a neighbour's death in the same generation"""
    INFRASTRUCTURE = "Infrastructure"
    """YARN's or the node's doing; replaced at once, not charged to the user's budget"""
    PORT_TAKEN = "PortTaken"
    MEMORY = "Memory"
    REFUSED = "LaunchRefused"
    PERMANENT = "Permanent"
    """exit code 1 to 127 under restartPolicy ExitCode"""
    RETRYABLE = "Retryable"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class LastExit:
    """The last judged end of one replica, as status shows it."""

    container: str
    node: str
    """host of the NodeManager"""
    http: str
    """host:port of the NodeManager's web server, for the link to its logs"""
    code: int
    cause: Cause
    message: str
    at: float
    run: int


@dataclass(frozen=True, slots=True)
class ReplicaMemory:
    """One replica. Bound means a container was chosen for it, written down, and (then) told to start."""

    key: Key
    run: int = 0
    """rises with each new container wanted; goes into the allocation request id, so an older container is recognised"""
    container: str = ""
    node: str = ""
    """host:port of the NodeManager's RPC; empty while unbound"""
    http: str = ""
    ports: tuple[int, ...] = ()
    bound_at: float = 0.0
    unseen_since: float = 0.0
    """when a bound container stopped being listed (after a ResourceManager restart); 0 while it is seen"""
    done: bool = False
    """ended with success, and stays so"""
    restarts: int = 0
    """charged restarts"""
    replacements: int = 0
    """uncharged ones"""
    infra_ends: tuple[float, ...] = ()
    """times of the last infrastructure ends, newest last; only the last ten minutes are kept"""
    port_clashes: int = 0
    avoid: tuple[str, ...] = ()
    """hosts not to be placed on again (bad disks, taken ports), newest last"""
    prefer: str = ""
    """host of the previous container: asked for first"""
    not_before: float = 0.0
    """end of the backoff"""
    last_exit: LastExit | None = None
    previous_container: str = ""
    previous_http: str = ""

    @property
    def bound(self) -> bool:
        return bool(self.container)

    @property
    def host(self) -> str:
        return self.node.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class ApplicationMemory:
    """One YARN application of ours. Journalled: the id before submitting, the token before registering."""

    id: str
    token: str = ""
    """base64 of the AMRM token's protobuf (hadoop.common.TokenProto)"""
    user: str = ""
    queue: str = ""
    submitted_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the job ended. Written before anything is told to YARN."""

    succeeded: bool
    reason: str
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything remembered of one job."""

    uid: str
    namespace: str
    name: str
    epoch: int = 0
    """of the leader that wrote this; a leader with a lower one is fenced"""
    application: ApplicationMemory | None = None
    earlier_applications: tuple[str, ...] = ()
    lost_applications: int = 0
    """how often YARN lost the application and it was submitted anew, uncharged"""
    role_numbers: Mapping[str, int] = field(default_factory=dict)
    """never reused, also when a role is removed from the job"""
    generation: int = 0
    """rises with each job-wide (re)start; 0 before the first start"""
    judged_generation: int = 0
    """the newest generation whose first cause was judged: further ends in it are consequences"""
    replicas: tuple[ReplicaMemory, ...] = ()
    charged: int = 0
    """restarts charged to backoffLimit"""
    restart_cause: str = ""
    """the sentence shown while Restarting"""
    applied: str = ""
    """the restart fields as the user wrote them (canonical JSON), of what runs"""
    observed_generation: int = 0
    created_at: float = 0.0
    queued_at: float = 0.0
    started_at: float = 0.0
    """when all that must start first ran"""
    active_since: float = 0.0
    """start of activeDeadline; begins anew on resume"""
    gang_since: float = 0.0
    """since when the present gang is being gathered; 0 when none is"""
    gang_retry_at: float = 0.0
    gang_timeouts: int = 0
    suspended: bool = False
    verdict: Verdict | None = None
    finished: bool = False
    """YARN was told of the verdict, and every container is gone"""
    closed_at: float = 0.0

    def replica(self, key: Key) -> ReplicaMemory | None:
        return next((r for r in self.replicas if r.key == key), None)
