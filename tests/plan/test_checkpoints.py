"""What is kept of looks for a job's newest checkpoint: what was found last, and nothing that isn't there any more."""

from __future__ import annotations

import pytest

from plan.build import World, job
from trainmaster.api.checkpoint_status import CheckpointStatus
from trainmaster.plan.values import CheckpointLook

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
