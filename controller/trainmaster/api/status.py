"""TrainingJob's status: a projection, made whole at each pass and never read back; only what was seen.

Lives here: the nouns. Never here: how a condition comes about (plan/), or a default that pretends that
something was seen.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from trainmaster.api.base import Model


class ConditionType(StrEnum):
    """What a condition is about. The last four sum the others up for other tools."""

    ACCEPTED = "Accepted"
    QUEUED = "Queued"
    STARTING = "Starting"
    RUNNING = "Running"
    RESTARTING = "Restarting"
    SUSPENDED = "Suspended"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    FINISHED = "Finished"
    """True at either end, so that one `kubectl wait` serves"""
    READY = "Ready"
    """True while Running, Suspended or Succeeded (kstatus)"""
    STALLED = "Stalled"
    """True when Failed or refused (kstatus)"""
    RECONCILING = "Reconciling"
    """True while on the way to what was declared (kstatus)"""


class ReplicaState(StrEnum):
    """What is known of one replica at this moment."""

    WAITING = "Waiting"
    """a container is wanted"""
    ALLOCATED = "Allocated"
    """it has a container, which waits for the rest of the gang"""
    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    BACKING_OFF = "BackingOff"
    UNSEEN = "Unseen"
    """it has a container that nobody has listed since the ResourceManager restarted: not known to be gone"""
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"
    """ended by us after the job's end, or while it is suspended"""


class Condition(Model):
    """metav1.Condition of the Kubernetes API conventions."""

    type: ConditionType
    """what the condition is about"""
    status: str = Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})
    """True, False or Unknown"""
    reason: str
    """one CamelCase word of api/reasons.py"""
    message: str
    """one sentence for a person"""
    last_transition_time: str = Field(json_schema_extra={"format": "date-time"})
    """when `status` changed last; RFC 3339, UTC"""
    observed_generation: int = 0
    """metadata.generation that this was said of"""


class ResourceStatus(Model):
    """One container's resources in YARN's units."""

    memory_mib: int = Field(default=0, alias="memoryMiB")
    """memory in MiB"""
    vcores: int = 0
    """virtual cores"""
    gpus: int = 0
    """whole GPUs (yarn.io/gpu)"""


class ExitStatus(Model):
    """The last judged end of a replica."""

    code: int
    """exit code; below 0 it is YARN's own word, 128 + n means signal n"""
    cause: str
    """what the end was judged to be, such as Permanent, Retryable, Memory or Infrastructure"""
    message: str
    """one sentence for a person, with YARN's diagnostics where they say more"""
    node: str
    """host it ran on"""
    container: str
    """its YARN container id"""
    time: str = Field(json_schema_extra={"format": "date-time"})
    """when the end was seen; RFC 3339, UTC"""
    log_url: str = ""
    """where its output can be read"""


class ReplicaStatus(Model):
    """One replica of a role."""

    index: int
    """place in the role, from 0"""
    state: ReplicaState
    """what is known of it at this moment"""
    run: int = 0
    """rises with each new container"""
    container: str = ""
    """its YARN container id; empty while it has none"""
    node: str = ""
    """host it runs on; empty while it has no container"""
    ports: tuple[int, ...] = ()
    """ports given to it on that host"""
    granted: ResourceStatus | None = None
    """what YARN granted, which may be more than was asked"""
    restarts: int = 0
    """restarts charged to it"""
    last_exit: ExitStatus | None = None
    """how its last process ended"""
    log_url: str = ""
    """where its output can be read"""


class RoleStatus(Model):
    """One role and all its replicas."""

    wanted: int
    """replicas declared"""
    running: int = 0
    """replicas whose process runs"""
    succeeded: int = 0
    """replicas that ended with success and stay so"""
    failed: int = 0
    """replicas whose last end was a failure and that don't run now"""
    restarts: int = 0
    """restarts charged to all replicas of the role"""
    asked: ResourceStatus = ResourceStatus()
    """what is asked for each replica"""
    replicas: tuple[ReplicaStatus, ...] = ()
    """each replica, by index"""


class FieldProblem(Model):
    """One thing that is wrong with a declaration."""

    field: str
    """path such as spec.roles.worker.replicas"""
    value: str
    """the offending value, shortened"""
    reason: str
    """one sentence: what is wrong and what would be right"""
    line: int = 0
    """line of the file, from 1; 0 where there is no file"""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        field = f"{self.field}: " if self.field else ""
        return f"{where}{field}{self.reason}"


class JobStatus(Model):
    """All that is shown of a job."""

    observed_generation: int = 0
    """metadata.generation that this status was made for"""
    conditions: tuple[Condition, ...] = ()
    """the truth about the job, one entry per type"""
    state: str = ""
    """the condition that matters most, for columns only: conditions are the truth"""
    workers_summary: str = ""
    """running and wanted workers such as 2/4, for columns only"""
    gpus: int = 0
    """GPUs granted to the job at this moment"""
    restarts: int = 0
    """restarts charged to runPolicy.backoffLimit"""
    application_id: str = ""
    """the YARN application; empty while there is none"""
    earlier_application_ids: tuple[str, ...] = ()
    """applications that the job had before it was suspended, or before YARN lost them, oldest first"""
    tracking_url: str = ""
    """the job page"""
    queue_position: int = 0
    """place among the queue's waiting applications; 0 when it doesn't wait or isn't known"""
    scheduler_message: str = ""
    """the scheduler's own words on why the job waits"""
    roles: dict[str, RoleStatus] = Field(default_factory=dict)
    """each role by its name"""
    start_time: str | None = Field(default=None, json_schema_extra={"format": "date-time"})
    """when its first processes were started, since the last resume; RFC 3339, UTC"""
    completion_time: str | None = Field(default=None, json_schema_extra={"format": "date-time"})
    """when the job ended; RFC 3339, UTC"""
    running_time: float | None = None
    """seconds from the start of all processes to now or the end"""
    errors: tuple[FieldProblem, ...] = ()
    """what is wrong with the declaration, with field and line"""

    def condition(self, type_: ConditionType) -> Condition | None:
        return next((c for c in self.conditions if c.type == type_), None)

    def is_true(self, type_: ConditionType) -> bool:
        found = self.condition(type_)
        return found is not None and found.status == "True"
