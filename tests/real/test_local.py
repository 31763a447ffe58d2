"""The local Hadoop, for real: started twice, killed in parts, side by side, and gone without a trace."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import requests

from real.cluster import Rest, running, until
from trainmaster.hadoop import configuration
from trainmaster.hadoop.containers import AllocateCall, GrantedContainer, LaunchContext, ResourceAsk
from trainmaster.hadoop.nodemanager import NodeManagers
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.hadoop.values import Resource, Submission
from trainmaster.local import processes
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options
from trainmaster.local.services import daemons


def pids(hadoop: LocalHadoop) -> dict[str, int | None]:
    return {daemon.name: daemon.pid for daemon in hadoop.status()}


def of_folder(folder: Path) -> list[processes.Process]:
    """Every process that has to do with a cluster: daemons, their guard aside, and containers."""
    own, containers = f"TRAINMASTER_LOCAL={folder}\0", f"LOCAL_DIRS={folder}/"
    return processes.with_environment(own.encode(), containers.encode())


def test_every_daemon_works_after_up(hadoop: LocalHadoop) -> None:
    assert [daemon.name for daemon in hadoop.status()] == list(daemons(2))
    assert all(daemon.ready for daemon in hadoop.status())


def test_each_node_has_its_own_address(hadoop: LocalHadoop) -> None:
    nodes = {(node["id"], node["nodeHTTPAddress"], node["state"]) for node in Rest(hadoop).nodes()}
    assert nodes == {(node.rpc, node.web, "RUNNING") for node in hadoop.addresses.nodes}
    assert {node.rpc.split(":")[0] for node in hadoop.addresses.nodes} == {"127.0.0.11", "127.0.0.12"}


def test_the_pages_that_up_prints_are_served(hadoop: LocalHadoop) -> None:
    at = hadoop.addresses
    pages = (f"http://{at.rm_web}/cluster", f"http://{at.namenode_web}/webhdfs/v1/?op=LISTSTATUS")
    assert [requests.get(page, timeout=10).status_code for page in pages] == [200, 200]


def test_a_second_up_changes_nothing(hadoop: LocalHadoop) -> None:
    before, files = pids(hadoop), {path: path.read_text() for path in hadoop.conf_dir.iterdir()}
    hadoop.up()
    assert pids(hadoop) == before
    assert {path: path.read_text() for path in hadoop.conf_dir.iterdir()} == files


def test_up_starts_only_what_is_missing(hadoop: LocalHadoop) -> None:
    before = pids(hadoop)
    hadoop.kill("datanode")
    assert pids(hadoop) == before | {"datanode": None}
    hadoop.up()
    after = pids(hadoop)
    assert {name for name in after if after[name] != before[name]} == {"datanode"}


def test_files_written_survive_the_namenode_and_the_datanode(hadoop: LocalHadoop, store: str) -> None:
    with fsspec.open(f"{store}/greeting", "wb") as file:
        file.write(b"hello")
    for daemon in ("namenode", "datanode"):
        hadoop.kill(daemon)
        hadoop.start(daemon)
    hadoop.wait_ready()
    with fsspec.open(f"{store}/greeting", "rb") as file:
        assert file.read() == b"hello"


def test_hdfs_tells_owner_and_time(hadoop: LocalHadoop, store: str) -> None:
    filesystem, path = fsspec.core.url_to_fs(store)
    filesystem.pipe_file(f"{path}/file", b"x")
    [entry] = filesystem.ls(path, detail=True)
    assert entry["owner"] == os.environ.get("USER", entry["owner"])
    assert entry["modification_time"] > 0


def test_an_application_outlives_resourcemanager_and_nodemanagers(
    hadoop: LocalHadoop, tmp_path: Path
) -> None:
    rest, started, flag = Rest(hadoop), tmp_path / "started", tmp_path / "flag"
    application = rest.submit(f"touch {started}; while [ ! -e {flag} ]; do sleep 0.2; done; exit 3")
    until(started.exists)
    for daemon in daemons(2)[1:]:
        if daemon != "datanode":
            hadoop.kill(daemon)
            hadoop.start(daemon)
    hadoop.wait_ready()
    assert rest.application(application)["state"] == "ACCEPTED"
    flag.touch()
    ended = until(lambda: (app := rest.application(application))["state"] == "FAILED" and app)
    assert "exitCode: 3" in ended["diagnostics"]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHadoop]:
    """A second cluster, with GPUs."""
    with running(tmp_path_factory.mktemp("other"), Options(gpus=2)) as cluster:
        yield cluster


def test_two_clusters_share_no_port(hadoop: LocalHadoop, other: LocalHadoop) -> None:
    assert all(daemon.ready for cluster in (hadoop, other) for daemon in cluster.status())
    assert hadoop.addresses.namenode != other.addresses.namenode
    assert len(Rest(hadoop).nodes()) == 2
    assert len(Rest(other).nodes()) == 1


async def test_yarn_schedules_gpus(other: LocalHadoop, tmp_path: Path) -> None:
    started, rest = tmp_path / "started", Rest(other)
    assert gpus(rest, "totalResource") == 2
    await run_in_container(other, Resource(memory=128, vcores=1, gpus=2), f"touch {started}; sleep 600")
    until(started.exists)
    assert gpus(rest, "usedResource") == 2


async def run_in_container(hadoop: LocalHadoop, size: Resource, command: str) -> None:
    """Start a container of that size as an application's unmanaged master, and leave both alone."""
    conf = configuration.read(hadoop.conf_dir)
    client = ResourceManager(conf, "tester")
    application = (await client.new_application()).id
    await client.submit(Submission(id=application, name="test", queue="gpu"))
    async with asyncio.timeout(20):
        token = await token_of(client, application)
        container, nm_token = await granted(ApplicationMaster(conf, token), ResourceAsk(1, size, 1, 1))
    nodes = NodeManagers()
    await nodes.start(container.node, nm_token, container.container_token, LaunchContext(command))
    await nodes.close()
    await client.close()


