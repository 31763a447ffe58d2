"""What `trainmaster init` writes trains on real YARN as it is, once its interpreter and its folder in HDFS are named.

The generic one, PyTorch's and TensorFlow's run always; the others with `make test-frameworks`.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from real.cluster import until
from real.rooms import Room
from real.test_first_job import typed
from real.trainings import log, stage
from trainmaster.api.status import ConditionType as C

ALL = pytest.mark.skipif(
    not os.environ.get("TRAINMASTER_ALL_FRAMEWORKS"), reason="make test-frameworks runs it"
)
STARTERS = (
    ("generic", "", "worker", "step 3"),
    ("custom", "", "worker", "0 of 2 meets at "),
    ("pytorch", "torch", "master", "epoch 5 of 5"),
    ("tensorflow", "tensorflow", "chief", "epoch 5 of 5"),
    pytest.param("jax", "jax", "worker", "epoch 5 of 5", marks=ALL),
    pytest.param("xgboost", "xgboost", "worker", "round 20 of 20", marks=ALL),
)


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


@pytest.mark.parametrize(("framework", "environment", "role", "last"), STARTERS)
def test_a_starter_runs(
    room: Room, store: str, tmp_path: Path, framework: str, environment: str, role: str, last: str
) -> None:
    room.controller()
    typed(f"trainmaster init {framework} mine", room, tmp_path)
    job = tmp_path / "mine" / "job.yaml"
    python = str(getattr(stage().environments, environment)()) if environment else "python3"
    job.write_text(
        job.read_text()
        .replace("value: python3", f"value: {python}")
        .replace(f"hdfs:///user/{getpass.getuser()}", store)
    )

    typed("trainmaster run mine/job.yaml", room, tmp_path)

    status = room.until_true("mine", C.SUCCEEDED)
    until(lambda: last in log(status, role, 0), 30)
    assert status.restarts == 0
