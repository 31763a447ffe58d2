"""TrainingJob's status: a projection, made whole at each pass and never read back. It says only what was seen."""

from __future__ import annotations

from enum import StrEnum

from trainmaster.api.base import Model


class ConditionType(StrEnum):
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
    STALLED = "Stalled"
    RECONCILING = "Reconciling"


class Condition(Model):
    """metav1.Condition of the Kubernetes API conventions."""

    type: ConditionType
    status: str
    """True, False or Unknown"""
    reason: str
    message: str
    last_transition_time: str
    """RFC 3339, UTC"""
    observed_generation: int = 0


class ResourceStatus(Model):
    memory_mi_b: int = 0
    vcores: int = 0
    gpus: int = 0


class ExitStatus(Model):
    """The last judged end of a replica."""

    code: int
    cause: str
    message: str
    node: str
    container: str
    time: str
    log_url: str = ""


class ReplicaStatus(Model):
    index: int
    state: str
    """Waiting, Allocated, Starting, Running, Stopping, BackingOff, Unseen, Succeeded, Failed or Stopped"""
    run: int = 0
    container: str = ""
    node: str = ""
    ports: tuple[int, ...] = ()
    granted: ResourceStatus | None = None
    restarts: int = 0
    last_exit: ExitStatus | None = None
    log_url: str = ""


class RoleStatus(Model):
    wanted: int
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    restarts: int = 0
    asked: ResourceStatus = ResourceStatus()
    replicas: tuple[ReplicaStatus, ...] = ()


class JobStatus(Model):
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    state: str = ""
    """derived, for columns only: conditions are the truth"""
    workers_summary: str = ""
    gpus: int = 0
    restarts: int = 0
    application_id: str = ""
    earlier_application_ids: tuple[str, ...] = ()
    tracking_url: str = ""
    queue_position: int = 0
    scheduler_message: str = ""
    roles: dict[str, RoleStatus] = {}
    start_time: str | None = None
    completion_time: str | None = None
    running_time: float | None = None
    """seconds from the start of all processes to now or the end"""
    errors: tuple[FieldProblem, ...] = ()
    """what is wrong with the declaration, with field and line"""

    def condition(self, type_: ConditionType) -> Condition | None:
        return next((c for c in self.conditions if c.type == type_), None)

    def is_true(self, type_: ConditionType) -> bool:
        found = self.condition(type_)
        return found is not None and found.status == "True"


class FieldProblem(Model):
    """One thing that is wrong with a declaration."""

    field: str
    """path such as spec.roles.worker.replicas"""
    value: str
    """the offending value, shortened"""
    reason: str
    line: int = 0
    """line of the file, from 1; 0 where there is no file"""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.field}: {self.reason}"


JobStatus.model_rebuild()
