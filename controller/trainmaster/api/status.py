"""TrainingJob's status: a projection, made whole at each pass and never read back; only what was seen.

Lives here: the nouns. Never here: how a condition comes about (plan/), or a default that pretends that
something was seen.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from pydantic import Field

from trainmaster.api.base import Model, Time, Word
from trainmaster.api.checkpoint_status import CheckpointStatus, SavedModelStatus
from trainmaster.api.goodput_status import GoodputStatus
from trainmaster.api.hiding import Said
from trainmaster.api.progress_status import ProgressStatus

MAX_SHOWN = 10_000
"""replicas of one role in the list at most"""
MAX_RUNS = 10
"""earlier runs that are kept"""
MAX_LOGS = 20
"""replicas of an earlier run whose logs are kept"""
MAX_EARLIER = 100
"""ids of earlier applications at most"""
UNSEEN: Final = {"observedGeneration": -1}
"""the status that the API server gives a new object: by kstatus one without a generation is up to date, so Flux would wait for
nothing. No controller has said anything in it"""
_MOST = "maxItems"
"""bounds of lists are for the API server alone; status_size.py keeps within them"""


class ConditionType(Word):
    """What a condition is about. The last four sum the others up for other tools."""

    ACCEPTED = "Accepted", "the declaration is valid, may be run, and could ever fit into YARN"
    QUEUED = "Queued", "the job waits: for YARN, for its turn, or for containers"
    STARTING = "Starting", "the containers are there, and processes are being started"
    RUNNING = "Running", "the gang runs"
    RESTARTING = "Restarting", "a replica or all of the job is being restarted"
    SUSPENDED = "Suspended", "everything is given back, as runPolicy.suspend wants it"
    SUCCEEDED = "Succeeded", "the success policy is met"
    FAILED = "Failed", "the job ended without success"
    FINISHED = "Finished", "the job is at either end, so that one `kubectl wait` serves"
    READY = "Ready", "the job is Running, Suspended or Succeeded (kstatus)"
    STALLED = "Stalled", "the job Failed or was refused: it doesn't go on by itself (kstatus)"
    RECONCILING = "Reconciling", "the job is on the way to what was declared (kstatus)"


class ReplicaState(Word):
    """What is known of one replica at this moment."""

    WAITING = "Waiting", "a container is wanted"
    ALLOCATED = (
        "Allocated",
        "it has a container, which waits for the rest of the gang, or for roles that it starts after",
    )
    STARTING = "Starting", "its process is being started"
    RUNNING = "Running", "its process runs"
    STOPPING = "Stopping", "an older process of it is being stopped"
    BACKING_OFF = "BackingOff", "its next start waits for the end of a backoff"
    UNSEEN = (
        "Unseen",
        "nobody has listed its container since the ResourceManager restarted: not known to be gone",
    )
    ENDED = "Ended", "its process ended, and what that means is not judged yet"
    SUCCEEDED = "Succeeded", "its process ended with success, and it stays so"
    FAILED = "Failed", "its end failed the job"
    STOPPED = "Stopped", "the controller stopped it, after the job's end or while it is suspended"


class Condition(Model):
    """metav1.Condition of the Kubernetes API conventions."""

    type: ConditionType
    """What the condition is about."""
    status: str = Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})
    """True, False, or Unknown where it could not be asked."""
    reason: str
    """One CamelCase word for machines."""
    message: Said
    """One sentence for a person."""
    last_transition_time: Time
    """When status changed last; RFC 3339 in UTC."""
    observed_generation: int = 0
    """The metadata.generation that this was said of."""


class ResourceStatus(Model):
    """One container's resources in YARN's units."""

    memory_mib: int = Field(default=0, alias="memoryMiB")
    """Memory in MiB."""
    vcores: int = 0
    """Virtual cores."""
    gpus: int = 0
    """Whole GPUs (yarn.io/gpu)."""


class ExitStatus(Model):
    """The last judged end of a replica."""

    code: int
    """Exit code. Below 0 it is YARN's own word; 129 to 192 are signals, 128 + n."""
    cause: str
    """What the end was judged to be, such as Permanent, Killed, Memory or NodeLost."""
    message: Said
    """One sentence for a person, with YARN's diagnostics where they say more."""
    node: str
    """Host that it ran on."""
    container: str
    """Id of its YARN container."""
    time: Time
    """When the end was seen; RFC 3339 in UTC."""
    log_url: str = ""
    """Where its output can be read."""


