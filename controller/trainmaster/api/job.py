"""TrainingJob v1alpha1: what a person declares. The mother of crds/ and of the YAML files in HDFS.

Each field says whether an edit of it is taken over live, restarts the job once, or is refused (`EDIT_...`).
Never here: rules across fields (rules.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from trainmaster.api.acls import Acls
from trainmaster.api.base import ENV_NAME, Model, RoleName, Text
from trainmaster.api.edits import EDIT_IMMUTABLE, EDIT_LIVE, EDIT_RESTART, Edit, marked
from trainmaster.api.failure_rules import FailureRule
from trainmaster.api.once import once_each
from trainmaster.api.policies import Elastic, Gang, NodeCheck, RunPolicy
from trainmaster.api.quantities import Duration
from trainmaster.api.quick_links import QuickLink
from trainmaster.api.resources import Resources
from trainmaster.api.start_order import Readiness, StartAfter
from trainmaster.api.template import TemplateVariable
from trainmaster.api.value_from import ValueFrom
from trainmaster.api.words import (
    Compatibility,
    FileType,
    Framework,
    Launcher,
    Locality,
    RestartPolicy,
    RestartScope,
    Scaling,
    SuccessPolicy,
)

__all__ = [
    "Compatibility",
    "FileType",
    "Framework",
    "Launcher",
    "Locality",
    "RestartPolicy",
    "RestartScope",
    "Scaling",
    "SuccessPolicy",
    "TemplateVariable",
]

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

DEFAULT_GRACE = 30.0
"""seconds that a process has to end in when it is told to, as on Kubernetes"""
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"
USER_NAME = r"^[A-Za-z_][A-Za-z0-9_.@$-]*$"
MAX_NAME = 63
"""characters of a name or namespace"""
JOB_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
NAMESPACE_NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"


class EnvVar(Model):
    """One environment variable; its value reaches the process as it is written."""

    name: Annotated[str, Field(pattern=ENV_NAME, max_length=256)]
    """Name of the variable. Names that begin with TRAINMASTER_ are the controller's own, and some, such as
    UID and RANDOM, bash's, which runs the command."""
    value: Annotated[Text, Field(max_length=32768)] = ""
    """Value, byte for byte as the process gets it; the working folder is put in front of a PYTHONPATH. In YAML numbers and
    words such as yes need quotes."""
    value_from: ValueFrom | None = None
    """Where the value comes from instead, for what is secret. It is looked up when a process starts, and stands nowhere else."""


class FileRef(Model):
    """A file brought into the working folder of each process by YARN."""

    source: Annotated[Text, Field(min_length=1, max_length=2048)]
    """URL of the file, such as hdfs:///code/train.py. YARN fetches it as the job's user. `trainmaster apply` and `run` take
    a path of their own machine as well, and upload what lies there."""
    name: Annotated[str, Field(pattern=FILE_NAME, max_length=255)] = ""
    """Name in the working folder. Left out: the last part of source."""
    type: FileType = FileType.FILE
    """How the file arrives in the working folder."""

    @property
    def target(self) -> str:
        """Name in the working folder."""
        return self.name or self.source.rpartition("/")[2]


