"""The parts of a TrainingJob that say how it is run: how much must be there to start, and the limits of its life.

Never here: rules across fields (rules.py).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from trainmaster.api import messages
from trainmaster.api.base import Model, Text
from trainmaster.api.quantities import Duration

ALL = "^all$"


def _parse_min_available(value: object) -> object:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError(messages.NO_MIN_AVAILABLE)


MinAvailable = Annotated[
    int | Literal["all"],
    BeforeValidator(_parse_min_available),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "minimum": 1, "pattern": ALL}),
]


class Gang(Model):
    """How much must be granted before anything starts."""

    min_available: MinAvailable = "all"
    """Number of replicas that must have a container before any process starts, or all."""
    timeout: Duration = 300.0
    """How long a gang may hold containers while others are missing, from 1s to under 10m. Then it gives
    everything back and asks again later."""


class Elastic(Model):
    """How few replicas a role may go on with while nodes or the queue have no room for all, until they have."""

    min: Annotated[int, Field(strict=True, ge=1)]
    """Fewest replicas that the job trains with. Where not even these can be had, it waits."""
    max: Annotated[int, Field(strict=True, ge=1)] | None = None
    """Most that `replicas` may be set to, such as by `kubectl scale` or an autoscaler. Left out: only limited as it is
    without elastic."""
    patience: Duration = 60.0
    """How long missing replicas are waited for before the job goes on with fewer, from 1s to below gang.timeout."""
    grow_after: Duration = 300.0
    """How long at least a number stays before it is raised, for that restarts what runs in most frameworks. From 1s."""


class Backoff(Model):
    """Waits before charged restarts: base, doubled each time, up to max."""

    base: Duration = 10.0
    """Wait before the first charged restart, such as 10s; 0s for none."""
    max: Duration = 600.0
    """Longest wait, such as 10m."""


class NodeCheck(Model):
    """A short test of a node, beside each process before it begins: a node that fails it is the one to blame."""

    command: Annotated[Text, Field(min_length=1, max_length=65536)]
    """Bash script that ends with 0 on a sound node, such as `nvidia-smi -L`. It has the variables, files and GPUs of the
    process, and its output stands in the same logs."""
    timeout: Duration = 60.0
    """How long it may take, from 1s to 10m: a node on which it takes longer has failed it."""
    pairs: bool = False
    """Whether it runs twice where a whole gang starts on four nodes or more, each time beside the check of another node
    (`TRAINMASTER_CHECK_PEER`). A node fails it that fails with both, so one bad network is named, and not its partners."""


class RunPolicy(Model):
    """Limits on the life of the job."""

    backoff_limit: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 3
    """Restarts of the whole job that are charged at most: its next failure fails the job."""
    backoff: Backoff = Backoff()
    """Waits before charged restarts."""
    end_on_repeated_failure: Annotated[bool, Field(strict=True)] | None = None
    """Whether the job fails at once when a process fails twice of the same mistake in the program (such as a NameError), with no
    progress in between. What may be a node's fault never counts. Left out: true."""
    active_deadline: Duration | None = None
    """How long the job may be active, from its first start, such as 12h; then it fails. Begins anew on resume.
    Left out: for ever."""
    pending_deadline: Duration | None = None
    """How long the job may wait for its first start, such as 1h; then it fails. Left out: for ever."""
    progress_deadline: Duration | None = None
    """How long a process that reports its steps may make none, from 5s on, such as 10m; checkpoints and evaluations between two
    steps must fit in. Then it counts as hung: all are asked for their stacks, and it is restarted, charged. Needs the
    controller's reports door (reports.port). Left out: for ever."""
    ttl_after_finished: Duration | None = None
    """How long after its end the job's history, journal and staged files are kept, such as 7d. Left out: for
    ever."""
    ttl_deletes_resource: Annotated[bool, Field(strict=True)] = False
    """Whether ttlAfterFinished deletes the TrainingJob itself too. With GitOps leave it false: the job would be
    created again, and train again."""
    rerun: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 0
    """Number of the run that is wanted. Raised after the job's end, it has the job run once more, with its counters at
    zero; what was shown of earlier runs is kept. Before the end an edit of it changes nothing."""
    suspend: Annotated[bool, Field(strict=True)] = False
    """true gives everything back to YARN and holds the job until it is false again."""
