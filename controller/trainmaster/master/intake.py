"""What there is to be driven: first what the journal remembers, then what the source declares, look after look.

Never here: a decision about a job, or about who leads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from trainmaster.api.declared import Declared
from trainmaster.errors import TrainmasterError
from trainmaster.master import clock
from trainmaster.master.beats import Beats
from trainmaster.master.boundary import Source
from trainmaster.master.desk import Desk
from trainmaster.master.job import JobMaster
from trainmaster.master.journalled import Journalled, load, read_again, remembered
from trainmaster.master.keeping import Keeping
from trainmaster.master.masters import Masters
from trainmaster.plan.memory import Memory

log = logging.getLogger(__name__)

LOOK_LEAST = 0.2
"""seconds between two listings of a small store"""
LOOK_SHARE = 50
"""a pause between listings is so many times as long as a listing took, so that a larger store is listed less often"""
READ_AGAIN = 30.0
"""seconds between tries to read journal records that could not be read"""
LOAD_AGAIN = 1.0
"""seconds before the journal is tried again that could not be read at all"""
BREATH = 10
"""jobs that are taken on at once, before the others have their turn"""
STEP = 100
"""declarations that are handed out at once to masters that are there already: each is compared with the one before"""


class Intake:
    """The jobs of one leadership, as they come."""

    def __init__(self, source: Source, masters: Masters, beats: Beats, interval: float) -> None:
        """`interval`: seconds between two looks at most."""
        self._source, self._masters, self._beats, self._interval = source, masters, beats, interval
        self._journalled = Journalled({}, {})
        self._remembered: dict[str, Memory] = {}
        """jobs of the journal that are still to be taken up: each is taken out once, whatever fails afterwards"""
        self._read_again_at = 0.0
        self._handed: Mapping[str, Declared] | None = None
        """the picture that was handed out last: given again, there is nothing new in it"""
        self.installation = ""
        """the identity of the installation, known once the journal was read"""
        self.trouble = ""
        """why the store could not be asked when that was last tried; empty when it could"""
        self.complete = False
        """whether all that the journal and the source knew at the first look has been taken in"""
        self.looked_at = 0.0
        """time of the last complete look; 0 before the first"""

    def forget(self, uid: str) -> None:
        """Nothing of this job is left, in the journal neither."""
        self._journalled, self._handed = self._journalled.healed(uid), None

    # --- the journal

    async def load(self) -> bool:
        """Read the journal; False when it can't be read yet."""
        try:
            self.installation = await self._source.identify()
            found = await load(self._source)
        except TrainmasterError as error:
            self._store_fails("the journal can't be read yet", error)
            await asyncio.sleep(LOAD_AGAIN)
            return False
        log.info("leading", extra={"epoch": self._source.lease.epoch, "jobs": len(found.memories)})
        self._source.adopt(found.names)
        self._journalled, self._remembered = found, dict(found.memories)
        self._read_again_at = clock.monotonic() + READ_AGAIN
        return True

    async def run(self, desk: Desk) -> None:
        """Until cancelled. Begun anew after a failure, it goes on where it was: nobody is taken up twice."""
        while self._remembered:
            uid, memory = self._remembered.popitem()
            self._take_up(desk, uid, memory)
            await self._breathe()
        while True:
            await self._look(desk)

    async def keep_alive(self, desk: Desk) -> None:
        """Give YARN signs of life of what has no readable record, until cancelled."""
        await Keeping(desk, lambda: self._journalled.unreadable).run()

    def _take_up(self, desk: Desk, uid: str, memory: Memory) -> None:
        try:
            if self._drive(desk, remembered(self._source.name, memory), memory):
                desk.measures.taken_up()
        except Exception:
            self._journalled = self._journalled.without(uid)
            raise

    async def _read_again(self, desk: Desk) -> None:
        """Records that could not be read may be by now: the store was slow, or somebody restored them."""
        if clock.monotonic() < self._read_again_at:
            return
        self._read_again_at = clock.monotonic() + READ_AGAIN
        for uid in self._journalled.unreadable:
            if memory := await read_again(self._source, uid):
                await self._masters.drop(uid)
                self._journalled, self._handed = self._journalled.healed(uid, memory), None
                self._take_up(desk, uid, memory)

    # --- what is declared

    async def _look(self, desk: Desk) -> None:
        started, pause = clock.monotonic(), self._interval
        try:
            found = await self._source.look()
        except TrainmasterError as error:
            self._store_fails("the store can't be listed", error)
        else:
            pause = min(pause, max(LOOK_LEAST, LOOK_SHARE * (clock.monotonic() - started)))
            self.trouble, self.looked_at = "", clock.now() - self._source.late
            await self._take_in(desk, found)
        self._beats.works("listing")
        await self._source.changed(pause)

    async def _take_in(self, desk: Desk, found: Mapping[str, Declared]) -> None:
        """Hand each declaration to its master. One that isn't in the picture is not a deletion: sources say those."""
        swept = self._masters.sweep()
        await self._read_again(desk)
        failures: list[Exception] = []
        if swept:
            self._handed = None
        if found is not self._handed:
            failures = await self._hand_out(desk, found)
        if failures:
            raise failures[0]

    async def _hand_out(self, desk: Desk, found: Mapping[str, Declared]) -> list[Exception]:
        """Those that are other objects than at the last look. What nobody foresaw with one is raised once the others have been
        handed theirs."""
        failures, before = list[Exception](), self._handed or {}
        news = [declared for uid, declared in found.items() if before.get(uid) is not declared]
        self._handed = None  # whatever happens meanwhile
        for number, declared in enumerate(map(self._journalled.judged, news), 1):
            if number % STEP == 0:
                await asyncio.sleep(0)
            try:
                if await self._heed(desk, declared):
                    await self._breathe()
            except Exception as error:  # noqa: BLE001 - raised by the caller
                failures.append(error)
        self._handed, self.complete = None if failures else found, True
        return failures

    async def _heed(self, desk: Desk, declared: Declared) -> bool:
        """Whether it is a new job."""
        master = self._masters.get(declared.uid)
        if master and not self._journalled.ends_anew(master.declared, declared):
            master.declare(declared)
            return False
        await self._masters.drop(declared.uid)
        log.info(
            "a new job",
            extra={"namespace": declared.namespace, "job": declared.name, "uid": declared.uid},
        )
        new, job = self._drive(desk, declared), declared.job
        if new and not (declared.known or declared.duplicate_of):
            desk.measures.created(declared.namespace, job.spec.framework.value if job else "")
        return new

    def _drive(self, desk: Desk, declared: Declared, memory: Memory | None = None) -> bool:
        """Whether it wasn't driven already."""
        return self._masters.drive(declared.uid, lambda: JobMaster(desk, declared, memory))

    def _store_fails(self, what: str, error: TrainmasterError) -> None:
        """Said once, however long it lasts."""
        if not self.trouble:
            log.warning(what, extra={"error": str(error)})
        self.trouble = str(error)

    async def _breathe(self) -> None:
        """Now and then while many jobs are taken on, so that those which run already get their heartbeats."""
        if len(self._masters) % BREATH == 0:
            await asyncio.sleep(0)
