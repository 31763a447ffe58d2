"""/sd: where the processes of live jobs serve metrics of their own, as Prometheus's service discovery reads it."""

from __future__ import annotations

from dataclasses import replace

from observe.pictures import fleet, job, picture, refused, replica, role
from trainmaster.api.job import TrainingJob
from trainmaster.master.picture import Picture
from trainmaster.web.discovery import targets
from web.serving import serving


def serves(name: str = "mnist", place: int | None = 2) -> Picture:
    shown = picture(
        name,
        roles={
            "worker": role(
                3,
                2,
                replicas=(
                    replica(0, "Running", node="n1", ports=(20000, 20001)),
                    replica(1, "Running", node="n2", ports=(20000, 20001)),
                    replica(2, "Starting", node="n2", ports=(20002, 20003)),
                ),
            )
        },
    )
    return replace(shown, declared=replace(shown.declared, job=_declares(name, place)))


def _declares(name: str, place: int | None) -> TrainingJob:
    wanted = job(name)
    worker = wanted.spec.roles["worker"].model_copy(update={"ports": 2, "metrics_port": place})
    return wanted.model_copy(update={"spec": wanted.spec.model_copy(update={"roles": {"worker": worker}})})


async def test_each_process_that_runs_is_a_target_with_its_job_role_and_index() -> None:
    async with (
        serving(fleet(serves(), serves("quiet", None), refused())) as client,
        client.get("/sd") as answer,
    ):
        assert answer.content_type == "application/json"
        assert await answer.json() == [
            {
                "targets": [f"n{index + 1}:20001"],
                "labels": {
                    "job_namespace": "vision",
                    "job_name": "mnist",
                    "role": "worker",
                    "index": str(index),
                },
            }
            for index in range(2)
        ]


def test_a_port_that_a_process_has_not_yet_is_not_listed() -> None:
    assert targets(fleet(serves(place=3))) == []


async def test_a_standby_refuses_so_that_the_targets_of_before_are_kept() -> None:
    async with serving(fleet(leading=False)) as client, client.get("/sd") as answer:
        assert answer.status == 503
