"""Fixtures of the tests on real daemons. `pytest -m "not daemons"` leaves all of these tests out."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from rare import leave_out_rare
from real.cluster import running, up
from trainer.ledger import Ledger
from trainmaster.api.crd import crd_yaml
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.daemons import Daemons
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.kubernetes.options import KubernetesOptions
from trainmaster.local.security import CONTROLLER

if TYPE_CHECKING:
    from real.rooms import OpenRoom, Room
    from real.trainings import RunExample

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker("daemons")
    leave_out_rare(items)
    items.sort(key=_needs_go)


def _needs_go(item: pytest.Item) -> bool:
    """Such tests come last: on a new machine the programs that Go builds are not there yet."""
    named = ("kubernetes", "shipping", "test_tools")
    return "kubernetes" in getattr(item, "fixturenames", ()) or any(name in item.nodeid for name in named)


@pytest.fixture(scope="session")
def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHadoop]:
    """A real cluster of two nodes for the whole run, with HADOOP_CONF_DIR pointing at it."""
    with pytest.MonkeyPatch.context() as patch, running(tmp_path_factory.mktemp("hadoop")) as cluster:
        patch.setenv("HADOOP_CONF_DIR", str(cluster.conf_dir))
        yield cluster


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKubernetes]:
    """A real control plane for the whole run that knows our kinds, with KUBECONFIG pointing at its administrator."""
    control_plane = LocalKubernetes(tmp_path_factory.mktemp("kubernetes"), KubernetesOptions(audit=True))
    with pytest.MonkeyPatch.context() as patch, up(control_plane):
        patch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
        control_plane.define(crd_yaml())
        yield control_plane


@pytest.fixture
def namespace(kubernetes: LocalKubernetes) -> Iterator[str]:
    """The name of a fresh namespace. It is deleted with its test, which nobody waits for."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    kubernetes.kubectl("create", "namespace", name)
    yield name
    kubernetes.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture(autouse=True)
def _repaired(request: pytest.FixtureRequest) -> None:
    """What one test killed, and failed to start again, is no other test's trouble."""
    for name in {"hadoop", "kubernetes"}.intersection(request.fixturenames):
        _mended(request.getfixturevalue(name))


def _mended(cluster: Daemons[Any]) -> Any:
    if not all(daemon.ready for daemon in cluster.status()):
        cluster.up()
    return cluster


@pytest.fixture
def store(hadoop: LocalHadoop) -> str:
    """The URL of an empty HDFS folder that no other test uses."""
    return _empty_folder(hadoop)


def _empty_folder(hadoop: LocalHadoop) -> str:
    url = f"{hadoop.addresses.hdfs}/tests/{uuid.uuid4().hex}"
    filesystem, path = fsspec.core.url_to_fs(url)
    filesystem.makedirs(path)
    if hadoop.options.kerberos:  # there the controller is somebody else: see The store in docs/install.md
        filesystem.client.set_owner(path, CONTROLLER)
    return url


@pytest.fixture(scope="module", params=["folder", "kubernetes"])
def kind(request: pytest.FixtureRequest) -> str:
    """Where jobs come from. The engine's scenarios run with every kind; a file about one kind says so by its own `kind`."""
    return str(request.param)


@pytest.fixture(scope="module")
def open_room(kind: str, request: pytest.FixtureRequest) -> OpenRoom:
    """Makes rooms of that kind; whoever opens one closes it."""
    from real.kubernetes_rooms import KubernetesRoom
    from real.rooms import FolderRoom

    if kind == "folder":
        return lambda hadoop, folder: FolderRoom(_empty_folder(hadoop), hadoop, folder)
    kubernetes: LocalKubernetes = request.getfixturevalue("kubernetes")
    return lambda hadoop, folder: KubernetesRoom(_mended(kubernetes), hadoop, folder)


@pytest.fixture
def room(open_room: OpenRoom, hadoop: LocalHadoop, tmp_path: Path) -> Iterator[Room]:
    """A source of jobs for one test, which starts the controllers itself."""
    with closing(open_room(hadoop, tmp_path)) as made:
        yield made


@pytest.fixture
def run_example(room: Room, store: str) -> RunExample:
    """Has an example train in that room."""
    from real.trainings import runner

    return runner(room, store)


@pytest.fixture(scope="module")
def _led(
    open_room: OpenRoom, hadoop: LocalHadoop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    with closing(open_room(hadoop, tmp_path_factory.mktemp("shared"))) as made:
        made.controller()
        yield made


@pytest.fixture
def shared(_led: Room) -> Iterator[Room]:
    """A source and a controller for all tests of one file: their jobs are neighbours. Each is deleted with its test."""
    yield _led
    for name in _led.names():
        _led.delete(name)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")
