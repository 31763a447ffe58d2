"""The other values of a decision: what was seen, and the plan that comes out.

Lives here: frozen values only. `Seen` says only what was seen: a thing that could not be looked at is absent or UNKNOWN, and
absent is never the same as gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum

from trainmaster.api.checkpoint_status import CheckpointStatus, SavedModelStatus
from trainmaster.api.hiding import without_logins
from trainmaster.api.history import EndedRun
from trainmaster.api.policies import NodeCheck
from trainmaster.api.start_order import Readiness
from trainmaster.api.status import JobStatus
from trainmaster.plan.cluster import NO_LIMIT, Cluster, Node, Nodes, Size
from trainmaster.plan.container import IDLE, LIVELY, Container, ContainerState, HeldGpus
from trainmaster.plan.ends import End as End  # noqa: PLC0414 - values of a decision name it too
from trainmaster.plan.input_look import InputLook
from trainmaster.plan.memory import Key, Memory
from trainmaster.plan.progress import NO_REPORTS, Progress, Reports
from trainmaster.plan.quotas import FREE, QuotaTurn

__all__ = [
    "IDLE",
    "LIVELY",
    "NO_LIMIT",
    "Cluster",
    "Container",
    "ContainerState",
    "HeldGpus",
    "Node",
    "Nodes",
    "Size",
]


class AppState(StrEnum):
    """The application as last seen."""

    NONE = "None"
    """no application is open for this job, or it is not known yet"""
    OPENING = "Opening"
    REGISTERED = "Registered"
    AWAY = "Away"
    """the ResourceManager can't be asked"""
    LOST = "Lost"
    """YARN lost it: expired, or unknown after a restart without recovery; or what was taken for it is another job's"""
    KILLED = "Killed"
    """somebody ended it in YARN"""
    REFUSED = "Refused"
    """submission was refused, for a reason that stays"""
    TOKEN_LOST = "TokenLost"  # noqa: S105 - a state, no secret
    """it runs, but the journal never got its token: it can only be ended"""
    CLOSED = "Closed"
    """finished or killed by us, and YARN said so"""


@dataclass(frozen=True, slots=True)
class CheckpointLook:
    """What a look for a job's newest checkpoint came to."""

    path: str
    """the checkpointPath that was looked below"""
    newest: CheckpointStatus | None = None
    """None where none is there"""


@dataclass(frozen=True, slots=True)
class SavedModelLook:
    """What a look at the model of a job that has succeeded came to."""

    path: str
    """the savedModelPath that was looked below"""
    found: SavedModelStatus | None = None
    """None where there is no such folder, or it is another's"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the shell saw of one job since it looked last."""

    application: AppState = AppState.NONE
    application_words: str = ""
    """YARN's diagnostics for the state above"""
    not_proxy: bool = False
    """whether these words are that we may not speak for the job's user; an administrator may mend that at any time"""
    containers: Mapping[str, Container] = field(default_factory=dict)
    ends: tuple[End, ...] = ()
    """pulled and not judged yet"""
    cluster: Cluster | None = None
    queue: str = ""
    """the queue that `cluster` tells of; empty where nobody compares"""
    taken_ports: Mapping[str, Set[int]] = field(default_factory=dict)
    """by host: ports that other replicas of this controller use"""
    may_ask: bool = True
    """whether it is this job's turn to gather a gang (plan/turns.py)"""
    turn: str = ""
    """what it waits for in the line of such jobs, and behind how many; empty when nothing is in its way"""
    refused_asks: Mapping[Key, str] = field(default_factory=dict)
    """asks that the scheduler threw out, with its words"""
    gpus: Mapping[str, HeldGpus] = field(default_factory=dict)
    """by container, as far as NodeManagers told of late"""
    reports: Reports = NO_REPORTS
    """what its processes told of their steps"""
    progress: Progress | None = None
    """the same in short, as it is shown: renewed seldom"""
    checkpoint: CheckpointLook | None = None
    """what the last look for the newest one came to; None where none has told anything yet"""
    input: InputLook | None = None
    """where the input of the job lies; None while that is being looked up, or nobody wants to know"""
    saved_model: SavedModelLook | None = None
    """what the last look at it came to; None where none was made"""
    stacks: Mapping[str, str] = field(default_factory=dict)
    """by container: where its process stood when it was asked; empty where it told nothing"""
    filed: Set[int] = frozenset()
    """numbers of the runs that the history was told of and has"""
    job_page: str = ""
    """address of the job's page; empty where no web server runs"""
    suspects: frozenset[str] = frozenset()
    """hosts that all jobs leave alone: they failed several (suspects.py), or are called bad"""
    called: frozenset[str] = frozenset()
    """those of them that somebody outside calls bad (health.py)"""
    cleared: Mapping[str, float] = field(default_factory=dict)
    """by host: when somebody said that it is well again"""
    denied: str = ""
    """why the policy refuses the user or queue of this job; empty when it doesn't"""
    lacks: str = ""
    """which value of a variable can't be had from where it is to come; empty when all can, or none is wanted"""
    quota: QuotaTurn = FREE
    """whether quotas let the job in, or its newest edit"""


