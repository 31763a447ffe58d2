"""Builders of what a fleet shows: `fleet(picture("mnist", state="Running"))` reads as a sentence."""

from __future__ import annotations

from dataclasses import replace

from trainmaster.api.declared import Declared
from trainmaster.api.job import Framework, Metadata, Role, Spec, TrainingJob
from trainmaster.api.status import Condition, ConditionType, ExitStatus, JobStatus, ReplicaStatus, RoleStatus
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.plan.memory import ApplicationMemory, Memory
from trainmaster.plan.memory import replace as replace_memory

NOW = 1_750_000_000.0


def job(name: str = "mnist", namespace: str = "vision", queue: str = "gpu") -> TrainingJob:
    roles = {
        "ps": Role(command="python train.py --role ps"),
        "worker": Role(command="python train.py", replicas=2),
    }
    spec = Spec(framework=Framework.TENSORFLOW, queue=queue, roles=roles)
    return TrainingJob(metadata=Metadata(name=name, namespace=namespace), spec=spec)


def role(wanted: int, running: int, **fields: object) -> RoleStatus:
    replicas = tuple(replica(i, "Running" if i < running else "Waiting") for i in range(wanted))
    return RoleStatus.model_validate({"wanted": wanted, "running": running, "replicas": replicas, **fields})


def replica(index: int, state: str, **fields: object) -> ReplicaStatus:
    values: dict[str, object] = {"index": index, "state": state, "run": 1}
    if state == "Running":
        values |= {
            "container": f"container_1_0001_01_00000{index + 1}",
            "node": "node1:8041",
            "ports": (20000 + index,),
            "log_url": f"http://node1:8042/ws/v1/node/containers/container_1_0001_01_00000{index + 1}/logs",
        }
    return ReplicaStatus.model_validate(values | fields)


def exited(code: int, cause: str, message: str) -> ExitStatus:
    return ExitStatus(
        code=code,
        cause=cause,
        message=message,
        node="node1",
        container="container_1_0001_01_000009",
        time="2025-06-15T15:06:40Z",
        log_url="http://node1:8042/ws/v1/node/containers/container_1_0001_01_000009/logs",
    )


def condition(type_: ConditionType, reason: str, message: str = "", status: str = "True") -> Condition:
    return Condition(
        type=type_, status=status, reason=reason, message=message, last_transition_time="2025-06-15T15:06:40Z"
    )


def status(state: str = "Running", **fields: object) -> JobStatus:
    values: dict[str, object] = {"state": state, "roles": {"ps": role(1, 1), "worker": role(2, 2)}}
    if state in {"Succeeded", "Failed"}:
        values["conditions"] = (
            condition(ConditionType.FINISHED, state),
            condition(ConditionType(state), state),
        )
    elif state == "Running":
        values["conditions"] = (condition(ConditionType.RUNNING, "AllRunning", "all processes run"),)
    return JobStatus.model_validate(values | fields)


def picture(
    name: str = "mnist",
    state: str = "Running",
    namespace: str = "vision",
    application: str = "application_1_0001",
    **fields: object,
) -> Picture:
    declared = Declared(
        "folder",
        namespace,
        name,
        f"uid-{name}",
        f"{namespace}/{name}.yaml",
        "alice",
        job=job(name, namespace),
    )
    memory = Memory(
        f"uid-{name}",
        namespace,
        name,
        application=ApplicationMemory(application, "t", "alice", "gpu", submitted_at=NOW - 100)
        if application
        else None,
    )
    shown = status(state, application_id=application, user="alice", **fields)
    return Picture(declared, memory, shown, NOW)


def remembers(shown: Picture, **memory: object) -> Picture:
    """The same job with other memories."""
    assert shown.memory
    return replace(shown, memory=replace_memory(shown.memory, **memory))


def refused(name: str = "broken") -> Picture:
    declared = Declared("folder", "vision", name, f"uid-{name}", f"vision/{name}.yaml")
    return Picture(declared, None, JobStatus(state="Refused"), NOW)


def fleet(*pictures: Picture, **fields: object) -> FleetPicture:
    values: dict[str, object] = {
        "leading": True,
        "yarn_up": True,
        "store_up": True,
        "looked_at": NOW,
        "expiry": 600.0,
    }
    jobs = {p.declared.uid: p for p in pictures}
    beats = dict.fromkeys(jobs, (NOW, 0.0))
    return FleetPicture(jobs=jobs, **(values | {"beats": beats} | fields))  # type: ignore[arg-type]  # a builder: tests name single fields
