"""All the jobs of one controller: leading, looking at the source, one master per job, publishing, and a picture of it all.

The fleet decides nothing about a job. It keeps one beat for everyone: one listing of the store and one look at the cluster
serve all jobs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from trainmaster.api.declared import Declared
from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.nodemanager import NodeManagers
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.master import clock
from trainmaster.master.admissions import Admissions
from trainmaster.master.beats import until_one_ends
from trainmaster.master.bell import Bell
from trainmaster.master.boundary import Source
from trainmaster.master.cluster import ClusterView
from trainmaster.master.desk import Desk, Files, Policy
from trainmaster.master.job import JobMaster
from trainmaster.master.journalled import Journalled, load, remembered
from trainmaster.master.measures import Measures
from trainmaster.master.picture import FleetPicture
from trainmaster.master.publisher import Publisher
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import Limits
from trainmaster.settings import Settings

log = logging.getLogger(__name__)

CLUSTER_LOOK = 2.0
"""seconds between looks at nodes and queues"""
LOOK_LEAST = 0.2
"""seconds between two listings of a small store"""
LOOK_SHARE = 50
"""a pause between listings is so many times as long as a listing took, so that a larger store is listed less often"""
STANDBY_LOOK = 1.0
"""seconds between a standby's looks at the lease; the lease's own duration decides how soon it takes over"""


BREATH = 10
"""jobs that are taken on at once, before the others have their turn"""


class Fleet:
    """One controller. `run` until `stop`; leads or stands by, as the lease says."""

    def __init__(
        self,
        settings: Settings,
        conf: HadoopConf,
        source: Source,
        measures: Measures,
        files: Files,
        policy: Policy,
        public_url: str = "",
    ) -> None:
        self._settings, self._conf, self._source = settings, conf, source
        self._files, self._policy, self._measures, self._public_url = files, policy, measures, public_url
        self._stopping = asyncio.Event()
        self._masters: dict[str, JobMaster] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._publisher = Publisher(source)
        self._cluster = ClusterView(
            ResourceManager(conf, settings.own_user), Rest(conf, Http(settings.own_user))
        )
        self._bell = Bell(self._nudge)
        self._leading = False
        self._journalled = Journalled({}, {})
        self._looked_at = 0.0
        self._trouble = ""
        """why the store could not be asked when that was last tried; empty when it could"""

    async def run(self) -> None:
        """Lead whenever the lease can be had, until stopped. What runs on YARN goes on either way."""
        while not self._stopping.is_set():
            if await self._source.lease.acquire():
                await self._lead()
            else:
                await self._sleep(STANDBY_LOOK)
        await self._source.lease.release()
        await self._cluster.close()

    def stop(self) -> None:
        """Leave cleanly: a standby takes over at once, no job notices."""
        self._stopping.set()

    def picture(self) -> FleetPicture:
        pictures = {uid: picture for uid, m in self._masters.items() if (picture := m.picture)}
        return FleetPicture(
            jobs=pictures,
            leading=self._leading and self._source.lease.held(),
            yarn_up=self._cluster.up,
            store_up=not self._trouble,
            looked_at=self._looked_at,
            expiry=self._conf.application_expiry,
            leader="" if self._leading else self._source.lease.leader,
            trouble=self._trouble or self._source.trouble,
        )

    # --- leading

    async def _lead(self) -> None:
        """Take up every job of the journal, then keep the beats until the lease is another's."""
        self._publisher = Publisher(self._source)  # what was shown by an earlier leader says nothing any more
        desk = self._new_desk()
        try:
            self._journalled = found = await load(self._source)
        except TrainmasterError as error:
            log.warning("the journal can't be read yet", extra={"error": str(error)})
            self._trouble = str(error)
            await self._sleep(STANDBY_LOOK)
            return
        log.info("leading", extra={"epoch": self._source.lease.epoch, "jobs": len(found.memories)})
        self._leading = True
        self._source.adopt(found.names)
        try:
            await until_one_ends(
                self._stopped,
                self._renew,
                lambda: self._look_at_cluster(desk),
                lambda: self._take_up(desk, dict(found.memories)),
                self._publisher.run,
            )
        finally:
            await self._put_down(desk)

    async def _take_up(self, desk: Desk, memories: dict[str, Memory]) -> None:
        """First what is remembered, then what is declared."""
        while memories:
            _, memory = memories.popitem()
            self._drive(desk, remembered(self._source.name, memory), memory)
            await self._breathe()
        await self._look_at_source(desk)

    def _new_desk(self) -> Desk:
        limits = Limits(
            port_first=self._settings.port_first,
            port_last=self._settings.port_last,
            node_expiry=self._conf.node_expiry,
            max_replicas=self._settings.max_replicas,
            first_cause_wait=self._settings.first_cause_wait,
        )
        return Desk(
            settings=self._settings,
            conf=self._conf,
            limits=limits,
            journal=self._source.journal,
            lease=self._source.lease,
            nodes=NodeManagers(),
            cluster=self._cluster,
            admissions=Admissions(self._settings.admissions),
            measures=self._measures,
            files=self._files,
            policy=self._policy,
            publish=self._publisher.put,
            gone=self._gone,
            remove=self._source.remove,
            nudge=self._bell.ring,
            public_url=self._public_url,
        )

    def _nudge(self, uid: str) -> None:
        if master := self._masters.get(uid):
            master.nudge()

    async def _gone(self, declared: Declared) -> None:
        self._publisher.forget(declared.uid)
        await self._source.gone(declared)

    def _drive(self, desk: Desk, declared: Declared, memory: Memory | None = None) -> None:
        master = JobMaster(desk, declared, memory)
        self._masters[declared.uid] = master
        self._tasks[declared.uid] = asyncio.get_running_loop().create_task(master.run())

    async def _put_down(self, desk: Desk) -> None:
        """Leave every job as it is, for whoever takes it up."""
        self._leading = False
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*(m.close() for m in self._masters.values()), return_exceptions=True)
        await asyncio.gather(
            desk.nodes.close(), *(rm.close() for rm in desk.managers.values()), return_exceptions=True
        )
        desk.close()
        self._masters, self._tasks = {}, {}

    # --- beats

    async def _renew(self) -> None:
        """Renew the lease. Ends when another controller has it; a store that is away is no such sign."""
        lease = self._source.lease
        epoch = lease.epoch
        while True:
            await asyncio.sleep(self._settings.lease_duration / 5)
            await lease.acquire()
            if lease.superseded or lease.epoch != epoch:
                log.warning("another controller leads now", extra={"epoch": epoch})
                return

    async def _look_at_cluster(self, desk: Desk) -> None:
        """Wake those whose turn has come, and those that wait for what has changed."""
        while True:
            await self._cluster.look()
            desk.line.look()
            for uid in (*desk.line.news(), *self._not_taken_in()):
                self._bell.ring(uid)
            await asyncio.sleep(CLUSTER_LOOK)

    def _not_taken_in(self) -> Iterator[str]:
        """Jobs, or edits of them, that are not taken in, where the terms have changed on which their queue does that."""
        changed = self._cluster.changed_terms()
        if changed is None:
            return
        for uid, master in self._masters.items():
            if not master.memory.closing_since and not master.taken_in and changed(master.queue):
                yield uid

    async def _look_at_source(self, desk: Desk) -> None:
        while True:
            started, pause = clock.monotonic(), self._settings.look_interval
            try:
                found = await self._source.look()
            except TrainmasterError as error:
                if not self._trouble:
                    log.warning("the store can't be listed", extra={"error": str(error)})
                self._trouble = str(error)
            else:
                pause = min(pause, max(LOOK_LEAST, LOOK_SHARE * (clock.monotonic() - started)))
                self._trouble, self._looked_at = "", clock.now()
                await self._take_in(desk, list(found.values()))
            await self._source.changed(pause)

    async def _take_in(self, desk: Desk, found: list[Declared]) -> None:
        """Hand each declaration to its master. One that isn't in the picture is not a deletion: sources say those."""
        for uid in [uid for uid, master in self._masters.items() if master.over]:
            del self._masters[uid], self._tasks[uid]
        for declared in map(self._journalled.judged, found):
            master = self._masters.get(declared.uid)
            if master is None:
                log.info(
                    "a new job",
                    extra={"namespace": declared.namespace, "job": declared.name, "uid": declared.uid},
                )
                self._drive(desk, declared)
                await self._breathe()
            else:
                master.declare(declared)
        beating = [master.contact for master in self._masters.values() if master.contact.heart]
        desk.fleet_size = len(beating)
        desk.expecting = sum(1 for contact in beating if contact.expects)

    async def _stopped(self) -> None:
        await self._stopping.wait()

    async def _breathe(self) -> None:
        """Now and then while many jobs are taken on, so that those which run already get their heartbeats."""
        if len(self._masters) % BREATH == 0:
            await asyncio.sleep(0)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