class ReplicaStatus(Model):
    """One replica of a role."""

    index: int
    """Place in the role, from 0."""
    state: ReplicaState
    """What is known of it at this moment."""
    run: int = 0
    """Which of its containers that is, from 1: the one it has, else the one it waits for, else its last; 0 where it never had
    one."""
    container: str = ""
    """Id of its YARN container; empty while it has none."""
    node: str = ""
    """Host that it runs on; empty while it has no container."""
    ports: tuple[int, ...] = Field(default=(), json_schema_extra={_MOST: 16})
    """TCP ports given to it on that host."""
    granted: ResourceStatus | None = None
    """What YARN granted, which may be more than was asked."""
    gpu_numbers: tuple[int, ...] = Field(default=(), json_schema_extra={_MOST: 128})
    """Minor numbers of the GPUs that its NodeManager assigned to it; empty where the cluster assigns none by number."""
    gpu_percent: int | None = Field(default=None, json_schema_extra={"minimum": 0, "maximum": 100})
    """How busy these GPUs were of late on the average, in tens of percent, and renewed every five minutes at most. The job
    page and the metrics tell it of this moment."""
    restarts: int = 0
    """Restarts charged to it."""
    last_exit: ExitStatus | None = None
    """How its last process ended."""
    log_url: str = ""
    """Where its output can be read."""


class RoleStatus(Model):
    """One role and all its replicas."""

    wanted: int
    """Replicas wanted now: as many as are declared, or fewer while an elastic role goes on with fewer."""
    resized: str = ""
    """Why fewer are wanted than are declared, such as: 2 of 4: all of today's nodes have 4096 MiB, 4 vcores."""
    running: int = 0
    """Replicas whose process runs."""
    succeeded: int = 0
    """Replicas that ended with success and stay so."""
    failed: int = 0
    """Replicas whose end failed the job."""
    restarts: int = 0
    """Restarts charged to all replicas of the role."""
    waits_for: str = ""
    """What the start of its processes waits for, such as: until ps is ready: 1 of 2 are."""
    asked: ResourceStatus = ResourceStatus()
    """What is asked of YARN for each replica."""
    near_input: int | None = None
    """Of a role with locality Input: replicas on nodes that hold a part of the input; left out where that isn't known."""
    replicas: tuple[ReplicaStatus, ...] = Field(default=(), json_schema_extra={_MOST: MAX_SHOWN})
    """Each replica, by index; of a job too large for one object, those that run undisturbed are left out first."""
    omitted: int = 0
    """Replicas that the list leaves out because the job is too large for one object. All counts are of all replicas, and
    the job page shows each."""


class EarlierLog(Model):
    """Where the last process of one replica of an earlier run wrote."""

    role: str
    """Its role."""
    index: int
    """Place in the role, from 0."""
    code: int | None = None
    """Exit code, as in lastExit; left out where it isn't known."""
    log_url: str
    """Where its output can be read, for as long as YARN keeps it."""


class EarlierRun(Model):
    """A run of the job that ended before runPolicy.rerun was raised."""

    rerun: int
    """Its number: runPolicy.rerun at that time."""
    state: str
    """Succeeded or Failed."""
    reason: str
    """Why it ended, one CamelCase word for machines."""
    message: Said
    """The same for a person."""
    application_ids: tuple[str, ...] = Field(default=(), json_schema_extra={_MOST: MAX_EARLIER})
    """Its YARN applications, oldest first."""
    start_time: Time | None = None
    """When its first processes were started; RFC 3339 in UTC."""
    completion_time: Time
    """When it ended; RFC 3339 in UTC."""
    restarts: int = 0
    """Restarts charged to runPolicy.backoffLimit."""
    logs: tuple[EarlierLog, ...] = Field(default=(), json_schema_extra={_MOST: MAX_LOGS})
    """Logs of its replicas, those that failed first; 20 at most."""


