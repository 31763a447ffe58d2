"""The stories of what YARN does, on the simulated one; tests/real/wires tells them to a real one."""

from __future__ import annotations

from typing import Any, cast

import pytest

from master.virtual import run
from trainmaster.hadoop.containers import GrantedContainer, LaunchContext
from trainmaster.hadoop.values import Resource, Submission
from yarn.app import App
from yarn.nodemanager import NodeManager
from yarn.process import AT_TERM
from yarn.resourcemanager import Options
from yarn.scenarios import STORIES, Story
from yarn.scheduler import host_of
from yarn.wires import Master, Nodes, Rm, Yarn


class SimulatedWorld:
    """Stories' `World`."""

    node_expiry, application_expiry = 15.0, 20.0

    def __init__(self, version: str) -> None:
        self.version = version
        nodes = [NodeManager(host, Resource(8192, 64)) for host in ("n1", "n2")]
        options = Options(version, self.node_expiry, self.application_expiry, 20.0, settles=2.0)
        self.yarn = Yarn(*nodes, options=options, off_switch=1, configured=Resource(8192, 64))

    async def app(self) -> App:
        rm = Rm(self.yarn)
        new = await rm.new_application()
        await rm.submit(Submission(new.id, "story", "default"))
        report = await rm.report(new.id)
        assert report
        assert report.am_rm_token
        token = report.am_rm_token

        def connect(token: bytes) -> Any:
            return Master(self.yarn, token)

        app = App(
            cast("Any", None), cast("Any", rm), cast("Any", Nodes(self.yarn)), new.id, token, connect(token)
        )
        app.connect = connect
        await app.register()
        return app

    def launch(self, container: GrantedContainer, at_term: int | None = None) -> LaunchContext:
        return LaunchContext("sleep 600", {} if at_term is None else {AT_TERM: str(at_term)})

    async def process(self, container: GrantedContainer) -> str:
        self.yarn.catch_up()
        found = (p.number for _, p in self.yarn.processes() if p.of.id == container.id)
        return str(next(found, ""))

    async def exits(self, container: GrantedContainer, code: int) -> None:
        self.yarn.exits(container.id, code)

    async def lives(self, container: GrantedContainer) -> bool:
        return container.id in self.yarn.running()

    async def kill_manager(self) -> None:
        self.yarn.catch_up()
        self.yarn.rm.up = False

    async def start_manager(self) -> None:
        self.yarn.restart()

    async def freeze(self, node: str) -> None:
        self.yarn.cut(host_of(node))

    async def thaw(self, node: str) -> None:
        self.yarn.mend(host_of(node))

    async def kill_node(self, node: str) -> None:
        self.yarn.catch_up()
        self.yarn.by_host[host_of(node)].up = False

    async def start_node(self, node: str) -> None:
        self.yarn.restart_node(host_of(node))


@pytest.mark.parametrize("told", STORIES, ids=lambda told: told.__name__)
@pytest.mark.parametrize("version", ["3.4.2", "3.3.6"])
def test_the_simulated_yarn_does(told: Story, version: str) -> None:
    async def scenario() -> None:
        await told(SimulatedWorld(version))

    run(scenario)
