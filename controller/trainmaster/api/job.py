"""TrainingJob v1alpha1: what a person declares. The mother of crds/ and of the YAML files in HDFS.

Each field says whether an edit of it is taken over live, restarts the job once, or is refused (marker `EDIT_...`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from trainmaster.api.base import Model
from trainmaster.api.quantities import Duration, Memory

GROUP = "trainmaster.io"
VERSION = "v1alpha1"
KIND = "TrainingJob"
API_VERSION = f"{GROUP}/{VERSION}"


class Edit(StrEnum):
    """What an edit of a field does to a job that runs."""

    LIVE = "live"
    RESTART = "restart"
    IMMUTABLE = "immutable"


EDIT_LIVE = Field(json_schema_extra={"x-trainmaster-edit": Edit.LIVE})
EDIT_RESTART = Field(json_schema_extra={"x-trainmaster-edit": Edit.RESTART})
EDIT_IMMUTABLE = Field(json_schema_extra={"x-trainmaster-edit": Edit.IMMUTABLE})


class Framework(StrEnum):
    """The frameworks whose processes are told about each other in their own words."""

    TENSORFLOW = "TensorFlow"
    PYTORCH = "PyTorch"
    GENERIC = "Generic"


class RestartPolicy(StrEnum):
    NEVER = "Never"
    ON_FAILURE = "OnFailure"
    ALWAYS = "Always"
    EXIT_CODE = "ExitCode"
    """exit codes 1 to 127 are permanent failures, 128 and above (signals) are retried"""


class RestartScope(StrEnum):
    REPLICA = "Replica"
    JOB = "Job"


class SuccessPolicy(StrEnum):
    CHIEF = "Chief"
    ANY_WORKER = "AnyWorker"
    ALL_WORKERS = "AllWorkers"


class EnvVar(Model):
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)]
    value: Annotated[str, Field(max_length=32768)] = ""


class FileType(StrEnum):
    FILE = "File"
    ARCHIVE = "Archive"


class FileRef(Model):
    """A file brought into the working folder of each process by YARN."""

    source: Annotated[str, Field(min_length=1, max_length=4096)]
    """URL of the file, such as hdfs:///code/train.py"""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$", max_length=255)] = ""
    """name in the working folder; the last part of `source` when left out"""
    type: FileType = FileType.FILE
    """File, or Archive to have it unpacked into a folder of that name"""


class Resources(Model):
    memory: Memory = 1024
    vcores: Annotated[int, Field(ge=1, le=10_000)] = 1
    gpus: Annotated[int, Field(ge=0, le=1_000)] = 0


class Role(Model):
    replicas: Annotated[int, Field(ge=0, le=10_000)] = 1
    resources: Resources = Resources()
    command: Annotated[str, Field(min_length=1, max_length=65536)]
    env: Annotated[tuple[EnvVar, ...], Field(max_length=256)] = ()
    files: Annotated[tuple[FileRef, ...], Field(max_length=64)] = ()
    ports: Annotated[int, Field(ge=1, le=16)] = 1
    restart_policy: RestartPolicy = RestartPolicy.ON_FAILURE
    restart_scope: RestartScope | None = None
    max_restarts: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class Gang(Model):
    min_available: Annotated[int, Field(ge=1)] | Literal["all"] = "all"
    timeout: Duration = 300.0


class Backoff(Model):
    base: Duration = 10.0
    max: Duration = 600.0


class RunPolicy(Model):
    backoff_limit: Annotated[int, Field(ge=0, le=1_000_000)] = 3
    backoff: Backoff = Backoff()
    active_deadline: Duration | None = None
    pending_deadline: Duration | None = None
    ttl_after_finished: Duration | None = None
    ttl_deletes_resource: bool = False
    suspend: bool = False


class Spec(Model):
    framework: Framework = Framework.GENERIC
    queue: Annotated[str, Field(min_length=1, max_length=255)] = "default"
    priority: Annotated[int, Field(ge=0, le=2_000_000_000)] = 0
    user: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.@$-]*$", max_length=128)] | None = None
    input_path: str = ""
    checkpoint_path: str = ""
    saved_model_path: str = ""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=256)] = ()
    files: Annotated[tuple[FileRef, ...], Field(max_length=64)] = ()
    roles: Annotated[dict[str, Role], Field(min_length=1, max_length=32)]
    success_policy: SuccessPolicy | None = None
    gang: Gang = Gang()
    run_policy: RunPolicy = RunPolicy()


class Metadata(Model):
    name: str
    namespace: str = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class TrainingJob(Model):
    """A training job: roles of replicas, run as one on Hadoop YARN."""

    api_version: Literal["trainmaster.io/v1alpha1"] = "trainmaster.io/v1alpha1"
    kind: Literal["TrainingJob"] = "TrainingJob"
    metadata: Metadata
    spec: Spec
