"""Signs of life for applications whose journal records can't be read: YARN would end a silent one.

Each repeats the very first heartbeat, which takes nothing in and asks for nothing (`Heart.repeat` does the same): ends stay with
YARN for whoever can read the record. Never here: a start, a stop, a record.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping

from trainmaster.errors import RefusedError, TrainmasterError
from trainmaster.hadoop.containers import AllocateCall
from trainmaster.hadoop.refusals import NOT_REGISTERED
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.master.codec import Nameplate
from trainmaster.master.desk import Desk
from trainmaster.master.heartbeat import REPLAY

log = logging.getLogger(__name__)

PAUSE = 10.0
"""seconds between two signs of life, of which YARN wants one in some minutes (yarn.am.liveness-monitor.expiry-interval-ms)"""


class Keeping:
    """The applications that are kept alive, by the uid of their jobs."""

    def __init__(self, desk: Desk, unreadable: Callable[[], Mapping[str, Nameplate]]) -> None:
        self._desk, self._unreadable = desk, unreadable
        self._masters: dict[str, ApplicationMaster] = {}
        self._over: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._round()
                await asyncio.sleep(PAUSE)
        finally:
            for uid in list(self._masters):
                await self._leave(uid)

    async def _round(self) -> None:
        known = self._unreadable()
        for uid in self._masters.keys() - known.keys():
            await self._leave(uid)
        kept = [(uid, plate) for uid, plate in known.items() if plate.token and uid not in self._over]
        if self._desk.lease.held():
            await asyncio.gather(*(self._keep(uid, plate) for uid, plate in kept))

    async def _keep(self, uid: str, plate: Nameplate) -> None:
        """One sign of life, or what keeps it from being given."""
        try:
            master = self._masters.get(uid) or await self._registered(uid, plate)
            await master.allocate(AllocateCall(REPLAY))
        except RefusedError as error:
            await self._leave(uid)
            if error.kind != NOT_REGISTERED:
                await self._refused(uid, plate, error)
        except (TrainmasterError, Base64Error) as error:
            log.info(
                "a job whose record can't be read is not heard at YARN",
                extra={"uid": uid, "error": str(error)},
            )

    async def _registered(self, uid: str, plate: Nameplate) -> ApplicationMaster:
        master = ApplicationMaster(self._desk.conf, b64decode(plate.token), calls=self._desk.measures.calls)
        self._masters[uid] = master
        await master.register("localhost", -1, "")
        log.warning(
            "keeping alive what has no readable record", extra={"uid": uid, "application": plate.application}
        )
        return master

    async def _refused(self, uid: str, plate: Nameplate, error: RefusedError) -> None:
        """It may be over: then there is nothing to be kept."""
        try:
            report = await self._desk.manager(plate.user).report(plate.application)
        except TrainmasterError:
            return
        if report is None or report.state.over:
            self._over.add(uid)
        log.warning(
            "YARN takes no sign of life", extra={"uid": uid, "error": str(error), "over": uid in self._over}
        )

    async def _leave(self, uid: str) -> None:
        if master := self._masters.pop(uid, None):
            await master.close()
