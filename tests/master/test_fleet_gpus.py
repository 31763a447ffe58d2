"""What others found of a job's GPUs is shown soon, and by that nothing else happens. In virtual time."""

from __future__ import annotations

import asyncio

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.virtual import until, virtual
from trainmaster.plan.values import HeldGpus
from yarn.wires import Yarn


@virtual
async def test_gpus_that_were_found_reach_the_status_in_one_write_and_nothing_is_decided_on_them() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=2))
    async with controller(folder, yarn) as ours:
        await until(lambda: len(yarn.running()) == 2)
        await asyncio.sleep(10)
        [picture] = ours.picture().jobs.values()
        containers = [replica.container for replica in picture.status.roles["worker"].replicas]
        writes, started = folder.publishes["a"], list(yarn.started)

        for _ in range(3):  # the same thing three times is one thing
            ours.found.show_gpus("a", {containers[1]: HeldGpus((0, 3), 90)})
            await asyncio.sleep(5)

        [picture] = ours.picture().jobs.values()
        shown = [(r.gpu_numbers, r.gpu_percent) for r in picture.status.roles["worker"].replicas]
        assert shown == [((), None), ((0, 3), 90)]
        assert folder.publishes["a"] == writes + 1
        assert list(yarn.started) == started

        ours.found.keep_gpus(())
        ours.found.show_gpus("gone", {})
        await asyncio.sleep(5)
        assert len(yarn.running()) == 2
