"""TrainingJob v1alpha1: what a person declares. The mother of crds/ and of the YAML files in HDFS.

Each field says whether an edit of it is taken over live, restarts the job once, or is refused (`EDIT_...`).
Never here: rules across fields (rules.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from trainmaster.api.base import Model, Text
from trainmaster.api.edits import EDIT_IMMUTABLE, EDIT_LIVE, EDIT_RESTART, Edit, marked
from trainmaster.api.quantities import Duration
from trainmaster.api.resources import Resources

GROUP = "trainmaster.io"
VERSION = "v1alpha1"
KIND = "TrainingJob"
API_VERSION = f"{GROUP}/{VERSION}"
MAX_REPLICAS = 10_000
"""replicas of one job at most, all roles together"""

CHIEF_ROLES = ("chief", "master")
"""names of the one process that leads a training"""
PS_ROLE = "ps"
WORKER_ROLE = "worker"

ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"
USER_NAME = r"^[A-Za-z_][A-Za-z0-9_.@$-]*$"
JOB_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
NAMESPACE_NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
ROLE_NAME = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"

RoleName = Annotated[str, Field(pattern=ROLE_NAME, max_length=32)]


class Framework(StrEnum):
    """The frameworks whose processes are told about each other in their own words."""

    TENSORFLOW = "TensorFlow"
    PYTORCH = "PyTorch"
    GENERIC = "Generic"


class RestartPolicy(StrEnum):
    """Which ends of a replica are followed by a restart."""

    NEVER = "Never"
    ON_FAILURE = "OnFailure"
    ALWAYS = "Always"
    EXIT_CODE = "ExitCode"
    """exit codes 1 to 127 are permanent failures, 128 and above (signals) are retried"""


class RestartScope(StrEnum):
    """What is restarted when one replica of a role ends."""

    REPLICA = "Replica"
    JOB = "Job"


class SuccessPolicy(StrEnum):
    """Whose success is the job's."""

    CHIEF = "Chief"
    ANY_WORKER = "AnyWorker"
    ALL_WORKERS = "AllWorkers"


class EnvVar(Model):
    """One environment variable; its value reaches the process as it is written."""

    name: Annotated[str, Field(pattern=ENV_NAME, max_length=256)]
    """name of the variable; names that begin with TRAINMASTER_ are taken"""
    value: Annotated[Text, Field(max_length=32768)] = ""
    """value as text; numbers and words such as yes need quotes"""


class FileType(StrEnum):
    """How a file arrives in the working folder."""

    FILE = "File"
    ARCHIVE = "Archive"


class FileRef(Model):
    """A file brought into the working folder of each process by YARN."""

    source: Annotated[Text, Field(min_length=1, max_length=4096)]
    """URL of the file, such as hdfs:///code/train.py"""
    name: Annotated[str, Field(pattern=FILE_NAME, max_length=255)] = ""
    """name in the working folder; the last part of `source` when left out"""
    type: FileType = FileType.FILE
    """File, or Archive to have it unpacked into a folder of that name"""

    @property
    def target(self) -> str:
        """Name in the working folder."""
        return self.name or self.source.rpartition("/")[2]


class Role(Model):
    """One kind of process, and how many of it."""

    replicas: Annotated[int, Field(strict=True, ge=0, le=MAX_REPLICAS), EDIT_LIVE] = 1
    """number of processes; where the framework counts its peers, a change restarts all of them once"""
    resources: Annotated[Resources, EDIT_RESTART] = Resources()
    """what each replica asks of YARN"""
    command: Annotated[Text, Field(min_length=1, max_length=65536), EDIT_RESTART]
    """bash script that is the process; %input_path%, %checkpoint_path%, %saved_model_path% are filled in"""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=256), EDIT_RESTART] = ()
    """environment of this role; stronger than the job's"""
    files: Annotated[tuple[FileRef, ...], Field(max_length=64), EDIT_RESTART] = ()
    """files of this role, beside the job's"""
    ports: Annotated[int, Field(strict=True, ge=1, le=16), EDIT_RESTART] = 1
    """number of TCP ports given to each replica; the controller chooses them and tells them all"""
    restart_policy: Annotated[RestartPolicy, EDIT_LIVE] = RestartPolicy.ON_FAILURE
    """which ends are followed by a restart; ExitCode: 1 to 127 fail the job, 128 and above are retried"""
    restart_scope: Annotated[RestartScope | None, EDIT_LIVE] = None
    """what one end restarts: the Replica alone, or the whole Job; left out: as the framework needs it"""
    max_restarts: Annotated[Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None, EDIT_LIVE] = None
    """charged restarts of one replica at most; the job fails above it. Left out: only backoffLimit counts"""


def _parse_min_available(value: object) -> object:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError("must be a number of replicas from 1, or all")


MinAvailable = Annotated[
    int | Literal["all"],
    BeforeValidator(_parse_min_available),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "minimum": 1, "pattern": "^all$"}),
]


class Gang(Model):
    """How much must be granted before anything starts."""

    min_available: MinAvailable = "all"
    """replicas that must have a container before any process starts: a number, or all"""
    timeout: Duration = 300.0
    """after this long without being complete a gang gives everything back and asks again later; below 10m"""