class Role(Model):
    """One kind of process, and how many of it."""

    replicas: Annotated[int, Field(strict=True, ge=0, le=MAX_REPLICAS), EDIT_LIVE] = 1
    """Number of processes; all roles together have 1 to 10000. `kubectl scale` sets that of the role worker.
    Every process is told it at its start: so an edit restarts all processes of the job once, unless spec.scaling is
    Live."""
    elastic: Annotated[Elastic | None, EDIT_LIVE] = None
    """Whether the job may train with fewer replicas of this role than `replicas` for a while, instead of waiting. Left out: it
    waits for all."""
    resources: Annotated[Resources, EDIT_RESTART] = Resources()
    """What the container of each replica asks of YARN: fields, or a text as in Apache Submarine such as
    memory=8G,vcores=2,gpu=2, in which sizes are YARN's, so that 8G is 8192 MiB."""
    command: Annotated[Text, Field(min_length=1, max_length=65536), EDIT_RESTART]
    """Bash script that is the process. The job's paths stand in it for %input_path%, %checkpoint_path% and
    %saved_model_path%."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=256), EDIT_RESTART] = ()
    """Environment variables of this role. They are stronger than those of the job."""
    files: Annotated[tuple[FileRef, ...], Field(max_length=64), EDIT_RESTART] = ()
    """Files and archives of this role, beside those of the job."""
    locality: Annotated[Locality | None, EDIT_LIVE] = None
    """Which nodes are asked first for its containers; an edit counts for those that are asked for next. Left out: those with
    the most room."""
    ports: Annotated[int, Field(strict=True, ge=1, le=16), EDIT_RESTART] = 1
    """Number of TCP ports that each replica is given. The controller chooses free ones and tells them to all in
    TRAINMASTER_CLUSTER, TRAINMASTER_PORTS and the framework's own variables."""
    metrics_port: Annotated[Annotated[int, Field(strict=True, ge=1, le=16)] | None, EDIT_LIVE] = None
    """Which of the replica's own ports, from 1, serves metrics of the training's own at /metrics. The controller lists
    them at /sd for Prometheus. Left out: none."""
    start_after: Annotated[tuple[StartAfter, ...], Field(max_length=8), EDIT_RESTART] = ()
    """Other roles that are waited for before a process of this one begins, again after each restart of the whole job. With
    Succeeded they are preparations: they give their containers back first, and aren't run again once they succeeded."""
    readiness: Annotated[Readiness | None, EDIT_RESTART] = None
    """When a process counts as ready, for roles that start after this one. Needs the controller's reports door
    (reports.port). Left out: it never does."""
    processes_per_replica: Annotated[Annotated[int, Field(strict=True, ge=1, le=64)] | None, EDIT_RESTART] = (
        None
    )
    """Processes of each replica that train, for PyTorch. Left out: one for each GPU, at least one. spec.launcher
    says who starts them."""
    restart_policy: Annotated[RestartPolicy, EDIT_LIVE] = RestartPolicy.ON_FAILURE
    """Which ends of a replica are followed by a restart. What YARN is to blame for, such as a lost node, is
    replaced under any policy."""
    restart_scope: Annotated[RestartScope | None, EDIT_LIVE] = None
    """What the end of one replica restarts. Left out: what the framework survives."""
    termination_grace_period: Annotated[Duration | None, EDIT_LIVE] = None
    """How long a process has to end by itself after SIGTERM, such as to write a checkpoint, before it is killed: when the job is
    suspended, deleted, scaled down, edited or restarted as a whole. Those that run have what they were started with, at most; a
    shorter one counts for those too that are on their way out. 0s for none. Left out: 30s."""
    max_restarts: Annotated[Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None, EDIT_LIVE] = None
    """Restarts of one replica that are charged at most: its next failure fails the job. Left out: only
    runPolicy.backoffLimit counts."""

    @property
    def grace(self) -> float:
        """Seconds that a process has to end in when it is told to."""
        given = self.termination_grace_period
        return DEFAULT_GRACE if given is None else given

    @property
    def loose(self) -> tuple[int, int] | None:
        """From how many replicas to how many it goes, where they come and go alone; None where no other number is run with before
        all that run are told it."""
        if self.elastic is None or self.restart_scope is not RestartScope.REPLICA:
            return None
        return self.elastic.min, self.elastic.max or self.replicas


