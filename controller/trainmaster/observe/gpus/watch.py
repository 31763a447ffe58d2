"""Asking NodeManagers about their GPUs, beside everything else: a node that is slow, dead or lying costs only its own turn.

Never here: which nodes, and when (values.py, rota.py), or what is served of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Protocol

from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.asking import Asking
from trainmaster.hadoop.gpus import PATH, GpuTrouble, read, trouble_of, words_of
from trainmaster.master import clock
from trainmaster.master.picture import FleetPicture
from trainmaster.master.tasks import cancelled
from trainmaster.observe.gpus.bill import Bill
from trainmaster.observe.gpus.coarse import NUMBERS, Coarse
from trainmaster.observe.gpus.rota import Rota
from trainmaster.observe.gpus.values import GpuPicture, Holder, Holders, Said, heard
from trainmaster.plan.values import HeldGpus
from trainmaster.settings import Gpu as Settings

log = logging.getLogger(__name__)

TURN = 2.0
"""seconds between two looks at who holds GPUs, which the bill goes by"""
PATIENCE = 15.0
"""seconds for an answer: a NodeManager lets nvidia-smi run for 10, and others may ask before us (GpuDiscoverer)"""


class Shown(Protocol):
    """Where a job's status takes it from: the fleet."""

    def show_gpus(self, uid: str, found: Mapping[str, HeldGpus]) -> None: ...
    def keep_gpus(self, uids: Mapping[str, object]) -> None: ...


class GpuWatch:
    """The picture of GPUs of one controller; a standby asks nobody, because it holds nothing."""

    def __init__(
        self,
        settings: Settings,
        scheme: str,
        asking: Asking,
        fleet: Callable[[], FleetPicture],
        bill: Bill,
    ) -> None:
        self._settings, self._scheme, self._asking = settings, scheme, asking
        self._fleet, self._bill = fleet, bill
        self._rota, self._coarse = Rota(settings.poll_interval), Coarse()
        self._holders = Holders()
        self._said: dict[str, Said] = {}
        self._picture = GpuPicture()
        self._shown_at = -NUMBERS
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def asks(self) -> int:
        """How many nodes are being asked."""
        return len(self._tasks)

    def picture(self) -> GpuPicture:
        return self._picture

    async def run(self, shown: Shown) -> None:
        """Until cancelled."""
        try:
            while True:
                self.turn(shown)
                await asyncio.sleep(TURN)
        finally:
            await self.stop()

    def turn(self, shown: Shown) -> None:
        """Begin to ask whoever is due, and hand on what was heard since the last turn."""
        fleet, now = self._fleet(), clock.monotonic()
        held = self._holders.of(fleet) if fleet.leading else {}
        nodes = self._wanted(fleet, held)
        self._said = {http: said for http, said in self._said.items() if http in nodes}
        for http in self._rota.due(nodes, now):
            task = asyncio.get_running_loop().create_task(self._ask(http, nodes[http]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._picture = GpuPicture(dict(self._said), held)
        self._bill.count(fleet, self._picture, now)
        if now - self._shown_at >= NUMBERS or not self._said:
            self._shown_at = now if self._said else -NUMBERS
            self._show(shown, now)

    def _wanted(self, fleet: FleetPicture, held: Mapping[str, Holder]) -> dict[str, str]:
        """Web address -> host of the nodes that are worth asking."""
        if self._settings.nodes == "None":
            return {}
        ours = {holder.http: holder.host for holder in held.values()}
        return {**fleet.gpus.nodes, **ours} if self._settings.nodes == "All" else ours

    async def _ask(self, http: str, host: str) -> None:
        said = await self._answer(http, host)
        self._tell(http, said)
        self._said[http] = said
        self._rota.answered(http, clock.monotonic(), well=said.trouble is None)
        self._hear(said)

    def _hear(self, said: Said) -> None:
        """How busy the containers' GPUs are, for the mean that is shown."""
        for container, gpus in said.held.items():
            loads = [gpu.utilization for gpu in gpus if gpu.utilization is not None]
            if loads and (holder := self._picture.holders.get(container)):
                self._coarse.heard(holder.uid, container, sum(loads) / len(loads))

    async def _answer(self, http: str, host: str) -> Said:
        try:
            gpus = read(await self._asking.get(f"{self._scheme}://{http}{PATH}", PATIENCE))
        except TrainmasterError as error:
            return Said(host, trouble=trouble_of(error), words=words_of(error))
        except Exception as error:  # one node's answer must not keep it from being asked again
            log.exception("a node's answer on its GPUs failed in a way nobody foresaw", extra={"node": host})
            return Said(host, trouble=GpuTrouble.SENSELESS, words=type(error).__name__)
        if not gpus.gpus:
            return Said(host, gpus, GpuTrouble.NO_PLUGIN, "it has no GPUs that YARN knows of")
        return heard(host, gpus)

    def _tell(self, http: str, said: Said) -> None:
        """Once for each trouble of a node, and once when it is over."""
        before = self._said.get(http)
        was = before.trouble if before else None
        about = {"node": said.host, "trouble": said.trouble, "error": said.words}
        if said.trouble and said.trouble is not was:
            log.warning("a node tells nothing of its GPUs", extra=about)
        elif was and not said.trouble:
            log.info("a node tells of its GPUs again", extra={"node": said.host})

    def _show(self, shown: Shown, now: float) -> None:
        """Where nobody has told anything, as after a takeover, all is shown anew once somebody does."""
        by_job: dict[str, dict[str, tuple[int, ...] | None]] = defaultdict(dict)
        for holder in self._picture.holders.values() if self._said else ():
            by_job[holder.uid][holder.container] = self._picture.minors(holder.container)
        self._coarse.keep_only(by_job)
        shown.keep_gpus(by_job)
        for uid, minors in by_job.items():
            if (news := self._coarse.news(uid, minors, now)) is not None:
                shown.show_gpus(uid, news)

    async def stop(self) -> None:
        """Nobody is asked any more, and nothing is known."""
        await cancelled(self._tasks)
        self._rota, self._said = Rota(self._settings.poll_interval), {}
