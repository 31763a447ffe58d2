"""Daemons that die and come back under a running application."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.containers import (
    Allocated,
    NmState,
)
from trainmaster.local.cluster import LocalHadoop
from yarn.app import App, script, until


async def test_the_resourcemanager_dies_and_comes_back(hadoop: LocalHadoop, app: App) -> None:
    container = await app.running(script("while [ ! -e stop ]; do sleep 0.1; done; exit 41"))
    hadoop.kill("resourcemanager")
    with pytest.raises(UnavailableError):
        await app.beat()
    hadoop.start("resourcemanager")
    await until(lambda: _refused_as(app, refusals.NOT_REGISTERED))

    async def listed() -> bool:
        answer = await app.register()
        app.last = Allocated(0)
        return container.id in {each.id for each in answer.containers}

    await until(listed)
    assert await app.status(container) is NmState.RUNNING
    await app.nms.stop(container.node, app.nm_tokens[container.node], [container.id])
    assert (await app.end_of(container)).exit == -105
    await asyncio.to_thread(hadoop.wait_ready, 60)


async def _refused_as(app: App, kind: str) -> bool:
    try:
        await app.beat()
    except UnavailableError:
        return False
    except RefusedError as error:
        if error.kind == kind:
            return True
        raise
    return False


async def test_a_nodemanager_dies_and_comes_back(hadoop: LocalHadoop, app: App, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    container = await app.running(script(f"touch {flag}; sleep 600"))
    # A NodeManager that dies before its launch script has written the pid gives the container up (exit 154).
    await until(lambda: asyncio.to_thread(flag.exists))
    number = [node.rpc for node in hadoop.addresses.nodes].index(container.node) + 1
    hadoop.kill(f"nodemanager-{number}")
    with pytest.raises(UnavailableError):
        await app.status(container)
    hadoop.start(f"nodemanager-{number}")

    async def running_again() -> bool:
        try:
            return await app.status(container) is NmState.RUNNING
        except UnavailableError:
            return False

    await until(running_again)
    await app.beat()
    assert app.ended == {}
    await asyncio.to_thread(hadoop.wait_ready, 60)
