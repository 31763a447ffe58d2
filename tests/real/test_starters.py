"""What `trainmaster init` writes trains on real YARN as it is, once its interpreter and its folder in HDFS are named.

The generic one, those of PyTorch, TensorFlow and Caffe run always, the others with `make test-frameworks`. For Caffe, not to be
had, a program stands in that takes its arguments and writes its files.
"""

from __future__ import annotations

import getpass
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from rare import ALL_FRAMEWORKS
from real.cluster import until
from real.reading import message
from real.rooms import Room
from real.test_first_job import typed
from real.trainings import kill_while_it_starts, log, process, replaced, stage
from trainmaster.api.status import ConditionType as C

STARTERS = (
    ("generic", "", "worker", "step 3"),
    ("custom", "", "worker", "0 of 2 meets at "),
    ("pytorch", "torch", "master", "epoch 5 of 5"),
    ("tensorflow", "tensorflow", "chief", "epoch 5 of 5"),
    pytest.param("jax", "jax", "worker", "epoch 5 of 5", marks=ALL_FRAMEWORKS),
    pytest.param("xgboost", "xgboost", "worker", "round 20 of 20", marks=ALL_FRAMEWORKS),
    pytest.param("mxnet", "mxnet", "worker", "epoch 5 of 5", marks=ALL_FRAMEWORKS),
    pytest.param("horovod", "horovod", "worker", "epoch 5 of 5", marks=ALL_FRAMEWORKS),
    pytest.param("mpi", "mpi", "launcher", "epoch 5 of 5", marks=ALL_FRAMEWORKS),
)
ROOT = ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM")
NO_HDFS = {"horovod"}
"""whose interpreter here, a Python 3.7, has nothing that reads hdfs://"""
AS_ROOT = {"  env:\n": "".join(["  env:\n", *(f'    - {{name: {n}, value: "1"}}\n' for n in ROOT)])}
"""without which Open MPI doesn't run as root, as it does on a laptop in a container"""
CAFFE = """\
import pathlib, re, sys, time
told = dict(word.lstrip("-").partition("=")[::2] for word in sys.argv[2:])
solver = pathlib.Path(told["solver"]).read_text()
goal, prefix = re.search(r"max_iter: (\\d+)", solver)[1], re.search(r'snapshot_prefix: "(.+)"', solver)[1]
assert sys.argv[1] == "train" and pathlib.Path(re.search('net: "(.+)"', solver)[1]).exists()
begun = int(pathlib.Path(told["snapshot"]).read_text()) if "snapshot" in told else 0
print("iterations", begun, "to", goal, flush=True)
time.sleep(1)
for kind in ("caffemodel", "solverstate"):
    pathlib.Path(f"{prefix}_iter_{goal}.{kind}").write_text(goal)
"""


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def filled(job: Path, home: str, python: str, **instead: str) -> None:
    """The job as a person fills it in: his folder, his interpreter, and what else is to stand there for which words."""
    known = {"value: python3": f"value: {python}", f"hdfs:///user/{getpass.getuser()}": home}
    job.write_text(
        replaced(job.read_text(), {k: v for k, v in known.items() if k in job.read_text()} | instead)
    )


@pytest.mark.parametrize(("framework", "environment", "role", "last"), STARTERS)
def test_a_starter_runs(
    room: Room, store: str, tmp_path: Path, framework: str, environment: str, role: str, last: str
) -> None:
    room.controller()
    typed(f"trainmaster init {framework} mine", room, tmp_path)
    job = tmp_path / "mine" / "job.yaml"
    python = str(getattr(stage().environments, environment)()) if environment else "python3"
    home = tmp_path.as_uri() if framework in NO_HDFS else store
    filled(job, home, python, **(AS_ROOT if framework == "mpi" else {}))

    typed("trainmaster run mine/job.yaml", room, tmp_path)

    status = room.until_true("mine", C.SUCCEEDED)
    until(lambda: last in log(status, role, 0), 30)
    assert status.restarts == 0


def test_what_an_interpreter_lacks_is_told_in_the_status(room: Room, store: str, tmp_path: Path) -> None:
    room.controller()
    typed("trainmaster init xgboost mine", room, tmp_path)
    job = tmp_path / "mine" / "job.yaml"
    filled(job, store, sys.executable, **{"backoffLimit: 3": "backoffLimit: 0"})  # which has no XGBoost
    typed("trainmaster apply -f mine/job.yaml", room, tmp_path)

    status = room.until_true("mine", C.FAILED)
    assert re.search(
        r"^worker-0 ended on \S+: .*: ModuleNotFoundError: No module named 'xgboost'",
        message(status, C.FAILED),
    )


@pytest.mark.parametrize("at_once", [False, pytest.param(True, marks=ALL_FRAMEWORKS)])
def test_caffe_goes_on_from_its_newest_snapshot(
    room: Room, store: str, tmp_path: Path, at_once: bool
) -> None:
    room.controller()
    typed("trainmaster init caffe mine", room, tmp_path)
    program = tmp_path / "caffe"
    program.write_text(f"#!{sys.executable}\n{CAFFE}")
    program.chmod(0o755)
    instead = {"value: caffe": f"value: {program}", "base: 10s": "base: 0s"}
    filled(tmp_path / "mine" / "job.yaml", store, sys.executable, **instead)
    typed("trainmaster apply -f mine/job.yaml", room, tmp_path)
    if at_once:
        kill_while_it_starts(room, "mine", "worker", 0)
    else:
        until(lambda: "round 2 of 5" in log(room.status("mine"), "worker", 0), 120)
        os.kill(process(room.status("mine"), "worker", 0), signal.SIGKILL)
    status = room.until_true("mine", C.SUCCEEDED)

    said = until(lambda: text if "round 5 of 5" in (text := log(status, "worker", 0)) else "", 30)
    done = max(map(int, re.findall("resumed after round ([2-4])", said)), default=0)
    assert (done == 0) is at_once, said
    assert f"iterations {1000 * done} to {1000 * (done + 1)}\n" in said
    assert status.restarts == 1
