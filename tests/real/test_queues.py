"""Queues and places of real YARN: a full queue beside a free one, one that is made on first submission; who is near the input; a
node that goes and comes back.

A cluster of its own: a large node and a small one, a queue that may use a quarter of them, and a parent that makes its queues.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from real.cluster import Rest, running, until
from real.reading import message, processes, reason, trainers, worker
from real.rooms import Room, eager
from trainer.ledger import Ledger, trainer_role
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options
from trainmaster.local.services import host

SMALL_NODE, LARGE_NODE = 2048, 8192
WITH_DATA = host("nodemanager-1")
"""where the only DataNode says that it is: on the small node"""
ROOT = "yarn.scheduler.capacity.root"
QUEUES = {
    f"{ROOT}.queues": "default,gpu,users",
    f"{ROOT}.default.capacity": "2w",
    f"{ROOT}.gpu.capacity": "1w",
    f"{ROOT}.users.capacity": "1w",
    f"{ROOT}.gpu.maximum-capacity": "25",
    f"{ROOT}.users.auto-queue-creation-v2.enabled": "true",
    "dfs.datanode.hostname": WITH_DATA,
}
OPTIONS = Options(
    nodes=2, memory=LARGE_NODE, am_expiry=120, nm_expiry=15, allocation_expiry=60, hadoop=QUEUES
)


@pytest.fixture(scope="module")
def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHadoop]:
    with (
        pytest.MonkeyPatch.context() as patch,
        running(tmp_path_factory.mktemp("queues"), OPTIONS) as cluster,
    ):
        _shrink(cluster, "nodemanager-1")
        patch.setenv("HADOOP_CONF_DIR", str(cluster.conf_dir))
        yield cluster


def _shrink(hadoop: LocalHadoop, node: str) -> None:
    site = Path(hadoop.folder) / node / "conf/yarn-site.xml"
    hadoop.kill(node)
    site.write_text(site.read_text().replace(f">{LARGE_NODE}<", f">{SMALL_NODE}<"))
    hadoop.start(node)
    hadoop.wait_ready()
    until(lambda: SMALL_NODE in sizes(hadoop))


def sizes(hadoop: LocalHadoop) -> list[int]:
    running_ = [node for node in Rest(hadoop).nodes() if node["state"] == "RUNNING"]
    return [int(node["totalResource"]["memory"]) for node in running_]


@pytest.fixture(scope="module")
def kind() -> str:
    """The engine is the same for every source."""
    return "folder"


def test_a_job_of_a_free_queue_starts_though_four_wait_for_a_full_one(shared: Room, ledger: Ledger) -> None:
    gang = trainer_role(ledger.folder, 2, steps=0) | {"resources": {"memory": "1Gi"}}
    shared.drop("holder", eager(worker=gang) | {"queue": "gpu"})
    shared.until_true("holder", C.RUNNING)
    for i in range(4):
        shared.drop(f"stuck-{i}", eager(worker=gang) | {"queue": "gpu"})
    behind = shared.until("stuck-3", lambda s: reason(s, C.QUEUED) == reasons.WAITING_FOR_TURN)
    assert "it wants 2048 MiB, 2 vcores of queue 'root.gpu' (2560 MiB" in message(behind, C.QUEUED)

    shared.drop("ours", eager(worker=trainers(ledger, 4, steps=1)))
    shared.until_true("ours", C.SUCCEEDED)
    assert not any(shared.status(f"stuck-{i}").is_true(C.RUNNING) for i in range(4))


def test_a_queue_that_is_made_on_first_submission_is_no_unknown_one(shared: Room, ledger: Ledger) -> None:
    shared.drop("first", eager(worker=trainers(ledger, steps=1)) | {"queue": "root.users.alice"})
    shared.drop("lost", eager(worker=trainers(ledger, steps=1)) | {"queue": "root.gpu.alice"})
    shared.until_true("first", C.SUCCEEDED)
    lost = shared.until("lost", lambda s: reason(s, C.ACCEPTED) == reasons.QUEUE_NOT_FOUND)
    assert "'root.gpu.alice'" in message(lost, C.ACCEPTED)


def test_who_is_to_be_near_the_input_comes_to_the_small_node_that_holds_it(
    shared: Room, ledger: Ledger, store: str
) -> None:
    with fsspec.open(f"{store}/in/part-0", "wb") as part:
        part.write(b"x" * 1000)
    near = eager(worker=trainers(ledger, 2, steps=0) | {"locality": "Input"})
    shared.drop("near", near | {"inputPath": f"{store}/in"})
    status = shared.until_true("near", C.RUNNING)
    assert {worker(status, index).node for index in (0, 1)} == {WITH_DATA}
    assert status.roles["worker"].near_input == 2
    shared.drop("astray", near | {"inputPath": f"{store}/nothing"})
    status = shared.until_true("astray", C.RUNNING)
    assert WITH_DATA not in {worker(status, index).node for index in (0, 1)}, "the large one has more room"
    assert "on average 100% of it is read locally" in shared.words
    assert "nothing lies isn't known: there is no /tests/" in shared.words


def test_a_replacement_that_was_refused_while_the_large_node_was_away_comes_when_it_is_back(
    shared: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    small = trainers(ledger, steps=0) | {"replicas": 1}
    large = trainer_role(ledger.folder, 1, steps=0) | {"resources": {"memory": "4Gi"}}
    shared.drop("lasting", eager(ps=small, worker=large))
    before = shared.until_true("lasting", C.RUNNING)
    began = processes(ledger, 2)

    hadoop.kill("nodemanager-2")
    for process in began:  # as on a machine that lost its power
        process.kill()
    until(lambda: sizes(hadoop) == [SMALL_NODE])
    shared.until("lasting", lambda s: "YARN refuses the ask for worker-0" in message(s, C.RUNNING))
    hadoop.start("nodemanager-2")
    hadoop.wait_ready()

    until(lambda: len(ledger.running()) == 2)
    after = shared.until("lasting", lambda s: s.workers_summary == "1/1")
    assert worker(after).node == worker(before).node
    assert len(ledger.starts("worker-0")) == 2
    assert ledger.twice() == []