@dataclass(frozen=True, slots=True)
class Limits:
    """The few settings that decisions need, with their defaults (settings.py explains them)."""

    port_first: int = 20000
    port_last: int = 29999
    node_expiry: float = 600.0
    """seconds; yarn.nm.liveness-monitor.expiry-interval-ms"""
    host_ask_seconds: float = 5.0
    host_ask_replicas: int = 50
    max_replicas: int = 5000
    web_scheme: str = "http"
    """of the NodeManagers' web servers: http or https"""
    lost_applications: int = 3
    first_cause_wait: float = 2.0
    """seconds for which a gang's failure waits for the ends of its neighbours, so that the first cause is named"""
    in_place: bool = True
    """whether a restart of the whole job keeps the containers of those that run"""
    reinitialise_patience: float = 30.0
    """seconds within which a process must have been started anew in its container; then another container is asked for"""
    history: bool = False
    """whether runs that are over are filed in a history"""
    doubt_patience: float = 15.0
    """seconds for which containers are gathered though an earlier process may still live; then they're left to others"""


# --- what comes out


@dataclass(frozen=True, slots=True)
class Ask:
    """One container wanted. The whole table is returned at each pass; the shell sends what differs."""

    key: Key
    run: int
    role_number: int
    size: Size
    host: str = ""
    """asked for by name (with its rack and `*`); empty for anywhere"""


@dataclass(frozen=True, slots=True)
class Open:
    """Have an application: id, submit, token, register, each step journalled."""


@dataclass(frozen=True, slots=True)
class Prioritize:
    """Tell YARN the application's new priority."""

    priority: int


@dataclass(frozen=True, slots=True)
class Start:
    container: str
    key: Key
    environment: Mapping[str, str]
    command: str
    grace: float = 0.0
    """seconds that it has to end in when it is told to"""
    readiness: Readiness | None = None
    """how it shows that it is ready, where others wait for that"""
    check: NodeCheck | None = None
    """what is tried on its node first"""


@dataclass(frozen=True, slots=True)
class Park:
    """End the process of a container, and have one that only waits take its place."""

    container: str
    process: int
    """its number"""


@dataclass(frozen=True, slots=True)
class Reinitialise:
    """Start a process of the present generation in place of one that only waits."""

    container: str
    key: Key
    process: int
    environment: Mapping[str, str]
    command: str
    grace: float = 0.0
    """seconds that it has to end in when it is told to"""
    readiness: Readiness | None = None
    """how it shows that it is ready, where others wait for that"""
    check: NodeCheck | None = None
    """what is tried on its node first"""


@dataclass(frozen=True, slots=True)
class Release:
    """Give back a container that was never started."""

    container: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a container's process at its NodeManager."""

    container: str
    node: str


@dataclass(frozen=True, slots=True)
class AskStacks:
    """Have the processes of these containers tell where they stand, in their logs and to us."""

    containers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terminate:
    """Tell a container's process to go, and leave it its time."""

    container: str
    node: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Tell YARN the final status and leave."""

    succeeded: bool
    killed: bool
    """ended without a verdict: suspended or deleted"""
    message: str


@dataclass(frozen=True, slots=True)
class Kill:
    """End an application that nobody can speak for: its token or its record was lost."""

    application: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove journal, staging and status: the declaration is gone, and so is everything that came of it."""


@dataclass(frozen=True, slots=True)
class File:
    """Put a run that is over into the history."""

    run: EndedRun


@dataclass(frozen=True, slots=True)
class RemoveDeclaration:
    """ttlDeletesResource: take the declaration itself away."""


Launch = Start | Park | Reinitialise
"""what has a process begin in a container"""
Action = (
    Open
    | Prioritize
    | Launch
    | Release
    | Stop
    | Terminate
    | AskStacks
    | Finish
    | Kill
    | Forget
    | File
    | RemoveDeclaration
)


@dataclass(frozen=True, slots=True)
class Event:
    """Something a person would want to see once; Kubernetes' Normal or Warning."""

    warning: bool
    reason: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", without_logins(self.message))


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole decision. The shell writes `memory` first if it differs, and only then acts."""

    memory: Memory
    status: JobStatus
    asks: tuple[Ask, ...] = ()
    avoid: frozenset[str] = frozenset()
    """hosts where nothing of this job is to be placed for now"""
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    wake_at: float | None = None
