"""The stories of what YARN does, on the real one; tests/yarn tells them to the simulated one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from trainmaster.errors import UnavailableError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.containers import GrantedContainer, LaunchContext
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.local.cluster import LocalHadoop
from yarn.app import App, script
from yarn.scenarios import STORIES, Story


class RealWorld:
    """Stories' `World`."""

    def __init__(self, hadoop: LocalHadoop, conf: HadoopConf, rm: ResourceManager, folder: Path) -> None:
        self.version = hadoop.options.version
        self.hadoop, self.conf, self.rm, self.folder = hadoop, conf, rm, folder
        self.node_expiry, self.application_expiry = hadoop.options.nm_expiry, hadoop.options.am_expiry
        self.apps: list[App] = []
        self.frozen: set[str] = set()

    async def app(self) -> App:
        app = await App.opened(self.conf, self.rm, "story", timeout=3)
        self.apps.append(app)
        await app.register()
        return app

    def launch(self, container: GrantedContainer, at_term: int | None = None) -> LaunchContext:
        at = self.folder / container.id
        trap = "" if at_term is None else f"trap 'exit {at_term}' TERM; "
        return script(
            f"{trap}echo $$ > {at}.new; mv {at}.new {at}.pid; "
            f"while [ ! -e {at}.exit ]; do sleep 0.05; done; exit $(cat {at}.exit)"
        )

    async def exits(self, container: GrantedContainer, code: int) -> None:
        at = self.folder / container.id
        at.with_suffix(".new").write_text(str(code))
        at.with_suffix(".new").rename(at.with_suffix(".exit"))

    async def lives(self, container: GrantedContainer) -> bool:
        return _lives((self.folder / container.id).with_suffix(".pid"))

    async def process(self, container: GrantedContainer) -> str:
        noted = (self.folder / container.id).with_suffix(".pid")
        return noted.read_text().strip() if _lives(noted) else ""

    async def kill_manager(self) -> None:
        self.hadoop.kill("resourcemanager")

    async def start_manager(self) -> None:
        await asyncio.to_thread(self.hadoop.start, "resourcemanager")

    async def freeze(self, node: str) -> None:
        self.hadoop.kill(self._daemon(node), signal.SIGSTOP)
        self.frozen.add(node)

    async def thaw(self, node: str) -> None:
        self.hadoop.kill(self._daemon(node), signal.SIGCONT)
        self.frozen.discard(node)

    async def kill_node(self, node: str) -> None:
        self.hadoop.kill(self._daemon(node))

    async def start_node(self, node: str) -> None:
        await asyncio.to_thread(self.hadoop.start, self._daemon(node))

    def _daemon(self, node: str) -> str:
        return f"nodemanager-{[each.rpc for each in self.hadoop.addresses.nodes].index(node) + 1}"

    async def close(self) -> None:
        """Leave the cluster as it was found."""
        for node in list(self.frozen):
            await self.thaw(node)
        await asyncio.to_thread(self.hadoop.up)
        for app in self.apps:
            with contextlib.suppress(UnavailableError):
                await self.rm.kill(app.id, "the story is over")
            await app.master.close()
            await app.nms.close()


def _lives(noted: Path) -> bool:
    """Whether the process whose number is noted there runs."""
    with contextlib.suppress(OSError, IndexError):
        state = Path(f"/proc/{noted.read_text().strip()}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


@pytest.fixture
async def world(
    hadoop: LocalHadoop, conf: HadoopConf, rm: ResourceManager, tmp_path: Path
) -> AsyncIterator[RealWorld]:
    made = RealWorld(hadoop, conf, rm, tmp_path)
    yield made
    await made.close()


@pytest.mark.parametrize("told", STORIES, ids=lambda told: told.__name__)
async def test_the_real_yarn_does(told: Story, world: RealWorld) -> None:
    await told(world)
