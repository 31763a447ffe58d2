"""Fixtures of the wires' tests: clients of the real daemons, and an application that has registered."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from trainmaster.hadoop.configuration import HadoopConf, read
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.local.cluster import LocalHadoop
from yarn.app import App


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
    opened = await App.opened(conf, rm, "wires")
    await opened.register()
    yield opened
    await rm.kill(opened.id, "the test is over")
    await opened.master.close()
    await opened.nms.close()
