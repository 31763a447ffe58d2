"""All the jobs of one controller: leading, looking at the source, one master per job, publishing, and a picture of it all.

The fleet decides nothing about a job. It keeps one beat for everyone: one listing of the store and one look at the cluster
serve all jobs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.logs import ContainerLogs
from trainmaster.hadoop.nodemanager import NodeManagers
from trainmaster.hadoop.nodeweb import NodeWeb
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.master import clock
from trainmaster.master.admissions import Admissions
from trainmaster.master.beats import Beats
from trainmaster.master.bell import Bell
from trainmaster.master.boundary import History, Source
from trainmaster.master.cluster import ClusterView
from trainmaster.master.desk import Desk, Files, Policy, no_private_files
from trainmaster.master.expiry import Expiries
from trainmaster.master.found import Found
from trainmaster.master.gpus import NO_GPUS
from trainmaster.master.history import Historian
from trainmaster.master.inputs import Locate, nowhere
from trainmaster.master.intake import Intake
from trainmaster.master.job import JobMaster
from trainmaster.master.masters import Masters
from trainmaster.master.measures import Measures
from trainmaster.master.node_health import Clearings
from trainmaster.master.picture import Beat, FleetPicture, Picture
from trainmaster.master.publisher import Publisher
from trainmaster.master.secrets import PrivateFiles
from trainmaster.plan.admission import refusal
from trainmaster.plan.case import Case
from trainmaster.plan.holdings import hopeless
from trainmaster.plan.ledger import ShareUse
from trainmaster.plan.values import Limits, Seen
from trainmaster.settings import Settings

log = logging.getLogger(__name__)

CLUSTER_LOOK = 2.0
"""seconds between looks at nodes and queues"""
STANDBY_LOOK = 1.0
"""seconds between a standby's looks at the lease; the lease's own duration decides how soon it takes over"""


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
        history: History | None = None,
        private_files: PrivateFiles = no_private_files,
        locate: Locate = nowhere,
    ) -> None:
        self._settings, self._conf, self._source, self._history = settings, conf, source, history
        self._files, self._policy, self._measures, self._public_url = files, policy, measures, public_url
        self._private_files, self._locate = private_files, locate
        self._stopping = asyncio.Event()
        self.beats = Beats(measures.unforeseen)
        self._masters = Masters()
        self._publisher = Publisher(source, self.beats)
        self._intake = self._new_intake()
        calls = measures.calls
        http = Http(settings.own_user, settings.hadoop_ca_file, calls)
        # Under Kerberos as itself, which needs no right of a proxy.
        manager = ResourceManager(conf, "" if conf.kerberos else settings.own_user, calls=calls)
        self._cluster = ClusterView(manager, Rest(conf, http))
        self._expiries = Expiries(conf, http)
        self._web, self._logs = NodeWeb(conf, http), ContainerLogs(conf, http)
        self._bell = Bell(self._nudge)
        self._historian = self._new_historian()
        self._leading = False
        self._clearings = Clearings(source)
        self._uses: Callable[[], tuple[ShareUse, ...]] = tuple
        self.found = Found(
            lambda: self._masters.values() if self._leading else (),
            self._bell.ring,
            settings.nodes.exclusions_per_hour,
        )
        source.ask(self.advise)

    async def run(self) -> None:
        """Lead whenever the lease can be had, until stopped. What runs on YARN goes on either way."""
        while not self._stopping.is_set():
            if await self._source.lease.acquire():
                await self._lead()
            else:
                await self._sleep(STANDBY_LOOK)
        with self.beats.guarded("lease"):  # at worst a standby waits for as long as the lease lasts
            await self._source.lease.release()
        await self._cluster.close()

    def stop(self) -> None:
        """Leave cleanly: a standby takes over at once, no job notices."""
        self._stopping.set()

    def picture(self) -> FleetPicture:
        """Of this moment; on the loop alone (picture.Shown)."""
        return self._pictured(self._masters.items())

    def gpu_picture(self) -> FleetPicture:
        """The same of those jobs alone that hold GPUs: it is asked for every other second."""
        return self._pictured((uid, m) for uid, m in self._masters.items() if m.shown and m.shown.status.gpus)

    @property
    def leader(self) -> str:
        """Where the web server of another controller is, which leads; empty where none is known."""
        return "" if self._leading else self._source.lease.leader

    def _pictured(self, masters: Iterable[tuple[str, JobMaster]]) -> FleetPicture:
        jobs, beats = dict[str, Picture](), dict[str, Beat]()
        for uid, master in masters:  # once: of ten thousand this holds up the loop
            if master.shown:
                jobs[uid] = master.shown
                if master.memory.application:
                    beats[uid] = master.beat
        return FleetPicture(
            jobs=jobs,
            beats=beats,
            leading=self._leading and self._source.lease.held(),
            yarn_up=self._cluster.up,
            store_up=not self._intake.trouble,
            looked_at=self._intake.looked_at,
            expiry=self._expiries.known.application,
            gpus=self._cluster.gpus if self._leading else NO_GPUS,
            leader=self.leader,
            trouble=self._intake.trouble or self._source.trouble or self._historian.trouble,
            unable=self._source.unable,
            unforeseen=self.beats.trouble,
            installation=self._intake.installation,
            foreign=self._source.foreign,
            unshown=self._publisher.unshown,
            reports=self.found.reports.unread(),
            suspects=self.found.suspects.known if self._leading else (),
            called_bad=self.found.suspects.called if self._leading else (),
            nodes_held_back=self.found.suspects.held_back if self._leading else 0,
            node_sources=dict(self.found.suspects.told),
            cleared=self.found.suspects.cleared,
            nodes=self._cluster.nodes if self._leading else (),
            quotas=self._uses() if self._leading else (),
        )

    def advise(self, job: TrainingJob) -> str:
        """What keeps such a job from starting, as YARN is now; empty where nothing does, or where this isn't the leader."""
        cluster = self._cluster.of_queue(job.spec.queue) if self._leading else None
        if cluster is None:
            return ""
        about = Declared(self._source.name, job.metadata.namespace, job.metadata.name, "", "", job=job)
        seen = Seen(cluster=cluster, quota=hopeless(self._settings.quotas, job, cluster.queue))
        no = refusal(Case(about, job, seen, clock.now(), self._limits()), frozenset())
        return no[1] if no else ""

    # --- leading

    async def _lead(self) -> None:
        """Drive every job until the lease is another's. It is renewed from the first moment: a large journal takes its time."""
        # What an earlier leader showed, or knew, says nothing any more.
        self._publisher, self._intake = Publisher(self._source, self.beats), self._new_intake()
        desk, epoch = self._new_desk(), self._source.lease.epoch
        self.found.suspects.takes_over()
        try:
            await self.beats.until_one_ends(
                stop=self._stopped, lease=lambda: self._renew(epoch), jobs=lambda: self._serve(desk)
            )
        finally:
            await self._put_down(desk)

    async def _serve(self, desk: Desk) -> None:
        """Read the journal once, then keep the beats."""
        while not self._leading:
            self._leading = await self._intake.load()
        desk.installation = self._intake.installation
        await self.beats.until_one_ends(
            cluster=lambda: self._look_at_cluster(desk),
            expiry=lambda: self._expiries.keep(desk.expect),
            listing=lambda: self._intake.run(desk),
            keeping=lambda: self._intake.keep_alive(desk),
            history=desk.history.run,
            cleared=lambda: self._clearings.run(self.found.suspects, self.beats),
            statuses=self._publisher.run,
            repairs=self._publisher.watch,
        )

    def _new_intake(self) -> Intake:
        return Intake(self._source, self._masters, self.beats, self._settings.look_interval)

    def _new_historian(self) -> Historian:
        return Historian(self._history, self._bell.ring, self.beats, self._settings.history.keep_months)

    def _new_desk(self) -> Desk:
        self._historian = self._new_historian()
        return Desk(
            settings=self._settings,
            conf=self._conf,
            limits=self._limits(),
            journal=self._source.journal,
            lease=self._source.lease,
            nodes=NodeManagers(calls=self._measures.calls, protections=self._conf.protections),
            web=self._web,
            cluster=self._cluster,
            admissions=Admissions(self._settings.admissions),
            measures=self._measures,
            files=self._files,
            private_files=self._private_files,
            locate=self._locate,
            values=self._source.values,
            policy=self._policy,
            publish=self._publisher.put,
            gpus=self.found.gpus,
            checkpoints=self.found.checkpoints,
            saved_models=self.found.saved_models,
            reports=self.found.reports,
            suspects=self.found.suspects,
            logs=self._logs,
            gone=self._gone,
            remove=self._source.remove,
            nudge=self._bell.ring,
            public_url=self._public_url,
            history=self._historian,
        )

    def _limits(self) -> Limits:
        return Limits(
            port_first=self._settings.port_first,
            port_last=self._settings.port_last,
            node_expiry=self._expiries.known.node,
            max_replicas=self._settings.max_replicas,
            first_cause_wait=self._settings.first_cause_wait,
            in_place=self._settings.restart_in_place,
            web_scheme=self._conf.scheme,
            history=self._history is not None,
        )

    def _nudge(self, uid: str) -> None:
        if master := self._masters.get(uid):
            master.nudge()

    async def _gone(self, declared: Declared) -> None:
        self._publisher.forget(declared.uid)
        await self._source.gone(declared)
        self._intake.forget(declared.uid)

    async def _put_down(self, desk: Desk) -> None:
        """Leave every job as it is, for whoever takes it up."""
        self._leading = False
        await self._masters.close()
        await asyncio.gather(
            desk.nodes.close(), *(rm.close() for rm in desk.managers.values()), return_exceptions=True
        )
        await desk.secrets.close()
        await desk.inputs.close()
        desk.close()

    # --- beats

    async def _renew(self, epoch: int) -> None:
        """Renew the lease. Ends when another controller has it; a store that is away is no such sign."""
        lease = self._source.lease
        while True:
            await asyncio.sleep(self._settings.lease_duration / 5)
            await lease.acquire()
            self.beats.works("lease")
            if lease.superseded or lease.epoch != epoch:
                log.warning("another controller leads now", extra={"epoch": epoch})
                return

    async def _look_at_cluster(self, desk: Desk) -> None:
        """Wake those whose turn has come, and those that wait for what has changed."""
        while True:
            await self._cluster.look()
            self.beats.works("cluster")
            await desk.line.look()
            let_in = await self._look_at_quotas(desk)
            for uid in (*desk.line.news(), *self._not_taken_in(desk), *self._look_at_suspects(), *let_in):
                self._bell.ring(uid)
            await asyncio.sleep(CLUSTER_LOOK)

    async def _look_at_quotas(self, desk: Desk) -> list[str]:
        """Jobs that quotas let in now, or of which they say something else. Not before all jobs are known: they hold some."""
        self._uses = lambda: desk.quotas.uses
        may = desk.quotas and self._intake.complete
        return await desk.quotas.look(self._masters.claims(desk)) if may else []

    def _look_at_suspects(self) -> Iterator[str]:
        """Jobs that ask for containers, where they are to leave other nodes alone than before."""
        jobs = ((m.declared.owner or m.declared.namespace, m.memory) for m in self._masters.values())
        if self.found.suspects.look(jobs, self._cluster.racks, clock.now(), self._intake.complete):
            yield from [uid for uid, m in self._masters.items() if m.contact.heart and m.contact.heart.wanted]

    def _not_taken_in(self, desk: Desk) -> Iterator[str]:
        """Jobs, or edits of them, that are not taken in, where the terms have changed on which their queue does that."""
        changed = self._cluster.changed_terms()
        if changed is None:
            return
        for uid in list(desk.outside):
            if (master := self._masters.get(uid)) and changed(master.queue):
                yield uid

    async def _stopped(self) -> None:
        await self._stopping.wait()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
