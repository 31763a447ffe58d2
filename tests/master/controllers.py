"""A whole controller on fakes: `async with controller(folder, yarn) as ours:`. Never here: a rule of YARN, or an assertion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from prometheus_client import CollectorRegistry

from master.folder import Folder
from master.office import cluster
from trainmaster.master import desk, fleet, opening
from trainmaster.master.fleet import Fleet
from trainmaster.master.measures import Measures
from trainmaster.settings import Settings
from yarn.wires import Master, Nodes, Rm, Web, Yarn


@asynccontextmanager
async def controller(
    folder: Folder, yarn: Yarn, registry: CollectorRegistry | None = None
) -> AsyncIterator[Fleet]:
    """A controller that runs until the block ends."""
    conf = SimpleNamespace(node_expiry=600.0, application_expiry=600.0, scheme="http")
    with (
        patch.object(opening, "ApplicationMaster", lambda _, token: Master(yarn, token)),
        patch.object(desk, "ResourceManager", lambda *_: Rm(yarn)),
        patch.object(fleet, "ResourceManager", lambda *_: None),
        patch.object(fleet, "Rest", lambda *_: None),
        patch.object(fleet, "ClusterView", lambda *_: cluster()),
        patch.object(fleet, "NodeManagers", lambda: Nodes(yarn)),
        patch.object(fleet, "NodeWeb", lambda *_: Web(yarn)),
    ):
        measures = Measures(registry or CollectorRegistry())
        ours = Fleet(
            Settings(user="u"), cast("Any", conf), folder, measures, cast("Any", None), lambda *_: ""
        )
        running = asyncio.create_task(ours.run())
        try:
            yield ours
        finally:
            ours.stop()
            await running
