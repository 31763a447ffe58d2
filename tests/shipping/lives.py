"""A TrainingJob as GitOps tools meet it at each stage of a life, and what a user expects to read there.

The statuses are made by the plan's own projection. Two judges read the same table: Argo CD's Lua (test_argocd.py) and
kstatus (tests/real/test_gitops.py). Never here: either judge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plan.build import World, cluster, job
from trainmaster.plan.values import AppState
from trainmaster.sources.kubernetes.showing import wire

Object = dict[str, Any]
DELETED_AT = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Stage:
    """One stage: how it comes about, and what is expected of both judges."""

    name: str
    made: Callable[[], Object]
    argocd: str
    kstatus: str


def shown(world: World, *, unseen_edits: int = 0) -> Object:
    """The object as the API server hands it out, after the status was written."""
    return {
        "apiVersion": "trainmaster.io/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {
            "name": "mnist",
            "namespace": "default",
            "generation": world.declared.generation + unseen_edits,
        },
        "spec": world.job.model_dump(mode="json", by_alias=True, exclude_unset=True)["spec"],
        "status": wire(world.status),
    }


def applied() -> Object:
    """Nothing but the API server has touched it: the definition's default is its whole status."""
    return {**shown(World(job(worker=1))), "status": {"observedGeneration": -1}}


def deleted(world: World) -> Object:
    object_ = shown(world)
    return {**object_, "metadata": {**object_["metadata"], "deletionTimestamp": DELETED_AT}}


def suspended(worker: int = 2) -> World:
    return World(job(worker=worker)).runs().declares(job(worker=worker, policy={"suspend": True}))


def running() -> World:
    return World(job(worker=2)).runs()


def restarting() -> World:
    policy = {"backoff": {"base": 60}}
    return World(job("PyTorch", policy=policy, master=1, worker=1)).runs().ends("worker-0", 1)


def replaced() -> World:
    return World(job("TensorFlow", chief=1, ps=1, worker=2)).runs().ends("worker-1", 143)


def failed() -> World:
    return World(job(policy={"backoffLimit": 0}, worker=1)).runs().ends("worker-0", 1)


def refused() -> World:
    return World(job(worker=1, roles={"worker": {"resources": {"memory": "900Gi"}}}))


STAGES = (
    Stage("applied and not seen yet", applied, "Progressing", "InProgress"),
    Stage("taken in", lambda: shown(World(job(worker=2))), "Progressing", "InProgress"),
    Stage("queued", lambda: shown(World(job(worker=2)).registers()), "Progressing", "InProgress"),
    Stage(
        "starting",
        lambda: shown(World(job(worker=2)).registers().grants("worker-0", "worker-1")),
        "Progressing",
        "InProgress",
    ),
    Stage("running", lambda: shown(running()), "Healthy", "Current"),
    Stage("running, YARN away", lambda: shown(running().says(AppState.AWAY)), "Healthy", "Current"),
    Stage("one worker is replaced", lambda: shown(replaced()), "Healthy", "Current"),
    Stage("all are restarted", lambda: shown(restarting()), "Progressing", "InProgress"),
    Stage("edited and not seen yet", lambda: shown(running(), unseen_edits=1), "Progressing", "InProgress"),
    Stage(
        "edited, and being restarted for it",
        lambda: shown(running().declares(job(worker=2, roles={"worker": {"command": "other"}}))),
        "Progressing",
        "InProgress",
    ),
    Stage(
        "edited, and nobody can say whether it fits",
        lambda: shown(running().sees(cluster=None).declares(job(worker=3))),
        "Progressing",
        "InProgress",
    ),
    Stage(
        "edited into something that can't be had",
        lambda: shown(
            running().declares(job(worker=2, roles={"worker": {"resources": {"memory": "900Gi"}}}))
        ),
        "Degraded",
        "Failed",
    ),
    Stage("being suspended", lambda: shown(suspended()), "Progressing", "InProgress"),
    Stage("suspended", lambda: shown(suspended().obeys().closes()), "Suspended", "Current"),
    Stage(
        "resumed",
        lambda: shown(suspended().obeys().closes().declares(job(worker=2))),
        "Progressing",
        "InProgress",
    ),
    Stage(
        "succeeded, being cleaned up",
        lambda: shown(World(job("TensorFlow", worker=1, ps=1)).runs().ends("worker-0", 0)),
        "Healthy",
        "Current",
    ),
    Stage(
        "succeeded",
        lambda: shown(World(job(worker=1)).runs().ends("worker-0", 0).closes()),
        "Healthy",
        "Current",
    ),
    Stage("failed", lambda: shown(failed()), "Degraded", "Failed"),
    Stage("failed and cleaned up", lambda: shown(failed().closes()), "Degraded", "Failed"),
    Stage("killed in YARN", lambda: shown(running().says(AppState.KILLED)), "Degraded", "Failed"),
    Stage("asks for more than YARN ever grants", lambda: shown(refused()), "Degraded", "Failed"),
    Stage(
        "waits for nodes",
        lambda: shown(World(job(worker=2)).sees(cluster=cluster("a"))),
        "Progressing",
        "InProgress",
    ),
    Stage("can't be read", lambda: shown(World(job(worker=1)).breaks()), "Degraded", "Failed"),
    Stage("being deleted while it runs", lambda: deleted(running().deletes()), "Progressing", "Terminating"),
    Stage("being deleted after its failure", lambda: deleted(failed()), "Progressing", "Terminating"),
)
