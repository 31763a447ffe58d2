"""How containers and processes ended, as it is remembered: what YARN told, what it was judged to be, and what may live on.

Never here: the judging (judge.py, classify.py). Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trainmaster.plan.key import Key


class Cause(StrEnum):
    """What an end was judged to be: the first matching row of plan/classify.py."""

    SUCCEEDED = "Succeeded"
    STOPPED = "Stopped"
    """we asked for it"""
    CONSEQUENCE = "Consequence"
    """it died of a neighbour's death in the same generation"""
    NODE_LOST = "NodeLost"
    NODE_UNHEALTHY = "NodeUnhealthy"
    NODE_DECOMMISSIONED = "NodeDecommissioned"
    PREEMPTED = "Preempted"
    NEVER_RAN = "NeverRan"
    LOCALIZATION_FAILED = "LocalizationFailed"
    LOGS_TOO_LARGE = "LogsTooLarge"
    INFRASTRUCTURE = "Infrastructure"
    """another doing of YARN, its node or a controller"""
    GPU_FAULT = "GpuFault"
    """a GPU failed, by the process's last words"""
    NODE_CHECK = "NodeCheckFailed"
    """its node failed the job's own check before it began"""
    PORT_TAKEN = "PortTaken"
    MEMORY = "Memory"
    REFUSED = "LaunchRefused"
    CANNOT_RUN = "CannotRun"
    """a command, a script or a file isn't there: trying again can't help"""
    PERMANENT = "Permanent"
    """exit code 1 to 127 under restartPolicy ExitCode"""
    COMMUNICATION = "Communication"
    """a peer was lost, or a collective operation timed out, by the process's last words: whose fault that is, they don't say"""
    KILLED = "Killed"
    """a signal from outside"""
    CRASHED = "Crashed"
    """a signal that a process brings upon itself"""
    RETRYABLE = "Retryable"
    HANG = "Hang"
    """it made no step for as long as progressDeadline allows"""
    UNKNOWN = "Unknown"
    UNJUDGED = "Unjudged"
    """shown of an end that waits to be judged; never remembered"""

    @classmethod
    def _missing_(cls, value: object) -> Cause | None:
        """A cause that another version gave an end: its message says what it was."""
        return cls.UNKNOWN if isinstance(value, str) else None


GOOD_ENDS = (Cause.STOPPED, Cause.SUCCEEDED)


class FailureClass(StrEnum):
    """Whose doing a failure is: what is made of it follows from that, where no rule says otherwise."""

    INFRASTRUCTURE = "Infrastructure"
    """YARN's or the node's: replaced at once, not charged to the user's budget"""
    WORKLOAD = "Workload"
    """the program's, or of what it was told"""
    UNCLEAR = "Unclear"
    """either's"""


INFRASTRUCTURE = frozenset(
    {
        Cause.NODE_LOST,
        Cause.NODE_UNHEALTHY,
        Cause.NODE_DECOMMISSIONED,
        Cause.PREEMPTED,
        Cause.NEVER_RAN,
        Cause.LOCALIZATION_FAILED,
        Cause.LOGS_TOO_LARGE,
        Cause.INFRASTRUCTURE,
        Cause.GPU_FAULT,
        Cause.NODE_CHECK,
        Cause.PORT_TAKEN,
    }
)
WORKLOAD = frozenset({Cause.MEMORY, Cause.REFUSED, Cause.CANNOT_RUN, Cause.PERMANENT, Cause.CRASHED})


def class_of(cause: Cause) -> FailureClass:
    """Whose doing a failure of this cause is."""
    if cause in INFRASTRUCTURE:
        return FailureClass.INFRASTRUCTURE
    return FailureClass.WORKLOAD if cause in WORKLOAD else FailureClass.UNCLEAR


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
class End:
    """One completed container, as YARN or its NodeManager told; `code` as in ContainerExitStatus."""

    container: str
    code: int
    diagnostics: str
    at: float
    certain: bool = True
    """whether its process is known to be over. The ResourceManager also tells of an end when it has given a container away
    (released, preempted, its node unhealthy), and its NodeManager may not have heard of that yet"""
    node_words: str = ""
    """what the ResourceManager last said of its node, where that is out of use: state and health report"""


@dataclass(frozen=True, slots=True)
class Hang:
    """Processes that made no step for too long, and are asked for their stacks before they are ended."""

    keys: tuple[Key, ...]
    """the likeliest culprit first"""
    at: float


@dataclass(frozen=True, slots=True)
class GpuFault:
    """An end that was charged to nobody, since a GPU of its node had failed by the process's own words."""

    host: str
    at: float


@dataclass(frozen=True, slots=True)
class Life:
    """One process of a replica, from when its container was chosen to its end (past.py)."""

    role: str
    index: int
    run: int
    process: int
    """number of the process in its container"""
    container: str
    host: str
    http: str
    """host:port of the NodeManager's web server, for the link to its logs"""
    began: float
    """when it was written down that it may be started"""
    ended: float = 0.0
    """when its end was heard of, or it was let go; 0 while it is wanted"""
    code: int | None = None
    """exit status; None where none was heard of"""
    cause: str = ""
    """what its end was judged to be; empty where it was told to go, and where another cause is shown of its replica"""

    def __str__(self) -> str:
        return f"{self.role}-{self.index}"


@dataclass(frozen=True, slots=True)
class Survivor:
    """A container of an earlier run whose process may still live: nothing of the same identity is started beside it."""

    container: str
    node: str
    """host:port of the NodeManager that can tell"""
    since: float
    """when the replica let it go"""
    until: float
    """from then on it counts as gone: YARN itself waits no longer for a node; UNCOUNTED while no time counts"""
    http: str = ""
    """host:port of the NodeManager's web server, which tells also whoever has no token of that node"""
    grace_until: float = 0.0
    """until then it may end by itself; from then on it is stopped"""
    told: bool = False
    """whether its NodeManager has taken it on to tell it to go: it is told once, whoever leads"""