class Backoff(Model):
    """Waits before charged restarts: base, doubled each time, up to max."""

    base: Duration = 10.0
    """wait before the first charged restart; 0s for none"""
    max: Duration = 600.0
    """longest wait"""


class RunPolicy(Model):
    """Limits on the life of the job."""

    backoff_limit: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 3
    """charged restarts of the whole job at most; the job fails above it"""
    backoff: Backoff = Backoff()
    """waits before charged restarts"""
    active_deadline: Duration | None = None
    """the job fails when it has been active for this long; begins anew on resume"""
    pending_deadline: Duration | None = None
    """the job fails when it has waited for its start this long"""
    ttl_after_finished: Duration | None = None
    """history, journal and staged files are removed this long after the end; left out: kept"""
    ttl_deletes_resource: Annotated[bool, Field(strict=True)] = False
    """whether ttlAfterFinished also deletes the declaration itself"""
    suspend: Annotated[bool, Field(strict=True)] = False
    """true gives everything back and holds the job until it is false again"""


class Spec(Model):
    """The training that is wanted."""

    framework: Annotated[Framework, EDIT_RESTART] = Framework.GENERIC
    """in whose words the processes are told about each other"""
    queue: Annotated[str, Field(min_length=1, max_length=255), EDIT_IMMUTABLE] = "default"
    """YARN queue"""
    priority: Annotated[int, Field(strict=True, ge=0, le=2_000_000_000), EDIT_LIVE] = 0
    """YARN application priority within the queue; higher goes first"""
    user: Annotated[Annotated[str, Field(pattern=USER_NAME, max_length=128)] | None, EDIT_IMMUTABLE] = None
    """YARN user to run as; left out: the declaration's owner. Who may name whom is the controller's policy"""
    input_path: Annotated[Text, Field(max_length=4096), EDIT_RESTART] = ""
    """where the data lies: %input_path% in commands, INPUT_PATH in the environment"""
    checkpoint_path: Annotated[Text, Field(max_length=4096), EDIT_RESTART] = ""
    """where checkpoints go: %checkpoint_path% in commands, CHECKPOINT_PATH in the environment"""
    saved_model_path: Annotated[Text, Field(max_length=4096), EDIT_RESTART] = ""
    """where the model goes: %saved_model_path%, SAVED_MODEL_PATH; left out: checkpointPath"""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=256), EDIT_RESTART] = ()
    """environment of all roles"""
    files: Annotated[tuple[FileRef, ...], Field(max_length=64), EDIT_RESTART] = ()
    """files and archives that YARN brings into the working folder of each process"""
    roles: Annotated[dict[RoleName, Role], Field(min_length=1, max_length=32)]
    """the kinds of processes by name; chief, master, ps, worker and evaluator mean something to frameworks"""
    success_policy: Annotated[SuccessPolicy | None, EDIT_LIVE] = None
    """whose success is the job's; left out: the chief's or master's if there is one, for TensorFlow else
    worker 0's, else that of all workers"""
    gang: Annotated[Gang, EDIT_LIVE] = Gang()
    """how much must be granted before anything starts"""
    run_policy: Annotated[RunPolicy, EDIT_LIVE] = RunPolicy()
    """limits on the life of the job"""

    @property
    def model_target(self) -> str:
        """Where the model goes: savedModelPath, or checkpointPath where that is left out."""
        return self.saved_model_path or self.checkpoint_path


class Metadata(Model):
    """Who the job is; namespace and name together are unique."""

    name: Annotated[str, Field(pattern=JOB_NAME, max_length=63)]
    """name of the job, also in YARN"""
    namespace: Annotated[str, Field(pattern=NAMESPACE_NAME, max_length=63)] = "default"
    """group of jobs that belong together"""
    labels: dict[str, str] = Field(default_factory=dict)
    """words to find the job by"""
    annotations: dict[str, str] = Field(default_factory=dict)
    """notes of other tools"""


class TrainingJob(Model):
    """A training job: roles of replicas, run as one on Hadoop YARN."""

    api_version: Literal["trainmaster.io/v1alpha1"] = "trainmaster.io/v1alpha1"
    """version of these fields"""
    kind: Literal["TrainingJob"] = "TrainingJob"
    """always TrainingJob"""
    metadata: Metadata
    """who the job is"""
    spec: Spec
    """the training that is wanted"""


def restart_fields(job: TrainingJob) -> str:
    """Canonical JSON of what the user wrote in the fields whose edit restarts the job.

    Only what was written, so that a new default of a new controller never restarts anything; roles appear by
    name, so that an added or removed one shows.
    """
    written = _restart_part(job.spec)
    written["roles"] = {name: _restart_part(role) for name, role in job.spec.roles.items()}
    return json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _restart_part(model: Spec | Role) -> dict[str, object]:
    chosen = set(marked(type(model), Edit.RESTART))
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True, include=chosen)


def job_to_document(job: TrainingJob) -> dict[str, object]:
    """The job as it would be declared: wire names, and only what was written. `read_object` reads it back."""
    written = job.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {"apiVersion": job.api_version, "kind": job.kind, **written}


def immutable_fields(job: TrainingJob, owner: str = "") -> Mapping[str, str]:
    """The fields that never change, by path; `owner` is who is meant where spec.user is left out."""
    return {"spec.queue": job.spec.queue, "spec.user": job.spec.user or owner}
