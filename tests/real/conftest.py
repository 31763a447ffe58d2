"""Fixtures of the tests on real daemons. `pytest -m "not daemons"` leaves all of these tests out."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pytest

from real.cluster import running
from trainer.ledger import Ledger
from trainmaster.local.cluster import LocalHadoop

if TYPE_CHECKING:
    from real.controllers import Room

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker("daemons")


@pytest.fixture(scope="session")
def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHadoop]:
    """A real cluster of two nodes for the whole run, with HADOOP_CONF_DIR pointing at it."""
    with pytest.MonkeyPatch.context() as patch, running(tmp_path_factory.mktemp("hadoop")) as cluster:
        patch.setenv("HADOOP_CONF_DIR", str(cluster.conf_dir))
        yield cluster


@pytest.fixture(autouse=True)
def _repaired(request: pytest.FixtureRequest) -> None:
    """What one test killed, and failed to start again, is no other test's trouble."""
    if "hadoop" in request.fixturenames:
        cluster: LocalHadoop = request.getfixturevalue("hadoop")
        if not all(daemon.ready for daemon in cluster.status()):
            cluster.up()


@pytest.fixture
def store(hadoop: LocalHadoop) -> str:
    """The URL of an empty HDFS folder that no other test uses."""
    return _empty_folder(hadoop)


def _empty_folder(hadoop: LocalHadoop) -> str:
    url = f"{hadoop.addresses.hdfs}/tests/{uuid.uuid4().hex}"
    filesystem, path = fsspec.core.url_to_fs(url)
    filesystem.makedirs(path)
    return url


@pytest.fixture
def room(store: str, hadoop: LocalHadoop, tmp_path: Path) -> Iterator[Room]:
    from real.controllers import Room

    made = Room(store, hadoop, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def _led(hadoop: LocalHadoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    from real.controllers import Room

    made = Room(_empty_folder(hadoop), hadoop, tmp_path_factory.mktemp("shared"))
    made.controller()
    yield made
    made.close()


@pytest.fixture
def shared(_led: Room) -> Iterator[Room]:
    """A store and a controller for all tests of one file: their jobs are neighbours. Each is deleted with its test."""
    yield _led
    for job in _led.jobs.list():
        _led.jobs.delete(job.namespace, job.name)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")
