"""GPUs as a real NodeManager gives them out and tells of them: metrics, bill, status page, and what processes are told."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from real.cluster import running, until
from real.controllers import Controller
from real.rooms import Room, eager
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import ReplicaStatus
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options

Sample = tuple[dict[str, str], float]
TELLS = "env > {folder}/$TRAINMASTER_INDEX.new; mv {folder}/$TRAINMASTER_INDEX.new {folder}/$TRAINMASTER_INDEX; exec sleep 600"
SOON = {"TRAINMASTER_GPU__POLL_INTERVAL": "5"}


@pytest.fixture(scope="module")
def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHadoop]:
    """Two nodes of four GPUs each, which are given out by number; in place of the cluster of the other files."""
    options = Options(nodes=2, gpus=4, gpu_isolation=True, am_expiry=20, nm_expiry=15)
    with pytest.MonkeyPatch.context() as patch, running(tmp_path_factory.mktemp("gpus"), options) as cluster:
        patch.setenv("HADOOP_CONF_DIR", str(cluster.conf_dir))
        yield cluster


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def samples(controller: Controller, name: str) -> list[Sample]:
    text = requests.get(f"{controller.monitoring}/metrics", timeout=10).text
    families = text_string_to_metric_families(text)
    return [(s.labels, s.value) for family in families for s in family.samples if s.name == name]


def loads(hadoop: LocalHadoop, *percents: int) -> None:
    """From now on nvidia-smi tells of GPUs that are as busy as that."""
    answer = hadoop.folder / "gpu/nvidia-smi.xml"
    tree = ElementTree.parse(answer)
    for gpu, percent in zip(tree.getroot().findall("gpu"), percents, strict=True):
        for path, text in (
            ("utilization/gpu_util", f"{percent} %"),
            ("fb_memory_usage/used", "1024 MiB"),
            ("fb_memory_usage/free", "15360 MiB"),
        ):
            found = gpu.find(path)
            assert found is not None
            found.text = text
    new = answer.with_suffix(".new")
    tree.write(new)
    new.replace(answer)


def told(folder: Path, index: int) -> dict[str, str]:
    """The variables of that worker."""
    path = folder / str(index)
    until(path.exists, 60)
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def worker(folder: Path, replicas: int, gpus: int) -> dict[str, object]:
    command = TELLS.format(folder=shlex.quote(str(folder)))
    return {
        "replicas": replicas,
        "command": command,
        "resources": {"memory": "64Mi", "vcores": 1, "gpus": gpus},
    }


def replicas(room: Room, name: str) -> tuple[ReplicaStatus, ...]:
    return room.status(name).roles["worker"].replicas


def test_each_gpu_is_shown_with_the_replica_that_holds_it(
    room: Room, hadoop: LocalHadoop, tmp_path: Path
) -> None:
    loads(hadoop, 100, 100, 100, 100)
    mapping = tmp_path / "dcgm"
    mapping.mkdir()
    controller = room.controller(**SOON, TRAINMASTER_GPU__DCGM_JOB_MAPPING_DIR=str(mapping))
    room.drop("two", eager(worker=worker(tmp_path, 2, 2)))
    room.until_true("two", C.RUNNING)

    status = room.until("two", lambda s: all(r.gpu_numbers for r in s.roles["worker"].replicas))
    room.until("two", lambda s: all(r.gpu_percent == 100 for r in s.roles["worker"].replicas))
    held = {(r.node, minor): str(r.index) for r in status.roles["worker"].replicas for minor in r.gpu_numbers}
    assert len(held) == 4, "no GPU is given to two"
    found = {
        (labels["node"], int(labels["gpu"])): labels["index"]
        for labels, value in samples(controller, "trainmaster_gpu_utilization_ratio")
        if labels["job_name"] == "two" and labels["role"] == "worker" and value == 1
    }
    assert found == held
    used = samples(controller, "trainmaster_gpu_memory_used_bytes")
    assert {value for _, value in used} == {1024.0**3}
    assert {value for _, value in samples(controller, "trainmaster_gpu_memory_capacity_bytes")} == {2.0**34}

    def cluster() -> dict[str, float]:
        return {labels["state"]: value for labels, value in samples(controller, "trainmaster_cluster_gpus")}

    until(lambda: cluster() == {"allocated": 4, "free": 4, "unhealthy": 0})
    _each_process_is_told_its_own(hadoop, room, tmp_path, mapping)
    page = requests.get(f"{controller.web}/jobs/default/two/", timeout=10).text
    assert "100 %, 1.0 of 16.0 GiB, 30 °C" in page
    _the_bill_is_right(controller, room)


def _each_process_is_told_its_own(hadoop: LocalHadoop, room: Room, tmp_path: Path, mapping: Path) -> None:
    for replica in replicas(room, "two"):
        uuids = [f"GPU-00000000-0000-0000-0000-{minor:012d}" for minor in replica.gpu_numbers]
        assert sorted(told(tmp_path, replica.index)["CUDA_VISIBLE_DEVICES"].split(",")) == uuids
        assert {(mapping / str(minor)).read_text() for minor in replica.gpu_numbers} == {"default/two\n"}


def _the_bill_is_right(controller: Controller, room: Room) -> None:
    [(labels, _)] = samples(controller, "trainmaster_gpu_held_seconds_total")
    user = room.rest.application(room.status("two").application_id)["user"]
    assert labels == {"job_namespace": "default", "user": user, "queue": "default"}
    until(lambda: samples(controller, "trainmaster_gpu_held_seconds_total")[0][1] > 20)
    [(_, held)] = samples(controller, "trainmaster_gpu_held_seconds_total")
    [(_, measured)] = samples(controller, "trainmaster_gpu_measured_seconds_total")
    [(_, idle)] = samples(controller, "trainmaster_gpu_idle_seconds_total")
    assert 0 < measured <= held
    assert idle == 0


def test_who_keeps_its_container_has_as_many_gpus_and_is_told_anew_which(
    room: Room, hadoop: LocalHadoop, tmp_path: Path
) -> None:
    """A NodeManager gives them out anew to each process, also in the same container."""
    loads(hadoop, 0, 0, 0, 0)
    room.controller(**SOON, TRAINMASTER_RESTART_IN_PLACE="true")
    room.drop("gang", eager(worker=worker(tmp_path, 3, 2) | {"restartScope": "Job"}))
    room.until_true("gang", C.RUNNING)
    before = [r.container for r in replicas(room, "gang")]
    assert {told(tmp_path, index)["TRAINMASTER_GENERATION"] for index in range(3)} == {"1"}

    os.kill(until(lambda: _sleeps(before[0])), signal.SIGKILL)
    until(lambda: {told(tmp_path, index)["TRAINMASTER_GENERATION"] for index in range(3)} == {"2"}, 60)
    status = room.until("gang", lambda s: s.workers_summary == "3/3" and s.restarts == 1)
    now = status.roles["worker"].replicas
    assert [r.container for r in now][1:] == before[1:]
    held = [(r.node, uuid) for r in now for uuid in _uuids(tmp_path, r.index)]
    assert len(set(held)) == len(held) == 6, "no GPU is given to two"


def _uuids(folder: Path, index: int) -> list[str]:
    return told(folder, index)["CUDA_VISIBLE_DEVICES"].split(",")


def _sleeps(container: str) -> int | None:
    """The process that a worker becomes."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = f"CONTAINER_ID={container}\x00".encode() in (folder / "environ").read_bytes()
            if ours and (folder / "cmdline").read_bytes().startswith(b"sleep\x00600"):
                return int(folder.name)
    return None


