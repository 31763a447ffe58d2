"""A short form of `make chaos`: jobs train while daemons, controllers, machines and connections break at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from chaos.proxy import Network
from chaos.run import run
from chaos.yard import Yard, options
from rare import at_one_door
from real.cluster import running
from real.rooms import Room
from trainmaster.local.cluster import LocalHadoop

pytestmark = at_one_door("folder")

SECONDS, JOBS, INTERVAL = 25, 4, 2.0


@pytest.fixture(scope="module", name="hadoop")
def _hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHadoop]:
    folder = tmp_path_factory.mktemp("chaos")
    with pytest.MonkeyPatch.context() as patch, running(folder / "hadoop", options(folder)) as hadoop:
        patch.setenv("HADOOP_CONF_DIR", str(hadoop.conf_dir))
        yield hadoop


def test_nothing_is_lost_and_nothing_runs_twice(room: Room, hadoop: LocalHadoop, tmp_path: Path) -> None:
    chance = Random(1)
    with Network(chance) as network:
        report = run(Yard(hadoop, room, network, tmp_path, chance), SECONDS, JOBS, INTERVAL)

    assert report.found == [], f"{report}\n{room.words}"
    assert sum(report.struck.values()) > SECONDS / INTERVAL / 3
    assert any(not job.deleted for job in report.jobs)
