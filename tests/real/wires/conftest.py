"""Fixtures of the wires' tests: clients of the real daemons, and an application that has registered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from trainmaster.hadoop.configuration import HadoopConf, read
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.nodemanager import NodeManagers
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.hadoop.values import (
    Submission,
)
from trainmaster.local.cluster import LocalHadoop
from yarn.app import App, until


@pytest.fixture
def conf(hadoop: LocalHadoop) -> HadoopConf:
    return read(hadoop.conf_dir)


@pytest.fixture
async def rm(conf: HadoopConf) -> AsyncIterator[ResourceManager]:
    client = ResourceManager(conf, "tester")
    yield client
    await client.close()


@pytest.fixture
async def rest(conf: HadoopConf) -> AsyncIterator[Rest]:
    http = Http("tester")
    yield Rest(conf, http)
    await http.close()


@pytest.fixture
async def app(conf: HadoopConf, rm: ResourceManager) -> AsyncIterator[App]:
    """An application that has registered."""
    new = await rm.new_application()
    await rm.submit(Submission(new.id, "wires", "default", tags=("trainmaster",)))

    async def token() -> bytes | None:
        report = await rm.report(new.id)
        return report.am_rm_token if report else None

    held = await until(token)
    opened = App(conf, rm, NodeManagers(idle=1), new.id, held, ApplicationMaster(conf, held))
    await opened.register()
    yield opened
    await rm.kill(new.id, "the test is over")
    await opened.master.close()
    await opened.nms.close()