def test_idle_time_is_counted_and_a_node_that_latched_is_named(
    room: Room, hadoop: LocalHadoop, tmp_path: Path
) -> None:
    loads(hadoop, 0, 0, 0, 0)
    controller = room.controller(**SOON)
    room.drop("idle", eager(worker=worker(tmp_path, 1, 1)))
    room.until_true("idle", C.RUNNING)
    until(lambda: sum(v for _, v in samples(controller, "trainmaster_gpu_idle_seconds_total")) > 0, 60)
    room.until("idle", lambda s: s.roles["worker"].replicas[0].gpu_numbers)
    [replica] = replicas(room, "idle")

    answer = hadoop.folder / "gpu/nvidia-smi.xml"
    answer.rename(answer.with_suffix(".away"))
    web = {node.rpc.split(":")[0]: node.web for node in hadoop.addresses.nodes}[replica.node]
    for _ in range(10):
        requests.get(f"http://{web}/ws/v1/node/resources/yarn.io%2Fgpu", timeout=10)
    answer.with_suffix(".away").rename(answer)

    def reasons() -> set[str]:
        return {labels["reason"] for labels, _ in samples(controller, "trainmaster_gpu_node_trouble")}

    until(lambda: reasons() == {"Latched"}, 60)
    assert samples(controller, "trainmaster_gpu_node_up") == [({"node": replica.node}, 0)]
    assert not samples(controller, "trainmaster_gpu_utilization_ratio"), (
        "what was true once is not shown for long"
    )
    assert "Latched" in requests.get(f"{controller.web}/jobs/default/idle/", timeout=10).text
    assert replicas(room, "idle")[0].gpu_numbers == replica.gpu_numbers, "they are held all the same"
    assert "until it is restarted" in controller.words