class Spec(Model):
    """The training that is wanted."""

    framework: Annotated[Framework, EDIT_RESTART] = Framework.GENERIC
    """Framework in whose words the processes are told about each other."""
    template: Annotated[tuple[TemplateVariable, ...], Field(max_length=64), EDIT_RESTART] = ()
    """For framework Custom: the variables that tell each process about the others."""
    launcher: Annotated[Launcher, EDIT_RESTART] = Launcher.COMMAND
    """Who starts the processes of a replica, for PyTorch."""
    compatibility: Annotated[Compatibility | None, EDIT_RESTART] = None
    """Another system whose variables processes are told too. Left out: none."""
    queue: Annotated[str, Field(min_length=1, max_length=255), EDIT_IMMUTABLE] = "default"
    """YARN queue that the job is submitted to."""
    priority: Annotated[int, Field(strict=True, ge=0, le=2_000_000_000), EDIT_LIVE] = 0
    """YARN application priority within the queue. Higher goes first."""
    user: Annotated[Annotated[str, Field(pattern=USER_NAME, max_length=128)] | None, EDIT_IMMUTABLE] = None
    """YARN user to run as. Who may name whom is the controller's policy. Left out: the file's owner, or whoever
    the namespace stands for."""
    acls: Annotated[Acls | None, EDIT_LIVE] = None
    """Who may see and end the job's application in YARN beside its user. The controller's setting acls adds to it. An edit
    counts from the next application on: after a suspension, or when the job runs again."""
    input_path: Annotated[Text, Field(max_length=4096), EDIT_RESTART] = ""
    """Where the data lies: %input_path% in commands, INPUT_PATH in the environment."""
    checkpoint_path: Annotated[Text, Field(max_length=4096), EDIT_RESTART] = ""
    """Where checkpoints go: %checkpoint_path% in commands, CHECKPOINT_PATH in the environment."""
    resume_from: Annotated[Text, Field(max_length=4096), EDIT_RESTART] = ""
    """Checkpoint to begin from where there is none below checkpointPath yet: %resume_from% in commands, RESUME_FROM in the
    environment. The program is who reads it."""
    saved_model_path: Annotated[Text, Field(max_length=4096), EDIT_RESTART] = ""
    """Where the model goes: %saved_model_path% in commands, SAVED_MODEL_PATH in the environment. Left out:
    checkpointPath."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=256), EDIT_RESTART] = ()
    """Environment variables of all roles."""
    files: Annotated[tuple[FileRef, ...], Field(max_length=64), EDIT_RESTART] = ()
    """Files and archives that YARN brings into the working folder of each process."""
    roles: Annotated[dict[RoleName, Role], Field(min_length=1, max_length=32)]
    """The kinds of processes by name. Names are free; chief, master, worker, ps, evaluator, scheduler and server
    mean something to frameworks."""
    success_policy: Annotated[SuccessPolicy | None, EDIT_LIVE] = None
    """Whose success is the job's. Left out: Chief where there is a chief or master, or a TensorFlow worker;
    AllWorkers else. A chief or master counts as a worker; where there is neither, every role does but ps and evaluator."""
    failure_rules: Annotated[Annotated[tuple[FailureRule, ...], Field(max_length=32)] | None, EDIT_LIVE] = (
        None
    )
    """What follows on failures, as an ordered list: the first rule that matches decides, before restartPolicy and the table of
    docs/behaviour.md do. Left out: those decide."""
    node_check: Annotated[NodeCheck | None, EDIT_LIVE] = None
    """What is tried on a node before each process of the job begins there. Where it fails, the process is replaced on another
    node, uncharged, and the node is left alone for a while. Left out: nothing is tried."""
    scaling: Annotated[Scaling, EDIT_LIVE] = Scaling.RESTART
    """What an edit of a number of replicas does to the processes that run. Live is for processes that don't shard by
    TRAINMASTER_REPLICAS: old and new ones are told different numbers of peers."""
    gang: Annotated[Gang, EDIT_LIVE] = Gang()
    """How much YARN must grant before anything starts."""
    run_policy: Annotated[RunPolicy, EDIT_LIVE] = RunPolicy()
    """Limits on the life of the job."""
    links: Annotated[Annotated[tuple[QuickLink, ...], Field(max_length=20)] | None, EDIT_LIVE] = None
    """Links on the job's page to what its processes serve, or to elsewhere. Left out: none."""

    @property
    def model_target(self) -> str:
        """Where the model goes: savedModelPath, or checkpointPath where that is left out."""
        return self.saved_model_path or self.checkpoint_path


class Metadata(Model):
    """Who the job is; namespace and name together are unique."""

    name: Annotated[str, Field(pattern=JOB_NAME, max_length=MAX_NAME)]
    """Name of the job, also in YARN; at most 63 characters."""
    namespace: Annotated[str, Field(pattern=NAMESPACE_NAME, max_length=MAX_NAME)] = "default"
    """Group of jobs that belong together. Namespace and name together are unique."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Words to find the job by."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Notes of other tools."""


class TrainingJob(Model):
    """A training job: roles of replicas, run as one on Hadoop YARN."""

    api_version: Literal["trainmaster.io/v1alpha1"] = "trainmaster.io/v1alpha1"
    """Version of these fields."""
    kind: Literal["TrainingJob"] = "TrainingJob"
    """Always TrainingJob."""
    metadata: Metadata
    """Who the job is."""
    spec: Spec
    """The training that is wanted."""


def restart_fields(job: TrainingJob) -> str:
    """Canonical JSON of what the user wrote in the fields whose edit restarts the job.

    Only what was written, so that a new default of a new controller never restarts anything; roles appear by
    name, so that an added or removed one shows.
    """
    return _restart_fields(job.spec)


@once_each
def _restart_fields(spec: Spec) -> str:
    written, torch = _restart_part(spec), spec.framework is Framework.PYTORCH
    written["roles"] = {
        name: _restart_part(role) | ({"agents": role.loose} if torch and role.loose else {})
        for name, role in spec.roles.items()
    }
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
