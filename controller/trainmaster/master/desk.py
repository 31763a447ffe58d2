"""What all masters of one controller share: the wires, the clocks of its work, the ledgers, and what is known of the cluster."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from trainmaster.api.declared import Declared
from trainmaster.api.history import EndedRun, file_of
from trainmaster.api.job import FileRef, TrainingJob
from trainmaster.api.status import JobStatus
from trainmaster.errors import InvalidError, NoSuchFileError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.containers import LocalResource
from trainmaster.hadoop.expiry import Expiry
from trainmaster.hadoop.logs import ContainerLogs
from trainmaster.hadoop.nodemanager import NodeManagers
from trainmaster.hadoop.nodeweb import NodeWeb
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.master.acls import acls_of
from trainmaster.master.admissions import Admissions
from trainmaster.master.beating import Beating
from trainmaster.master.beats import Beats
from trainmaster.master.boundary import Journal, Lease
from trainmaster.master.checkpoints import FoundCheckpoints, FoundSavedModels
from trainmaster.master.cluster import ClusterView
from trainmaster.master.crowd import PASSES, Crowd
from trainmaster.master.delegation import Delegation
from trainmaster.master.garbage import keep
from trainmaster.master.gpus import FoundGpus
from trainmaster.master.history import Historian
from trainmaster.master.inputs import Inputs, Locate, nowhere
from trainmaster.master.line import Line
from trainmaster.master.measures import Measures
from trainmaster.master.pace import Pace
from trainmaster.master.ports import Ports
from trainmaster.master.quotas import Quotas
from trainmaster.master.reports import FoundReports
from trainmaster.master.secrets import Fetch, PrivateFiles, Secrets
from trainmaster.master.suspects import FoundSuspects
from trainmaster.plan.values import Event, Limits
from trainmaster.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_BEAT = 10.0
"""seconds between two heartbeats of a job that holds nothing, at most: as late as that it hears that somebody ended it in YARN"""
WAITING_BEATS = 400
"""heartbeats a second of all jobs that wait: each start has up to two such waits, for its container and until its process runs,
so no more than between a half of this and all of it can be started a second"""
LARGE = 250
"""replicas from which on a decision takes some ten milliseconds"""
Files = Callable[[FileRef, str], Awaitable[LocalResource]]
"""size and time of a file, as YARN wants them, seen as the user (second argument); raises RefusedError or UnavailableError"""


async def no_private_files(ref: FileRef, _: str) -> LocalResource:
    """Where none are looked up."""
    raise NoSuchFileError(f"{ref.source}: no files can be looked up here")


async def no_values(namespace: str, kind: str, name: str) -> Mapping[str, bytes]:
    """Where nothing holds any."""
    raise InvalidError(f"{kind} {namespace}/{name}: nothing holds values here")


Policy = Callable[[Declared, TrainingJob], str]
"""why this job may not use its YARN user or queue; empty when it may"""


@dataclass
class Desk:
    """Handed to each master by the fleet."""

    settings: Settings
    conf: HadoopConf
    limits: Limits
    journal: Journal
    lease: Lease
    nodes: NodeManagers
    web: NodeWeb
    cluster: ClusterView
    admissions: Admissions
    measures: Measures
    files: Files
    policy: Policy
    publish: Callable[[Declared, JobStatus, Sequence[Event]], None]
    gone: Callable[[Declared], Awaitable[None]]
    remove: Callable[[Declared], Awaitable[None]]
    nudge: Callable[[str], None]
    """make the master of this uid look again soon"""
    public_url: str
    """address of the web server as others reach it; empty where none runs"""
    gpus: FoundGpus = field(default_factory=FoundGpus)
    checkpoints: FoundCheckpoints = field(default_factory=FoundCheckpoints)
    saved_models: FoundSavedModels = field(default_factory=FoundSavedModels)
    reports: FoundReports = field(default_factory=FoundReports)
    suspects: FoundSuspects = field(default_factory=FoundSuspects)
    private_files: PrivateFiles = no_private_files
    values: Fetch = no_values
    locate: Locate = nowhere
    logs: ContainerLogs | None = None
    """what processes wrote, as their NodeManagers serve it"""
    ports: Ports = field(default_factory=Ports)
    pace: Pace = field(default_factory=Pace)
    history: Historian = field(default_factory=lambda: Historian(None, lambda _: None, Beats()))
    """files runs that are over"""
    installation: str = ""
    """identity of the installation that this controller belongs to, told once the fleet leads"""
    beating: Beating = field(default_factory=Beating)
    crowd: Crowd = field(default_factory=Crowd)
    passes: Crowd = field(default_factory=lambda: Crowd(PASSES))
    """those that take a pass, or make what a process is started with"""
    outside: dict[str, None] = field(default_factory=dict)
    """jobs that wait to be taken in, or an edit of which does: by their last passes"""
    managers: dict[str, ResourceManager] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="decide")
        self.line = Line(self.cluster, self.nudge)
        self.delegation = Delegation(self.conf)
        self.quotas = Quotas(self.settings.quotas, self.queue_path)
        self.inputs = Inputs(self.locate, self.nudge)
        self.secrets = Secrets(self.values, self.private_files, self.nudge)

    async def beside(self, replicas: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a pure function of frozen values; for a large job in a thread, so that no heartbeat waits for it."""
        if replicas < LARGE:
            return work(*args, **kwargs)
        call = functools.partial(_kept, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._aside, call)

    async def breath(self, replicas: int) -> None:
        """Let others have their turn in the midst of what is done for a job: where it is large they'd wait long for all of it."""
        if replicas >= LARGE:
            await asyncio.sleep(0)

    def stands_outside(self, uid: str, outside: bool) -> None:
        """Whether this job, or an edit of it, waits to be taken in."""
        if outside:
            self.outside[uid] = None
        else:
            self.outside.pop(uid, None)

    def manager(self, user: str) -> ResourceManager:
        """The client that speaks as this user."""
        if user not in self.managers:
            self.managers[user] = ResourceManager(self.conf, user, calls=self.measures.calls)
        return self.managers[user]

    def close(self) -> None:
        """Nothing is computed aside any more."""
        self.line.close()
        self._aside.shutdown(wait=False, cancel_futures=True)

    def expect(self, expiry: Expiry) -> None:
        """From now on decisions wait as long as YARN does."""
        self.limits = replace(self.limits, node_expiry=expiry.node)

    @property
    def calm_beat(self) -> float:
        """Seconds between the heartbeats of a calm job: more with many jobs, so that the loop's work stays bounded."""
        holding = len(self.beating.holding)
        return max(self.settings.beat_calm, min(1.0, holding / 250), holding / 1000)

    @property
    def idle_beat(self) -> float:
        """The same for a job that holds nothing and asks for nothing (it waits for its turn): only its application is to live, so
        that thousands of them don't slow down those whose ends are to be heard."""
        return max(self.calm_beat, min(LONGEST_BEAT, len(self.beating.idle) / 100))

    @property
    def fast_beat(self) -> float:
        """Seconds between the heartbeats of a job that waits: more when many do, for the ResourceManager's sake."""
        return max(self.settings.beat_fast, len(self.beating.expecting) / WAITING_BEATS)

    def beat_after(self, *, expects: bool, holds: bool) -> float:
        """Seconds until the next heartbeat of a job that has nothing to say now: whether it expects to hear something soon, and
        whether it holds containers."""
        if expects:
            return self.fast_beat
        return self.calm_beat if holds else self.idle_beat

    @property
    def viewer(self) -> str:
        """Who reads what processes wrote, beside their user: we do, for the pages. Under Kerberos NodeManagers know who asks."""
        return self.settings.own_user if self.conf.kerberos else ""

    def acls(self, namespace: str, job: TrainingJob | None) -> tuple[str, str]:
        """Who may view and modify the application of a job, in YARN's words."""
        return acls_of(namespace, job, self.settings.acls)

    def job_page(self, declared: Declared) -> str:
        return f"{self.public_url}/jobs/{declared.namespace}/{declared.name}/" if self.public_url else ""

    def run_page(self, declared: Declared, rerun: int) -> str:
        """The page of one run, which YARN links to: it stays that run's when the job runs again."""
        page = self.job_page(declared)
        return f"{page}runs/{rerun}/" if page else ""

    def file(self, run: EndedRun) -> None:
        """Put a run that is over into the history, with the address of its own page there."""
        page = f"{self.public_url}/{file_of(run).page}" if self.public_url else ""
        self.history.file(run.model_copy(update={"page": page}))

    def forget(self, uid: str) -> None:
        """Nothing of the job is left."""
        self.ports.forget(uid)
        self.history.forget(uid)
        self.line.leave(uid)
        self.quotas.forget(uid)
        self.secrets.forget(uid)
        self.inputs.forget(uid)

    def queue_path(self, queue: str) -> str:
        """The full path of a queue, by which it may be named as well; as it is named where none is known."""
        cluster = self.cluster.of_queue(queue)
        return (cluster.queue if cluster else "") or queue

    def user_of(self, declared: Declared, job: TrainingJob) -> str:
        return job.spec.user or declared.owner or self.settings.own_user


def _kept(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return work(*args, **kwargs)
    finally:
        keep()