class FieldProblem(Model):
    """One thing that is wrong with a declaration."""

    field: str
    """Path such as spec.roles.worker.replicas."""
    value: Said
    """The offending value, shortened."""
    reason: Said
    """One sentence: what is wrong, and what would be right."""
    line: int = 0
    """Line of the file, from 1; 0 where there is no file."""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        field = f"{self.field}: " if self.field else ""
        return f"{where}{field}{self.reason}"


class JobStatus(Model):
    """All that is shown of a job."""

    observed_generation: int = 0
    """The metadata.generation that this status was made for."""
    conditions: tuple[Condition, ...] = Field(default=(), json_schema_extra={_MOST: 32})
    """The truth about the job, one entry for each type."""
    framework: str = ""
    """Framework of the declaration in force, for columns and field selectors: spec.framework may be left out."""
    user: str = ""
    """YARN user that the job runs as; empty until it has an application."""
    queue: str = ""
    """YARN queue that the job was submitted to; empty until it has an application."""
    selector: str = ""
    """Label selector of the scale subresource, which a HorizontalPodAutoscaler insists on. No pod has this label."""
    state: str = ""
    """The condition that matters most, for columns only: conditions are the truth."""
    workers_summary: str = ""
    """Running and wanted workers such as 2/4, for columns only."""
    gpus: int = 0
    """GPUs granted to the job at this moment."""
    restarts: int = 0
    """Restarts charged to runPolicy.backoffLimit."""
    progress: ProgressStatus | None = None
    """How far the training is, where its processes report that."""
    goodput: GoodputStatus | None = None
    """What became of the job's time: what it waited for, what it trained, and what failures cost it."""
    checkpoint: CheckpointStatus | None = None
    """The newest settled checkpoint below checkpointPath, where that is a folder of the job's user."""
    saved_model: SavedModelStatus | None = None
    """What a job that has succeeded left below its savedModelPath, where that is a folder of the job's user."""
    application_id: str = ""
    """Id of the YARN application; empty while there is none."""
    earlier_application_ids: tuple[str, ...] = Field(default=(), json_schema_extra={_MOST: MAX_EARLIER})
    """Applications that the job had before it was suspended or run again, or before YARN lost them; oldest first, the last
    100."""
    rerun: int = 0
    """Number of the present run, as runPolicy.rerun had it when it was begun."""
    earlier_runs: tuple[EarlierRun, ...] = Field(default=(), json_schema_extra={_MOST: MAX_RUNS})
    """Runs before the present one, oldest first, the last 10."""
    tracking_url: str = ""
    """URL of the job page, to which YARN's own page of the application links; empty where the controller has no address."""
    queue_position: int = 0
    """Place among the queue's waiting applications; 0 when it doesn't wait or isn't known."""
    scheduler_message: Said = ""
    """The scheduler's own words on why the job waits."""
    roles: dict[str, RoleStatus] = Field(default_factory=dict, json_schema_extra={"maxProperties": 64})
    """Each role by its name."""
    start_time: Time | None = None
    """When its first processes were started, since the last resume; RFC 3339 in UTC."""
    completion_time: Time | None = None
    """When the job ended; RFC 3339 in UTC."""
    running_time: float | None = None
    """Seconds from the start of all processes to the end."""
    errors: tuple[FieldProblem, ...] = Field(default=(), json_schema_extra={_MOST: 64})
    """What is wrong with the declaration, with the field, and the line where there is a file."""

    def condition(self, type_: ConditionType) -> Condition | None:
        return next((c for c in self.conditions if c.type == type_), None)

    def is_true(self, type_: ConditionType) -> bool:
        found = self.condition(type_)
        return found is not None and found.status == "True"


@lru_cache(4096)  # the same times are shown again and again
def timestamp(at: float) -> str:
    """RFC 3339 in UTC, whole seconds, as Kubernetes writes them."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