async def token_of(client: ResourceManager, application: str) -> bytes:
    while True:
        report = await client.report(application)
        if report and report.am_rm_token:
            return report.am_rm_token
        await asyncio.sleep(0.05)


async def granted(master: ApplicationMaster, ask: ResourceAsk) -> tuple[GrantedContainer, bytes]:
    await master.register("127.0.0.1", 0, "")
    answer = await master.allocate(AllocateCall(response_id=0, asks=(ask,)))
    while not answer.allocated:
        await asyncio.sleep(0.1)
        answer = await master.allocate(AllocateCall(response_id=answer.response_id))
    await master.close()
    [container] = answer.allocated
    return container, answer.nm_tokens[container.node]


def gpus(rest: Rest, which: str) -> int:
    [node] = rest.nodes()
    kinds = node[which]["resourceInformations"]["resourceInformation"]
    return int(next(kind["value"] for kind in kinds if kind["name"] == "yarn.io/gpu"))


def test_other_options_are_refused_while_it_runs(other: LocalHadoop) -> None:
    with pytest.raises(Exception, match="runs with other options"):
        LocalHadoop(other.folder, Options(gpus=3)).up()


def test_the_nodemanager_tells_of_each_gpu(other: LocalHadoop) -> None:
    url = f"http://{other.addresses.nodes[0].web}/ws/v1/node/resources/yarn.io%2Fgpu"
    answer = requests.get(url, timeout=10).json()
    assert len(answer["gpuDeviceInformation"]["gpus"]) == 2


def test_down_leaves_no_process_and_up_finds_the_data(other: LocalHadoop) -> None:
    url = f"{other.addresses.hdfs}/kept"
    filesystem, path = fsspec.core.url_to_fs(url)
    filesystem.pipe_file(path, b"kept")
    Rest(other).submit("sleep 300")
    until(lambda: len(of_folder(other.folder)) > len(daemons(1)))
    other.down()
    assert of_folder(other.folder) == []
    other.up()
    assert filesystem.cat_file(path) == b"kept"


def test_a_killed_test_run_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    script = (
        "import os; from pathlib import Path; from real.cluster import running; from trainmaster.local.options import Options\n"
        f"with running(Path({str(folder)!r}), Options()): os.kill(os.getpid(), 9)"
    )
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=environ, check=False, timeout=240)
    until(lambda: not of_folder(folder))
