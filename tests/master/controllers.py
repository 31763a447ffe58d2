"""A whole controller on the simulated YARN: `async with controller(folder, yarn) as ours:`.

Never here: a rule of YARN, or an assertion.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast
from unittest.mock import patch

from prometheus_client import CollectorRegistry

from master.folder import Folder
from master.office import cluster
from trainmaster.hadoop.configuration import APPLICATION_EXPIRY, NODE_EXPIRY, parse
from trainmaster.hadoop.rest import RestQueue
from trainmaster.hadoop.values import NewApplication, NodeReport
from trainmaster.master import desk, fleet, keeping, opening
from trainmaster.master.boundary import History
from trainmaster.master.cluster import ClusterView
from trainmaster.master.fleet import Fleet
from trainmaster.master.inputs import Locate, nowhere
from trainmaster.master.measures import Measures
from trainmaster.master.secrets import PrivateFiles
from trainmaster.settings import Settings
from yarn.queues import ENDLESS, Queue
from yarn.wires import Logs, Master, Nodes, Rm, Web, Yarn


@dataclass
class Said:
    """What the simulated YARN tells of itself as a whole, by RPC and REST."""

    yarn: Yarn

    async def new_application(self) -> NewApplication:
        return NewApplication("application_1_0000", self.yarn.rm.scheduler.configured)

    async def cluster_nodes(self) -> list[NodeReport]:
        return await Rm(self.yarn).cluster_nodes()

    async def queues(self) -> tuple[RestQueue, ...]:
        return tuple(map(_told, self.yarn.rm.scheduler.queues.values()))

    async def close(self) -> None:
        return None


def _told(queue: Queue) -> RestQueue:
    """As CapacitySchedulerLeafQueueInfo has it."""
    maximum = None if queue.maximum == ENDLESS else queue.maximum
    pending = sum(1 for each in queue.applications if not each.active)
    active = len(queue.applications) - pending
    name = queue.name.rpartition(".")[2]
    return RestQueue(name, queue.name, True, queue.state, None, maximum, None, queue.used, active, pending)


async def _here(work: Callable[..., Any], *args: Any) -> Any:
    """In virtual time nothing comes back from threads."""
    return work(*args)


PAGES = "http://ctl:9090"
"""where those with a history say that their pages are"""


@asynccontextmanager
async def controller(
    folder: Folder,
    yarn: Yarn,
    registry: CollectorRegistry | None = None,
    looks: bool = False,
    history: History | None = None,
    **settings: Any,
) -> AsyncIterator[Fleet]:
    """A controller that runs until the block ends; it really `looks` at nodes and queues where these matter."""
    with wired(yarn, looks):
        ours, running = begun(folder, registry, history, **settings)
        try:
            yield ours
        finally:
            ours.stop()
            await running


def begun(
    folder: Folder,
    registry: CollectorRegistry | None = None,
    history: History | None = None,
    private_files: PrivateFiles = desk.no_private_files,
    locate: Locate = nowhere,
    **settings: Any,
) -> tuple[Fleet, asyncio.Task[None]]:
    """A controller that runs until its task is cancelled, which is how it is killed."""
    conf = parse({APPLICATION_EXPIRY: "600s", NODE_EXPIRY: "600s"})
    measures = Measures(registry or CollectorRegistry(), kubeflow=True)
    ours = Fleet(
        Settings(user="u", **{"restart_in_place": True, **settings}),
        conf,
        folder,
        measures,
        cast("Any", None),
        lambda *_: "",
        public_url=PAGES if history else "",
        history=history,
        private_files=private_files,
        locate=locate,
    )
    return ours, asyncio.create_task(ours.run())


@contextmanager
def wired(yarn: Yarn, looks: bool) -> Iterator[None]:
    """Meanwhile all wires lead to this YARN."""
    said = cast("Any", Said(yarn))
    with (
        patch.object(opening, "ApplicationMaster", lambda _, token, **_wires: Master(yarn, token)),
        patch.object(keeping, "ApplicationMaster", lambda _, token, **_wires: Master(yarn, token)),
        patch.object(desk, "ResourceManager", lambda *_, **_wires: Rm(yarn)),
        patch.object(fleet, "ResourceManager", lambda *_, **_wires: None),
        patch.object(fleet, "Rest", lambda *_: None),
        patch.object(fleet, "Http", lambda *_: None),
        patch.object(fleet, "ClusterView", lambda *_: ClusterView(said, said) if looks else cluster()),
        patch.object(fleet, "NodeManagers", lambda **_wires: Nodes(yarn)),
        patch.object(fleet, "NodeWeb", lambda *_: Web(yarn)),
        patch.object(fleet, "ContainerLogs", lambda *_: Logs(yarn)),
        patch.object(asyncio, "to_thread", _here) if looks else nullcontext(),
    ):
        yield
