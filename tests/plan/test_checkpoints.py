"""What is kept of looks for a job's newest checkpoint and at its model: what was found last, and nothing that isn't there."""

from __future__ import annotations

import pytest

from plan.build import World, job
from trainmaster.api.checkpoint_status import CheckpointStatus, SavedModelStatus
from trainmaster.plan.values import CheckpointLook, SavedModelLook

HERE, THERE = "hdfs:///a/ckpt", "hdfs:///a"


def at(folder: str, step: int = 4) -> CheckpointStatus:
    return CheckpointStatus(path=f"{folder}/step_{step}.pt", step=step, time="2026-11-01T00:00:00Z")


def trained(path: str = HERE) -> World:
    world = World(job(worker=1, spec={"checkpointPath": path})).runs()
    return world.sees(checkpoint=CheckpointLook(path, at(HERE)))


@pytest.mark.parametrize("path", [HERE, f"{HERE}/"])
def test_what_was_found_is_kept_while_nothing_else_is_known(path: str) -> None:
    world = trained(path)
    assert world.status.checkpoint == at(HERE)
    assert world.sees(checkpoint=None).status.checkpoint == at(HERE)
    assert world.sees(checkpoint=CheckpointLook(path, at(HERE, 5))).status.checkpoint == at(HERE, 5)


def test_what_is_not_there_any_more_is_not_told() -> None:
    assert trained().sees(checkpoint=CheckpointLook(HERE)).status.checkpoint is None


@pytest.mark.parametrize("path", [THERE, "hdfs:///b", f"{HERE}-2", f"{HERE}/x", ""])
def test_what_lies_below_another_path_is_not_told(path: str) -> None:
    """Also before anybody has looked there, and when a look there ends late."""
    world = trained().declares(job(worker=1, spec={"checkpointPath": path} if path else {}))
    assert world.status.checkpoint is None
    assert world.sees(checkpoint=CheckpointLook(HERE, at(HERE, 5))).status.checkpoint is None
    if path:
        assert world.sees(checkpoint=CheckpointLook(path, at(path))).status.checkpoint == at(path)


def test_an_edit_after_the_end_changes_nothing_of_what_the_run_left() -> None:
    world = trained().ends("worker-0", 0).obeys()
    assert world.status.state == "Succeeded"
    world.declares(job(worker=1, spec={"checkpointPath": "hdfs:///b"}))
    assert world.status.checkpoint == at(HERE)
    assert world.sees(checkpoint=CheckpointLook("hdfs:///b")).status.checkpoint == at(HERE)


MODEL = "hdfs:///a/model"
LEFT = SavedModelStatus(path=MODEL, files=3, size=4096, published_at="2026-11-01T00:00:00Z")


def with_model(code: int = 0) -> World:
    spec = {"savedModelPath": MODEL, "runPolicy": {"backoffLimit": 0}}
    return World(job(worker=1, spec=spec)).runs().ends("worker-0", code).obeys()


def test_the_model_of_a_job_that_succeeded_is_told_and_kept() -> None:
    world = with_model().sees(saved_model=SavedModelLook(MODEL, LEFT))
    assert world.status.saved_model == LEFT
    assert world.sees(saved_model=None).status.saved_model == LEFT
    assert world.sees(saved_model=SavedModelLook(MODEL)).status.saved_model is None


def test_no_other_folder_is_its_model() -> None:
    assert with_model().sees(saved_model=SavedModelLook("hdfs:///b", LEFT)).status.saved_model is None


def test_what_a_job_that_failed_left_is_no_model() -> None:
    world = with_model(code=1).sees(saved_model=SavedModelLook(MODEL, LEFT))
    assert world.status.state == "Failed"
    assert world.status.saved_model is None
