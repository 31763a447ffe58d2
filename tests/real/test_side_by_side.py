"""One cluster for all: a Spark job takes its queue's share back from a training, and what it prepares is read nearby by another.

`make test-frameworks` runs it. The scheduler preempts between queues, and the only DataNode is on the second node.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from rare import ALL_FRAMEWORKS
from real.cluster import Rest, running, until
from real.reading import trainers
from real.rooms import Room, eager
from real.trainings import ENOUGH, EXAMPLES, accuracy, log, runner, stage
from trainer.ledger import Ledger, trainer_role
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.local import jars, machine
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options, cache_folder
from trainmaster.local.services import host
from trainmaster.master.fleet import CLUSTER_LOOK

pytestmark = ALL_FRAMEWORKS

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
    "yarn.nodemanager.aux-services": "mapreduce_shuffle",
    "mapreduce.shuffle.port": "0",
}
NODE = 3072
GREEDY = 5
"""containers of 1 GiB, of six that there are, in a queue whose share is three"""
MAPREDUCE_JARS = Path(__file__).with_name("mapreduce-jars.lock")
LIMIT = 300
"""seconds that a job of another system may take"""


@pytest.fixture(scope="module")
def mapreduce() -> Path:
    """The folder of its jars."""
    return jars.fetch(MAPREDUCE_JARS, cache_folder())


@pytest.fixture(scope="module")
def hadoop(tmp_path_factory: pytest.TempPathFactory, mapreduce: Path) -> Iterator[LocalHadoop]:
    """A cluster whose NodeManagers serve MapReduce too, in place of that of the other files."""
    classes = (f"{mapreduce}/*",)
    options = Options(nodes=2, memory=NODE, am_expiry=120, nm_expiry=30, hadoop=SHARED, classpath=classes)
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch, running(folder, options) as cluster:
        for variable, value in cluster.environment.items():
            patch.setenv(variable, value)
        yield cluster


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
    until(lambda: not any(node["numContainers"] for node in Rest(hadoop).nodes()))
    time.sleep(2 * CLUSTER_LOOK)  # until the controller knows of the room, too

    runner(shared, store)("spark-preparation", "digits-spark")
    near = shared.until("digits-spark", lambda s: s.roles and s.roles["worker"].near_input is not None)
    assert [r.node for r in near.roles["worker"].replicas] == [WITH_DATA] * 2
    assert near.roles["worker"].near_input == 2
    status = shared.until_true("digits-spark", C.FINISHED)
    assert status.is_true(C.SUCCEEDED)
    assert max(accuracy(log(status, "worker", index)) for index in (0, 1)) > ENOUGH
    assert "2 of 2 containers are on nodes that hold some of" in shared.words
    assert "on average 100% of it is read locally" in shared.words


def test_mapreduce_writes_beside_a_training_and_another_is_near_that(
    shared: Room, ledger: Ledger, hadoop: LocalHadoop, mapreduce: Path, store: str, tmp_path: Path
) -> None:
    shared.drop("beside", eager(worker=trainers(ledger, 2, steps=0)) | {"queue": "gpu"})
    shared.until_true("beside", C.RUNNING)
    teragen(hadoop, mapreduce, tmp_path, 10_000, f"{store}/rows")
    [app] = [app for app in Rest(hadoop).applications() if app["applicationType"] == "MAPREDUCE"]
    assert (app["queue"].removeprefix("root."), app["finalStatus"]) == ("default", "SUCCEEDED")
    assert [len(ledger.starts(f"worker-{index}")) for index in (0, 1)] == [1, 1], "the training went on"

    near = eager(worker=trainers(ledger, 2, steps=0) | {"locality": "Input"})
    shared.drop("near", near | {"inputPath": f"{store}/rows", "queue": "gpu"})
    status = shared.until_true("near", C.RUNNING)
    assert status.roles["worker"].near_input == 2


def teragen(hadoop: LocalHadoop, mapreduce: Path, folder: Path, rows: int, target: str) -> None:
    """The example that comes with Hadoop: two maps write rows of 100 bytes."""
    lib, java = jars.fetch(jars.hadoop(hadoop.options.version), cache_folder()), machine.find_java()
    classes = f"{hadoop.conf_dir},{lib}/*,{mapreduce}/*"
    conf = {
        "mapreduce.framework.name": "yarn",
        "mapreduce.application.classpath": classes,
        "mapreduce.job.maps": "2",
        "mapreduce.map.memory.mb": "512",
        "yarn.app.mapreduce.am.resource.mb": "512",
        "yarn.app.mapreduce.am.command-opts": "-Xmx300m",
    }
    options = [f"-D{name}={value}" for name, value in conf.items()]
    main = ["-cp", classes.replace(",", ":"), "org.apache.hadoop.examples.terasort.TeraGen"]
    log = f"-Dtrainmaster.log={folder}/teragen.log"
    command = [f"{java}/bin/java", log, *main, *options, str(rows), target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, f"{done.stderr[-2000:]}\n{(folder / 'teragen.log').read_text()[-3000:]}"


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
