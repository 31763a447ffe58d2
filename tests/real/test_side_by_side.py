"""One cluster for all: a Spark job takes its queue's share back from a training, and what it prepares is read nearby by another.

`make test-frameworks` runs it. The scheduler preempts between queues, and the only DataNode is on the second node.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import fsspec
import pytest

from real.cluster import Rest, of_its_own
from real.rooms import Room, eager
from real.trainings import ENOUGH, EXAMPLES, accuracy, log, runner, stage
from trainer.ledger import Ledger, trainer_role
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options
from trainmaster.local.services import host

pytestmark = pytest.mark.skipif(
    not os.environ.get("TRAINMASTER_ALL_FRAMEWORKS"), reason="make test-frameworks runs it"
)

WITH_DATA = host("nodemanager-2")
SCHEDULER, MONITOR = "yarn.scheduler.capacity.root", "yarn.resourcemanager.monitor.capacity.preemption"
SHARED = {
    f"{SCHEDULER}.queues": "default,gpu",
    f"{SCHEDULER}.default.capacity": "50",
    f"{SCHEDULER}.gpu.capacity": "50",
    "yarn.resourcemanager.scheduler.monitor.enable": "true",
    f"{MONITOR}.monitoring_interval": "500",
    f"{MONITOR}.max_wait_before_kill": "1000",
    f"{MONITOR}.total_preemption_per_round": "1.0",
    f"{MONITOR}.natural_termination_factor": "1.0",
    "dfs.datanode.hostname": WITH_DATA,
}
NODE = 3072
hadoop = of_its_own("shared", Options(nodes=2, memory=NODE, am_expiry=120, nm_expiry=30, hadoop=SHARED))
GREEDY = 5
"""containers of 1 GiB, of six that there are, in a queue whose share is three"""
LIMIT = 300
"""seconds that Spark may take"""


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def test_spark_takes_its_share_back_and_a_training_is_near_what_it_wrote(
    shared: Room, ledger: Ledger, hadoop: LocalHadoop, store: str, tmp_path: Path
) -> None:
    small = {"resources": {"memory": "1Gi"}}
    shared.drop(
        "greedy", eager(worker=trainer_role(ledger.folder, GREEDY, steps=0) | small) | {"queue": "gpu"}
    )
    shared.until_true("greedy", C.RUNNING)

    digits, prepared = f"{store}/digits.csv.gz", f"{store}/examples/spark-preparation/prepared"
    put(stage().environments.digits(), digits)
    words = tmp_path / "spark.out"
    spark = spark_submit(words, digits, prepared, 4)
    try:
        taken = shared.until("greedy", lambda s: preempted(s) or spark.poll() is not None, LIMIT)
        spark.wait(LIMIT)
    finally:
        spark.kill()
    said = words.read_text()
    assert spark.returncode == 0, said[-4000:]
    assert "images in 4 files" in said
    after = shared.until("greedy", lambda s: s.workers_summary == f"{GREEDY}/{GREEDY}")
    assert 0 < len(preempted(taken)) < GREEDY, "no more than its share was taken"
    assert {cause for status in (taken, after) for cause in preempted(status)} == {"Preempted"}
    assert (after.restarts, after.roles["worker"].restarts) == (0, 0), "charged to nobody"
    assert ledger.twice() == []
    [app] = [app for app in Rest(hadoop).applications() if app["applicationType"] == "SPARK"]
    assert (app["queue"].removeprefix("root."), app["finalStatus"]) == ("default", "SUCCEEDED")
    shared.delete("greedy")

    runner(shared, store)("spark-preparation", "digits-spark")
    near = shared.until("digits-spark", lambda s: s.roles and s.roles["worker"].near_input is not None)
    assert [r.node for r in near.roles["worker"].replicas] == [WITH_DATA] * 2
    assert near.roles["worker"].near_input == 2
    status = shared.until_true("digits-spark", C.FINISHED)
    assert status.is_true(C.SUCCEEDED)
    assert max(accuracy(log(status, "worker", index)) for index in (0, 1)) > ENOUGH
    assert "2 of 2 containers are on nodes that hold some of" in shared.words
    assert "on average 100% of it is read locally" in shared.words


def put(local: Path, url: str) -> None:
    files, path = fsspec.url_to_fs(url)
    files.put_file(str(local), path)


def preempted(status: JobStatus) -> list[str]:
    """The causes of the last ends of workers, where they had any."""
    ends = (r.last_exit for r in status.roles["worker"].replicas) if status.roles else ()
    return [end.cause for end in ends if end]


def spark_submit(words: Path, source: str, target: str, shards: int) -> subprocess.Popen[bytes]:
    """PySpark lies at one place on all nodes, so nothing of it needs to be brought."""
    python = stage().environments.spark()
    home = next(python.parents[1].glob("lib/python*/site-packages/pyspark"))
    conf = {
        "spark.yarn.jars": f"local:{home}/jars/*",
        "spark.yarn.am.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.executor.instances": "2",
        "spark.ui.enabled": "false",
    }
    options = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    script = str(EXAMPLES / "spark-preparation" / "prepare.py")
    told = {"PYSPARK_PYTHON": str(python), "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [f"{home}/bin/spark-submit", "--master", "yarn", *options, script, source, target, str(shards)]
    with words.open("wb") as out:
        return subprocess.Popen(command, env=os.environ | told, stdout=out, stderr=subprocess.STDOUT)
