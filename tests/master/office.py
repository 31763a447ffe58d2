"""A desk with fakes on it, and jobs driven on it: `async with Office() as office: master = office.drive(job(worker=2))`.

Lives here: the journal, the lease and the cluster as the shell sees them, and small waits in virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from prometheus_client import CollectorRegistry

from master.virtual import until
from plan.build import job
from trainmaster.api.declared import Declared
from trainmaster.api.job import FileRef, TrainingJob
from trainmaster.api.status import JobStatus
from trainmaster.errors import FencedError, UnavailableError
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.containers import LocalResource
from trainmaster.master import opening
from trainmaster.master.admissions import Admissions
from trainmaster.master.codec import decode
from trainmaster.master.desk import Desk
from trainmaster.master.gpus import NO_GPUS
from trainmaster.master.job import JobMaster
from trainmaster.master.measures import Measures
from trainmaster.plan.bounds import Bound, Bounds, of_partition
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import Cluster, Event, Limits, Node, Size
from trainmaster.settings import Settings
from yarn.wires import LARGE, NODE, Master, Nodes, Rm, Web, Yarn

__all__ = ["Leads", "Office", "Store", "cluster", "container", "job"]


class Store:
    """A journal: `down` fails every write, `fail` the next few."""

    def __init__(self, lease: Leads) -> None:
        self.records: dict[str, bytes] = {}
        self.down, self.fail, self.writes = False, 0, 0
        self._lease = lease

    async def load(self) -> Mapping[str, bytes]:
        return dict(self.records)

    async def read(self, uid: str) -> bytes | None:
        return self.records.get(uid)

    async def write(self, uid: str, record: bytes) -> None:
        self.writes += 1
        await asyncio.sleep(0.005)
        if self.down or self.fail:
            self.fail = max(0, self.fail - 1)
            raise UnavailableError("the store is away")
        if not self._lease.held():
            raise FencedError("another leads")
        self.records[uid] = record

    async def remove(self, uid: str) -> None:
        await asyncio.sleep(0.005)
        if self.down:
            raise UnavailableError("the store is away")
        self.records.pop(uid, None)

    def memory(self, uid: str = "uid") -> Memory:
        return decode(self.records[uid])


class Leads:
    """A lease that the test holds or lets go."""

    epoch = 1
    superseded = False
    address = leader = ""

    def __init__(self) -> None:
        self.ours = True

    def held(self) -> bool:
        return self.ours

    async def acquire(self) -> bool:
        return self.ours

    async def release(self) -> None:
        self.ours = False


class Office(AbstractAsyncContextManager["Office"]):
    """Everything that masters share, faked. On leaving, every master is closed as the fleet does when it is put down."""

    def __init__(
        self,
        yarn: Yarn | None = None,
        store: Store | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self.yarn, self.lease = yarn or Yarn(), Leads()
        self.store = store or Store(self.lease)
        self.shown: dict[str, JobStatus] = {}
        self.went: list[str] = []
        self.events: list[Event] = []
        self.removed = 0
        self.passes = 0
        self.registry = CollectorRegistry()
        self.files: Callable[[FileRef, str], Any] = _no_file
        self.desk = self._desk(limits)
        self.masters: dict[str, JobMaster] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self._patch = patch.object(
            opening, "ApplicationMaster", lambda _, token, **_wires: Master(self.yarn, token)
        )

    def _desk(self, limits: Limits) -> Desk:
        measures = Measures(self.registry, kubeflow=True)
        measures.pass_done = self._passed  # type: ignore[method-assign]
        desk = Desk(
            settings=Settings(user="u"),
            conf=parse({}),
            limits=limits,
            journal=self.store,
            lease=self.lease,
            nodes=cast("Any", Nodes(self.yarn)),
            web=cast("Any", Web(self.yarn)),
            cluster=cast("Any", cluster()),
            admissions=Admissions(16),
            measures=measures,
            files=self._look_up,
            policy=lambda _declared, _job: "",
            publish=self._publish,
            gone=self._gone,
            remove=self._remove,
            nudge=lambda uid: self.masters[uid].nudge(),
            public_url="",
            installation="ours",
        )
        desk.managers["u"] = cast("Any", Rm(self.yarn))
        return desk

    async def _look_up(self, ref: FileRef, user: str) -> LocalResource:
        return cast("LocalResource", await self.files(ref, user))

    def _passed(self, _seconds: float) -> None:
        self.passes += 1

    def _publish(self, declared: Declared, status: JobStatus, events: Sequence[Event]) -> None:
        self.shown[declared.uid] = status
        self.events += events

    async def _gone(self, declared: Declared) -> None:
        self.went.append(declared.uid)

    async def _remove(self, _declared: Declared) -> None:
        self.removed += 1

    async def __aenter__(self) -> Office:
        self._patch.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.gather(*(master.close() for master in self.masters.values()))
        self._patch.stop()

    def drive(
        self, job: TrainingJob | None, memory: Memory | None = None, uid: str = "uid", **declared: Any
    ) -> JobMaster:
        """Drive a job as the fleet does."""
        said = Declared("folder", "default", "mnist", uid, "mnist.yaml", job=job, **{"owner": "u"} | declared)
        master = self.masters[uid] = JobMaster(self.desk, said, memory)
        self.tasks.append(asyncio.create_task(master.run()))
        return master

    def counted(self, name: str, **labels: str) -> float:
        """The value of a series of /metrics; 0 for one that isn't there yet."""
        return self.registry.get_sample_value(name, labels) or 0.0

    async def until(self, what: Callable[[], object], within: float = 60.0) -> None:
        """Let time pass until it is so."""
        await until(what, within, every=0.01)

    async def running(self, count: int) -> None:
        await self.until(lambda: len(self.yarn.running()) == count)
        await asyncio.sleep(2)  # until the job's master has heard of it


def container(master: JobMaster, index: int = 0) -> str:
    """The one that a job's replica is bound to, by the replica's place."""
    return master.memory.replicas[index].container


def cluster() -> SimpleNamespace:
    """Stands for ClusterView: one large node."""
    size = Size(LARGE.memory, LARGE.vcores, LARGE.gpus)
    known = Cluster(size, nodes=(Node(NODE.partition(":")[0], "/r", size, size),))

    async def nothing() -> None:
        return None

    return SimpleNamespace(
        bounds=Bounds({of_partition(""): Bound("the cluster", size.times(1000), size.times(1000))}),
        seen_at=1.0,
        racks={},
        nodes=known.picture,
        of_queue=lambda _: known,
        up=True,
        gpus=NO_GPUS,
        growth=0,
        changed_terms=lambda: None,
        look=nothing,
        close=nothing,
    )


async def _no_file(ref: FileRef, _user: str) -> LocalResource:
    return LocalResource(ref.source, 1, 1)
