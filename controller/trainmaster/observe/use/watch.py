"""Asking NodeManagers what our containers use, beside all else: a node that is slow, dead or lying costs only its own turn.

Never here: whose a container is (values.py), when a node is asked (gpus/rota.py), or what is served of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.asking import Asking
from trainmaster.hadoop.container_use import PATH, UseTrouble, read, trouble_of
from trainmaster.master import clock
from trainmaster.master.picture import FleetPicture
from trainmaster.master.tasks import cancelled
from trainmaster.observe.gpus.rota import Rota
from trainmaster.observe.gpus.values import GpuPicture
from trainmaster.observe.use.curves import Curves, Sample, UsePicture, later, samples
from trainmaster.observe.use.values import Nodes, Said, SaidBy, heard, uses_of
from trainmaster.settings import Use as Settings

log = logging.getLogger(__name__)

TURN = 5.0
"""seconds between two looks at which nodes are due"""
MOST_A_TURN = 100
"""nodes that are asked in one turn: thousands take the longer, and not more of a core"""
AT_ONCE = 8
"""of these that are asked at one time: answers that come together hold up the loop, and GPUs want places of the client as well"""
PATIENCE = 10.0
"""seconds for an answer"""


class UseWatch:
    """What is known of one controller's containers; a standby asks nobody, because it has none."""

    def __init__(
        self,
        settings: Settings,
        scheme: str,
        asking: Asking,
        fleet: Callable[[], FleetPicture],
        gpus: Callable[[], GpuPicture] = GpuPicture,
    ) -> None:
        self._settings, self._scheme, self._asking, self._fleet, self._gpus = (
            settings,
            scheme,
            asking,
            fleet,
            gpus,
        )
        self._rota, self._nodes = Rota(settings.poll_interval), Nodes()
        self._said: dict[str, Said] = {}
        self._last: SaidBy = {}
        self._curves: Curves = {}
        self._minute = 0
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def asks(self) -> int:
        """How many nodes are being asked."""
        return len(self._tasks)

    def picture(self) -> UsePicture:
        """On the loop alone, as all pictures (master/picture.py)."""
        return UsePicture(dict(self._said), self._curves, bool(self._settings.poll_interval))

    def last(self) -> SaidBy:
        """As it was at the last turn, frozen: any thread may read it."""
        return self._last

    async def run(self) -> None:
        """Until cancelled; nothing at all where it is switched off."""
        try:
            while True:
                if self._settings.poll_interval:
                    await self.turn()
                await asyncio.sleep(TURN)
        finally:
            await self.stop()

    async def turn(self) -> None:
        """Begin to ask whoever is due, and note what was used once a minute."""
        fleet = self._fleet()
        nodes = await asyncio.to_thread(self._nodes.of, fleet) if fleet.leading else {}
        self._said = {http: said for http, said in self._said.items() if http in nodes}
        self._last = dict(self._said)
        await asyncio.sleep(0)  # of thousands of nodes each of these takes some milliseconds
        for http in self._rota.due(nodes, clock.monotonic(), MOST_A_TURN):
            task = asyncio.get_running_loop().create_task(self._ask(http, nodes[http]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if (minute := int(clock.now() // 60)) != self._minute:
            self._minute = minute
            self._curves = await asyncio.to_thread(self._later, fleet, dict(self._said), self._gpus(), minute)

    def _later(self, fleet: FleetPicture, said: SaidBy, gpus: GpuPicture, minute: int) -> Curves:
        new: dict[str, dict[str, Sample]] = {}
        busy = gpus.busy()
        for uid, picture in fleet.jobs.items() if fleet.leading else ():
            if (
                picture.memory
                and picture.memory.application
                and (found := samples(uses_of(picture, said), busy, minute))
            ):
                new[uid] = found
        return later(self._curves, new, minute)

    async def _ask(self, http: str, host: str) -> None:
        async with self._places:
            said = await self._answer(http, host)
        self._tell(http, said)
        self._said[http] = said
        # One that doesn't measure is asked on: others' containers there, or a restart, may show otherwise.
        self._rota.answered(http, clock.monotonic(), well=said.trouble is None)

    async def _answer(self, http: str, host: str) -> Said:
        url = f"{self._scheme}://{http}{PATH}"
        try:
            body = await self._asking.get(url, PATIENCE)
            used = await asyncio.to_thread(read, body)
            return heard(host, used, self._said.get(http), self._nodes.containers)
        except TrainmasterError as error:
            # Without the address: the same trouble of thousands of nodes is told once.
            return Said(host, trouble=trouble_of(error), words=str(error).replace(f"{url}: ", "", 1))
        except Exception as error:  # one node's answer must not keep it from being asked again
            log.exception(
                "a node's answer on its containers failed in a way nobody foresaw", extra={"node": host}
            )
            return Said(host, trouble=UseTrouble.SENSELESS, words=type(error).__name__)

    def _tell(self, http: str, said: Said) -> None:
        """Once for each trouble of a node, and once when it is over."""
        before = self._said.get(http)
        was = before.trouble if before else None
        if said.trouble and said.trouble is not was:
            about = {"node": said.host, "trouble": said.trouble, "error": said.words}
            level = logging.INFO if said.trouble is UseTrouble.OFF else logging.WARNING
            log.log(level, "a node tells nothing of what its containers use", extra=about)
        elif was and not said.trouble:
            log.info("a node tells of what its containers use again", extra={"node": said.host})

    async def stop(self) -> None:
        """Nobody is asked any more, and nothing is known."""
        await cancelled(self._tasks)
        self._rota, self._said, self._last = Rota(self._settings.poll_interval), {}, {}
